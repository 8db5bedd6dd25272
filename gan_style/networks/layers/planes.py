"""Labels as input channels (1711.09020, section 3.1)."""

import torch
from torch import Tensor, nn


class WithPlanes(nn.Module):
    """A generator of images [B, C, H, W] and labels [B, K]: each label is one more channel of the input, constant over the image.

    generator: an image generator with C + K input channels
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.size_multiple = int(getattr(generator, "size_multiple", 1))
        self.minimum_size = int(getattr(generator, "minimum_size", 1))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        planes = labels.to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.generator(torch.cat([x, planes], dim=1))
