"""The residual generator of CycleGAN (1703.10593, appendix 7.2), after Johnson et al. (1603.08155)."""

from collections import OrderedDict
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.features import Layers, Stage, run_layers, until
from gan_style.networks.keys import BaseChannels, Dropout, Norm, NumBlocks, Recomputation, Upsampling
from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.dropout import Dropout as DropoutLayer
from gan_style.networks.layers.normalisation import bias_before, norm_layer
from gan_style.networks.layers.padding import cropped, grown
from gan_style.networks.layers.patches import Positions
from gan_style.networks.layers.recomputation import stage_runner
from gan_style.networks.layers.upsampling import upsampling_layer


class ResnetConfig(NetworkConfig):
    """Two halvings, residual blocks, two doublings."""

    name: Literal["resnet"] = Field(default="resnet", description="The residual generator of CycleGAN (1603.08155, 1703.10593).")
    base_channels: BaseChannels = 64
    num_blocks: NumBlocks = Field(default=9, description="Residual blocks. CycleGAN takes 6 for images of 128 pixels, and 9 from 256.")
    norm: Norm = "instance"
    dropout: Dropout = False
    upsampling: Upsampling = "deconvolution"
    antialias: bool = Field(
        default=False,
        description="Blur before each halving, and replace each deconvolution by interpolation and a convolution. A shift of the input "
        "then shifts the output alike (1904.11486).",
    )
    activation_checkpointing: Recomputation = False


class ResnetGenerator(nn.Module):
    """c7s1-k, d2k, d4k, N residual blocks, u2k, uk, c7s1-out: images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1.

    A `FeatureGenerator`. With `antialias`, d2k and d4k are convolutions of stride 1 and a `BlurPool`, u2k and uk an interpolation and a
    convolution (1904.11486), as in the generator of CUT (2007.15651).
    """

    Config = ResnetConfig
    size_multiple = 4  # two halvings
    minimum_size = 8  # so that the blocks have 2 pixels to reflect

    def __init__(self, in_channels: int, out_channels: int, config: ResnetConfig) -> None:
        super().__init__()
        self.in_channels, self.config = in_channels, config
        self.norm = norm = config.norm
        k, antialias = config.base_channels, config.antialias
        bias = bias_before(norm)
        self.run = stage_runner(config.activation_checkpointing)
        self.stem = normalised(nn.Conv2d(in_channels, k, 7, padding=3, padding_mode="reflect", bias=bias), norm, k)
        stride = 1 if antialias else 2
        self.downs = nn.ModuleList(
            normalised(nn.Conv2d(c, 2 * c, 3, stride, padding=1, bias=bias), norm, 2 * c, BlurPool(2 * c) if antialias else None)
            for c in (k, 2 * k)
        )
        self.blocks = nn.ModuleList(ResidualBlock(4 * k, norm, config.dropout) for _ in range(config.num_blocks))
        self.ups = nn.ModuleList(
            normalised(upsampling_layer(config.upsampling, c, c // 2, kernel_size=3, bias=bias, antialias=antialias), norm, c // 2)
            for c in (4 * k, 2 * k)
        )
        self.head = nn.Conv2d(k, out_channels, 7, padding=3, padding_mode="reflect")

    def feature_stages(self) -> dict[str, Stage]:
        """The encoder's stages; the stage of a halving is the output of its convolution, before the normalisation."""
        k, stride = self.config.base_channels, 1 if self.config.antialias else 2
        return {
            "pixels": Stage(self.in_channels, 1),
            "stem": Stage(k, 1),
            "down1": Stage(2 * k, stride),
            "down2": Stage(4 * k, 2 * stride),
            **{f"block{number}": Stage(4 * k, 4) for number in range(1, self.config.num_blocks + 1)},
        }

    def forward(self, x: Tensor, positions: Positions | None = None, decode: bool = True) -> Tensor | dict[str, Tensor]:
        """The translation; with positions, what `FeatureGenerator.forward` says."""
        padded, layers = grown(x, self.size_multiple, self.minimum_size), self._encoder()
        if not decode:
            return run_layers(until(layers, positions or {}), padded, positions or {})[1]
        encoded, found = run_layers(layers, padded, positions or {})
        y = cropped(self._decode(encoded), x)
        return y if positions is None else {"translation": y, **found}

    def _encoder(self) -> Layers:
        """[B, Cin, H, W] -> [B, k, H, W] -> [B, 2k, H/2, W/2] -> [B, 4k, H/4, W/4], the last in every block."""
        layers = [("pixels", nn.Identity()), ("stem", self.stem)]
        for number, down in enumerate(self.downs, 1):
            convolution, *rest = down.children()
            layers += [(f"down{number}", convolution), *(("", layer) for layer in rest)]
        return [*layers, *((f"block{number}", partial(self.run, block)) for number, block in enumerate(self.blocks, 1))]

    def _decode(self, x: Tensor) -> Tensor:
        for up in self.ups:
            x = up(x)  # [B, 2k, H/2, W/2], [B, k, H, W]
        return torch.tanh(self.head(x))  # [B, Cout, H, W] in [-1, 1]


class ResidualBlock(nn.Module):
    """x + F(x) with two 3 x 3 convolutions, [B, C, H, W] -> [B, C, H, W], H, W >= 2; no activation after the sum."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = bias_before(norm)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm1 = norm_layer(norm, channels)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = DropoutLayer(0.5 if dropout else 0.0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm2 = norm_layer(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(self.activation(self.norm1(self.conv1(x))))
        return x + self.norm2(self.conv2(y))


def normalised(conv: nn.Module, norm: str, channels: int, pool: nn.Module | None = None) -> nn.Sequential:
    """A convolution, its normalisation, a ReLU and optionally `pool`, a layer that halves the size."""
    layers = OrderedDict[str, nn.Module](conv=conv, norm=norm_layer(norm, channels), activation=nn.ReLU(inplace=True))
    if pool is not None:
        layers["pool"] = pool
    return nn.Sequential(layers)
