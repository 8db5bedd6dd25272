"""The registration network of RegGAN (Kong et al., 2021, arXiv 2110.06465): how the pixels of one image lie in another.

Departures. A narrower U-Net f works at half the size and less, and its field is interpolated to the full size. The field of two images is
(f(x, y) - f(y, x)) / 2, which is 0 if they are equal: a network that could give every pair one and the same shift would teach the generator
to shift what it draws.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.section import Section
from gan_style.networks.layers.init import init_weights
from gan_style.networks.layers.moments import outside_autocast
from gan_style.networks.layers.normalisation import norm_layer
from gan_style.networks.layers.padding import run_padded
from gan_style.networks.layers.upsampling import ResizeConvolution


class RegistrationConfig(Section):
    """The registration network."""

    base_channels: int = Field(default=32, ge=1, le=1024, description="Channels at half the size of the images.")
    num_downs: int = Field(
        default=4,
        ge=1,
        le=12,
        description="Halvings of the size down to the bottleneck. More of them see larger displacements: 4 are enough for about 8 pixels.",
    )


class RegistrationNetwork(nn.Module):
    """Two images [B, C, H, W], `moving` and `target` -> a field [B, 2, H, W] in pixels, for any H, W >= 1; see `networks.layers.warp`.

    Its last convolution starts at 0, so the first field is exactly 0. The field is at least float32, under autocast too.
    """

    def __init__(self, channels: int, config: RegistrationConfig) -> None:
        super().__init__()
        num_downs = config.num_downs
        self.size_multiple = self.minimum_size = 2**num_downs
        widths = [config.base_channels * min(2**level, 8) for level in range(num_downs)]
        innermost = num_downs - 1

        self.downs = nn.ModuleList()
        for level, width in enumerate(widths):
            layers = OrderedDict[str, nn.Module]()
            normalised = 0 < level < innermost
            before = widths[level - 1] if level else 2 * channels
            layers["conv"] = nn.Conv2d(before, width, 4, stride=2, padding=1, bias=not normalised)
            if normalised:
                layers["norm"] = norm_layer("instance", width)
            layers["activation"] = nn.LeakyReLU(0.2)
            self.downs.append(nn.Sequential(layers))

        self.ups = nn.ModuleList()  # innermost first, as they run
        for level in reversed(range(1, num_downs)):
            layers = OrderedDict[str, nn.Module]()
            layers["conv"] = ResizeConvolution(widths[level] * (1 if level == innermost else 2), widths[level - 1], bias=False)
            layers["norm"] = norm_layer("instance", widths[level - 1])
            layers["activation"] = nn.LeakyReLU(0.2)
            self.ups.append(nn.Sequential(layers))
        self.head = nn.Conv2d(widths[0] * (2 if self.ups else 1), 2, 3, padding=1)
        init_weights(self, "kaiming", 1.0)
        nn.init.zeros_(self.head.weight)

    def forward(self, moving: Tensor, target: Tensor) -> Tensor:
        moving = moving.to(target)
        both = torch.cat([torch.cat([moving, target], dim=1), torch.cat([target, moving], dim=1)])  # [2B, 2C, H, W]
        there, back = run_padded(self._half, both, self.size_multiple, self.minimum_size).chunk(2)
        return (there - back) / 2

    def _half(self, x: Tensor) -> Tensor:
        """f: [B, 2C, H, W] -> [B, 2, H, W]."""
        skips: list[Tensor] = []
        for down in self.downs:
            x = down(x)  # level i: [B, widths[i], H/2**(i+1), W/2**(i+1)]
            skips.append(x)
        skips.pop()
        for up in self.ups:
            x = torch.cat([skips.pop(), up(x)], dim=1)  # level i: [B, 2 widths[i-1], H/2**i, W/2**i]
        field = _convolved(x, self.head.weight, self.head.bias)
        return F.interpolate(field, scale_factor=2, mode="bilinear", align_corners=False)


@outside_autocast
def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution of 3 x 3 in full precision: bf16 would round a displacement of 8 pixels to 1/16 pixel."""
    return F.conv2d(x, weight, bias, padding=1)
