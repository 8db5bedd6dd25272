"""Images as ImageNet's classifiers in torchvision take them: RGB, and normalised."""

import torch
from torch import Tensor, nn


class ImageNetNormalisation(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> values whose mean is 0 and whose deviation is 1 over ImageNet, by channel."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", [0.485, 0.456, 0.406]), ("deviation", [0.229, 0.224, 0.225])):
            constant = torch.tensor(values, device="cpu")  # has its values on the meta device too
            self.register_buffer(name, constant.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return ((images + 1) / 2 - self.mean) / self.deviation


def to_rgb(images: Tensor) -> Tensor:
    """[B, 1 to 4, H, W] -> [B, 3, H, W]. Gray is repeated. Alpha is dropped."""
    return images[:, :1].expand(-1, 3, -1, -1) if images.shape[1] < 3 else images[:, :3]
