"""The normalisation of ImageNet's classifiers in torchvision."""

import torch
from torch import Tensor, nn


class ImageNetNormalisation(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> values whose mean is 0 and whose deviation is 1 over ImageNet, by channel."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return ((images + 1) / 2 - self.mean) / self.deviation
