"""Layers that halve height and width."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLUR = (1.0, 2.0, 1.0)  # the binomial filter, "Tri-3" of 1904.11486; it sums to 4


class BlurPool(nn.Module):
    """[B, C, H, W] -> [B, C, ceil(H / 2), ceil(W / 2)]: blurred, then every second pixel (Zhang, 2019, arXiv 1904.11486); H, W >= 2.

    It follows a convolution of stride 1 and replaces its stride of 2, which would fold high frequencies into low ones.
    kernel_size, stride and padding: those of the blur, which is a convolution
    """

    weight: Tensor
    kernel_size, stride, padding = (3, 3), (2, 2), (1, 1)
    minimum_size = 2  # one pixel has none beside it to mirror

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor(BLUR, device="cpu") / sum(BLUR)  # has its values on the meta device too
        self.register_buffer("weight", torch.outer(row, row).repeat(channels, 1, 1, 1), persistent=False)  # [C, 1, 3, 3]

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight.to(x.dtype), stride=2, groups=x.shape[1])
