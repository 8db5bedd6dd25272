"""A small U-Net (Ronneberger et al., 2015, arXiv 1505.04597) that gives each pixel a class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks.layers.padding import run_padded

_GROUPS = 8


class SegmentationNet(nn.Module):
    """A U-Net from images [B, 3, H, W] in [-1, 1] of any size to logits [B, classes, H, W].

    It normalises by groups of channels (1803.08494), so that an image's result does not depend on its batch.
    """

    def __init__(self, classes: int, base_channels: int = 16, num_downs: int = 4) -> None:
        """base_channels: a multiple of 8; the number of channels doubles with each of `num_downs` halvings"""
        super().__init__()
        self.size_multiple = 2**num_downs
        widths = [base_channels * 2**level for level in range(num_downs + 1)]
        self.down = nn.ModuleList(_pair(before, width) for before, width in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(_pair(2 * width + width, width) for width in widths[-2::-1])
        self.last = nn.Conv2d(base_channels, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return run_padded(self._scores, images, self.size_multiple, self.size_multiple)

    def _scores(self, x: Tensor) -> Tensor:
        skipped: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if number else x)  # [B, base * 2^n, H / 2^n, W / 2^n]
            skipped.append(x)
        for block, skip in zip(self.up, skipped[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skip], dim=1))
        return self.last(x)


def _pair(channels: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (channels, width):
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.GroupNorm(_GROUPS, width), nn.ReLU()]
    return nn.Sequential(*layers)
