"""The U-Net generator of pix2pix (1611.07004, section 6.1.1)."""

from collections import OrderedDict
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.effect import OnlyWith
from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels, Norm, NumDowns, Upsampling
from gan_style.networks.layers.dropout import Dropout
from gan_style.networks.layers.normalisation import bias_before, norm_layer
from gan_style.networks.layers.padding import run_padded
from gan_style.networks.layers.upsampling import upsampling_layer

FIRST_WITH_DROPOUT = 4  # level of the decoder; the paper's layers with 8 times the base channels


class UnetConfig(NetworkConfig):
    """An encoder down to a bottleneck, and a decoder with skip connections."""

    name: Literal["unet"] = Field(default="unet", description="The U-Net of pix2pix (1611.07004).")
    base_channels: BaseChannels = 64
    num_downs: NumDowns = Field(
        default=8, description="Halvings of the size from the image to the bottleneck: 7 for 128 pixels, 8 for 256."
    )
    norm: Norm = "instance"
    dropout: Annotated[bool, OnlyWith({"num_downs": tuple(range(FIRST_WITH_DROPOUT + 2, 13))}, refused=False)] = Field(
        default=False, description="Dropout of 0.5 in the decoder layers between the innermost layer and the last four."
    )
    upsampling: Upsampling = "deconvolution"


class UnetGenerator(nn.Module):
    """An encoder of `num_downs` halvings and a decoder. Skip connections give each decoder layer the encoder's map of its size.

    Images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1. Level i has base_channels * min(2**i, 8) channels.
    With `bilinear-convolution`, all layers of the decoder but the last are bilinear; the last is a resize-convolution.
    Dropout of 0.5 follows the decoder layers with 8 * base_channels, except the innermost and the last of them. With 8 halvings these are
    three layers, as in the paper.
    """

    Config = UnetConfig

    def __init__(self, in_channels: int, out_channels: int, config: UnetConfig) -> None:
        super().__init__()
        self.norm = norm = config.norm
        base_channels, num_downs, upsampling = config.base_channels, config.num_downs, config.upsampling
        self.size_multiple = 2**num_downs
        self.minimum_size = self.size_multiple
        bias = bias_before(norm)
        channels = [base_channels * min(2**level, 8) for level in range(num_downs)]
        innermost = num_downs - 1

        self.downs = nn.ModuleList()
        for level in range(num_downs):
            layers = OrderedDict[str, nn.Module]()
            if level > 0:
                layers["activation"] = nn.LeakyReLU(0.2)  # not in place: the map is a skip connection too
            before = channels[level - 1] if level > 0 else in_channels
            layers["conv"] = nn.Conv2d(before, channels[level], 4, stride=2, padding=1, bias=bias)
            if 0 < level < innermost:
                layers["norm"] = norm_layer(norm, channels[level])
            self.downs.append(nn.Sequential(layers))

        self.ups = nn.ModuleList()  # innermost first, as they run
        for level in reversed(range(num_downs)):
            layers = OrderedDict[str, nn.Module](activation=nn.ReLU(inplace=True))
            here = channels[level] * (1 if level == innermost else 2)  # with the skip connection
            if level == 0:
                # Bilinear pixels are blurred, and no layer follows that could sharpen them.
                last = "resize-convolution" if upsampling == "bilinear-convolution" else upsampling
                layers["conv"] = upsampling_layer(last, here, out_channels, kernel_size=4, bias=True)
                layers["output"] = nn.Tanh()
            else:
                layers["conv"] = upsampling_layer(upsampling, here, channels[level - 1], kernel_size=4, bias=bias)
                layers["norm"] = norm_layer(norm, channels[level - 1])
                if config.dropout and FIRST_WITH_DROPOUT <= level < innermost:
                    layers["dropout"] = Dropout(0.5)
            self.ups.append(nn.Sequential(layers))

    def forward(self, x: Tensor) -> Tensor:
        return run_padded(self._translate, x, self.size_multiple, self.minimum_size)

    def _translate(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for down in self.downs:
            x = down(x)  # level i: [B, channels[i], H/2**(i+1), W/2**(i+1)]
            skips.append(x)
        skips.pop()  # the innermost map is the input of the first decoder layer
        for up in self.ups:
            x = up(x)  # level i: [B, channels[i-1], H/2**i, W/2**i]
            if skips:
                x = torch.cat([skips.pop(), x], dim=1)  # [B, 2 channels[i-1], H/2**i, W/2**i]
        return x  # [B, Cout, H, W] in [-1, 1]
