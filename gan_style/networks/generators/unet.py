"""The U-Net generator of pix2pix (1611.07004, section 6.1.1)."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from gan_style.networks.layers.dropout import Dropout
from gan_style.networks.layers.normalisation import bias_before, norm_layer
from gan_style.networks.layers.padding import run_padded
from gan_style.networks.layers.upsampling import upsampling_layer


class UnetGenerator(nn.Module):
    """An encoder of `num_downs` halvings and a decoder that sees the encoder's maps of the same size.

    Images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1. Level i has base_channels * min(2**i, 8) channels.
    Dropout of 0.5, where asked for, is in the decoder layers between the innermost and the last that has 8 * base_channels
    (three of them at 8 halvings, as in the paper).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        base_channels: int = 64,
        num_downs: int = 8,
        norm: str = "instance",
        dropout: bool = False,
        upsampling: str = "deconvolution",
    ) -> None:
        super().__init__()
        if num_downs < 2:
            raise ValueError(f"a U-Net has at least 2 halvings, not {num_downs}")
        self.norm = norm
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
                layers["conv"] = upsampling_layer(upsampling, here, out_channels, kernel_size=4, bias=True)
                layers["output"] = nn.Tanh()
            else:
                layers["conv"] = upsampling_layer(upsampling, here, channels[level - 1], kernel_size=4, bias=bias)
                layers["norm"] = norm_layer(norm, channels[level - 1])
                if dropout and 4 <= level < innermost:
                    layers["dropout"] = Dropout(0.5)
            self.ups.append(nn.Sequential(layers))

    def forward(self, x: Tensor) -> Tensor:
        return run_padded(self._translate, x, self.size_multiple, self.minimum_size)

    def _translate(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for down in self.downs:
            x = down(x)  # level i: [B, channels[i], H/2**(i+1), W/2**(i+1)]
            skips.append(x)
        skips.pop()  # the innermost map goes straight up
        for up in self.ups:
            x = up(x)  # level i: [B, channels[i-1], H/2**i, W/2**i]
            if skips:
                x = torch.cat([skips.pop(), x], dim=1)  # [B, 2 channels[i-1], H/2**i, W/2**i]
        return x  # [B, Cout, H, W] in [-1, 1]
