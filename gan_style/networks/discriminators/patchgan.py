"""The discriminator of pix2pix, which judges patches (1611.07004, section 6.1.2)."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.errors import UserError
from gan_style.networks.keys import BaseChannels, BlurredHalving, Norm, NumLayers
from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.normalisation import bias_before, norm_layer


class PatchConfig(NetworkConfig):
    """Strided convolutions and a score for each patch."""

    name: Literal["patchgan"] = Field(default="patchgan", description="A PatchGAN, which judges overlapping patches (1611.07004).")
    base_channels: BaseChannels = 64
    num_layers: NumLayers = Field(default=3, description="Layers with stride 2. With 3 of them the receptive field is 70 x 70 pixels.")
    norm: Norm = "instance"
    antialias: BlurredHalving = Field(
        default=False,
        description="Blur before each halving (1904.11486). The receptive field grows: 84 x 84 pixels with 3 strided layers.",
    )


class PatchDiscriminator(nn.Module):
    """Images [B, Cin, H, W] -> scores [B, 1, h, w], one for each of many overlapping patches; no sigmoid.

    `num_layers` strided 4 x 4 convolutions and two more with stride 1. receptive_field: side of a patch in pixels (70 for 3
    layers); minimum_size: side of the smallest image that has a patch.
    `antialias` puts a `BlurPool` behind a layer in place of its stride (1904.11486), as in the discriminator of CUT (2007.15651).
    """

    Config = PatchConfig

    def __init__(self, in_channels: int, config: PatchConfig) -> None:
        super().__init__()
        self.norm = norm = config.norm
        base_channels, num_layers, antialias = config.base_channels, config.num_layers, config.antialias
        channels = [base_channels * min(2**level, 8) for level in range(num_layers + 1)]
        halving = 1 if antialias else 2
        pools = [BlurPool(count) if antialias else None for count in channels[:-1]]
        self.layers = nn.ModuleList([layer(nn.Conv2d(in_channels, channels[0], 4, stride=halving, padding=1), pool=pools[0])])
        for level in range(1, num_layers + 1):
            stride = halving if level < num_layers else 1
            conv = nn.Conv2d(channels[level - 1], channels[level], 4, stride=stride, padding=1, bias=bias_before(norm))
            self.layers.append(layer(conv, norm_layer(norm, channels[level]), pools[level] if level < num_layers else None))
        self.head = nn.Conv2d(channels[-1], 1, 4, stride=1, padding=1)

        convs = [module for module in self.modules() if isinstance(module, nn.Conv2d | BlurPool)]
        self.receptive_field = receptive_field(convs)
        self.minimum_size = minimum_size(convs)

    def forward(self, x: Tensor) -> Tensor:
        return self.scored(x)[0]

    def scored(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The scores [B, 1, h, w], and the maps of every layer before them."""
        height, width = x.shape[2:]
        if min(height, width) < self.minimum_size:
            raise UserError(
                f"images of {width} x {height} pixels are too small for a PatchGAN that needs {self.minimum_size}: "
                "raise data.crop_size or lower method.discriminator.num_layers"
            )
        features: list[Tensor] = []
        for each in self.layers:
            x = each(x)  # [B, k, H/2, W/2] ... [B, min(2**(n-1), 8) k, H/2**n, W/2**n], [B, min(2**n, 8) k, H/2**n - 1, W/2**n - 1]
            features.append(x)
        return self.head(x), features  # [B, 1, H/2**n - 2, W/2**n - 2]


def layer(conv: nn.Conv2d, norm: nn.Module | None = None, pool: nn.Module | None = None) -> nn.Sequential:
    """A convolution, optionally its normalisation, a leaky ReLU, and optionally `pool`, a layer that halves the size."""
    layers = OrderedDict[str, nn.Module](conv=conv)
    if norm is not None:
        layers["norm"] = norm
    layers["activation"] = nn.LeakyReLU(0.2, inplace=True)
    if pool is not None:
        layers["pool"] = pool
    return nn.Sequential(layers)


def receptive_field(convs: Sequence[nn.Conv2d | BlurPool]) -> int:
    """The side in pixels of the square of the input that one output of a chain of square convolutions sees."""
    side, step = 1, 1  # step: input pixels between two neighbours of the present map
    for conv in convs:
        side += (extent(conv) - 1) * step
        step *= conv.stride[0]
    return side


def minimum_size(convs: Sequence[nn.Conv2d | BlurPool]) -> int:
    """The side in pixels of the smallest image from which a chain of square convolutions makes an output."""
    side = 1
    for conv in reversed(convs):
        padding = int(conv.padding[0])
        least = conv.minimum_size if isinstance(conv, BlurPool) else 1
        side = max(least, (side - 1) * conv.stride[0] + extent(conv) - 2 * padding)
    return side


def extent(conv: nn.Conv2d | BlurPool) -> int:
    """The side of the square of its input that one output of a square convolution sees. It has holes if the convolution is dilated."""
    dilation = conv.dilation[0] if isinstance(conv, nn.Conv2d) else 1
    return (conv.kernel_size[0] - 1) * dilation + 1
