"""Layers that double height and width."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn


class ResizeConvolution(nn.Conv2d):
    """Nearest-neighbour resize to twice the size, then a 3 x 3 convolution [B, C, H, W] -> [B, C', 2H, 2W].

    Every output pixel is a sum over the same number of weights, so a constant map stays constant (distill.pub/2016/deconv-checkerboard).
    Of any other map, the edges of the doubled pixels remain for the convolution to remove; several such layers leave lines.

    mode: of the resize; `bilinear` makes no such edges, and blurs.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool, mode: Literal["nearest", "bilinear"] = "nearest") -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1, padding_mode="reflect", bias=bias)
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.interpolate(input, scale_factor=2, mode=self.mode))


class AntialiasedConvolution(nn.Conv2d):
    """Bilinear resize to twice the size, then a 3 x 3 convolution [B, C, H, W] -> [B, C', 2H, 2W].

    The resize equals a strided transposed convolution with the binomial filter 1 3 3 1, the counterpart of `BlurPool` (1904.11486); at
    the edges it repeats the last pixel.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.interpolate(input, scale_factor=2, mode="bilinear", align_corners=False))


def upsampling_layer(
    upsampling: str, in_channels: int, out_channels: int, kernel_size: int, bias: bool, antialias: bool = False
) -> nn.Module:
    """[B, C, H, W] -> [B, C', 2H, 2W]: `deconvolution` with kernel size 3 or 4 as in the papers, `resize-convolution` or
    `bilinear-convolution` (always 3).

    antialias: instead of a deconvolution, an `AntialiasedConvolution` (always 3).
    """
    if upsampling == "resize-convolution":
        return ResizeConvolution(in_channels, out_channels, bias)
    if upsampling == "bilinear-convolution":
        return ResizeConvolution(in_channels, out_channels, bias, "bilinear")
    if upsampling != "deconvolution":
        raise ValueError(f"upsampling is deconvolution, resize-convolution or bilinear-convolution, not {upsampling!r}")
    if antialias:
        return AntialiasedConvolution(in_channels, out_channels, bias)
    odd = kernel_size % 2  # an odd kernel leaves the size one short of twice
    return nn.ConvTranspose2d(in_channels, out_channels, kernel_size, stride=2, padding=1, output_padding=odd, bias=bias)
