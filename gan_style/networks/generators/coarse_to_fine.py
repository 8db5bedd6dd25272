"""The generators of pix2pixHD (1711.11585, section 3.1): a global one, and local enhancers that double its resolution."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.generators.resnet import ResidualBlock, normalised
from gan_style.networks.keys import BaseChannels, Dropout, Norm, NumBlocks, NumDowns, Recomputation, Upsampling
from gan_style.networks.layers.normalisation import bias_before
from gan_style.networks.layers.padding import run_padded
from gan_style.networks.layers.pyramid import halved
from gan_style.networks.layers.recomputation import stage_runner
from gan_style.networks.layers.upsampling import upsampling_layer

LOCAL_BLOCKS = 3  # residual blocks of an enhancer, as in the paper's appendix
WIDEST = 16  # largest multiple of base_channels in a layer; the paper's 4 halvings stay within it


class GlobalConfig(NetworkConfig):
    """The global generator, G1."""

    name: Literal["global"] = Field(default="global", description="The global generator of pix2pixHD, for large images (1711.11585).")
    base_channels: BaseChannels = 64
    num_blocks: NumBlocks = 9
    num_downs: NumDowns = 4
    norm: Norm = "instance"
    dropout: Dropout = False
    upsampling: Upsampling = "deconvolution"
    activation_checkpointing: Recomputation = Field(
        default=False,
        description="Recompute all stages in the backward pass instead of storing their activations (1604.06174). This takes less memory "
        "and more time. The result is the same.",
    )


class CoarseToFineConfig(GlobalConfig):
    """The global generator at a lower resolution, and local enhancers."""

    name: Literal["coarse-to-fine"] = Field(  # type: ignore[assignment]
        default="coarse-to-fine", description="The generator of pix2pixHD with local enhancers, for the largest images (1711.11585)."
    )
    num_enhancers: int = Field(
        default=1, ge=1, le=3, description="Local enhancers. The global generator works at 1/2**num_enhancers of the image's size."
    )


class GlobalTrunk(nn.Module):
    """c7s1-k, d2k, d4k, ..., N residual blocks, ..., u2k, uk: images [B, Cin, H, W] -> features [B, k, H, W].

    H and W are multiples of 2**num_downs, and at least twice that.
    """

    def __init__(self, in_channels: int, config: GlobalConfig) -> None:
        super().__init__()
        k, num_downs, norm = config.base_channels, config.num_downs, config.norm
        widths = [k * min(2**level, WIDEST) for level in range(num_downs + 1)]
        self.run = stage_runner(config.activation_checkpointing)
        self.stem = _first(in_channels, k, norm)
        self.downs = nn.ModuleList(_halving(widths[level], widths[level + 1], norm) for level in range(num_downs))
        self.blocks = nn.ModuleList(ResidualBlock(widths[-1], norm, config.dropout) for _ in range(config.num_blocks))
        self.ups = nn.ModuleList(
            _doubling(widths[level + 1], widths[level], norm, config.upsampling) for level in reversed(range(num_downs))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.run(self.stem, x)  # [B, k, H, W]
        for stage in (*self.downs, *self.blocks, *self.ups):
            x = self.run(stage, x)  # down to [B, 16k, H/16, W/16] for 4 halvings, and back
        return x  # [B, k, H, W]


class CoarseToFineGenerator(nn.Module):
    """G = {G1, G2, ...}: images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1.

    `coarse`, G1 without its last convolution, sees the image halved `num_enhancers` times. Each enhancer adds its own features to the
    features so far and doubles their resolution. `base_channels` are G1's; each enhancer ends with half the channels of the one before.
    """

    Config: ClassVar[type[GlobalConfig]] = CoarseToFineConfig

    def __init__(self, in_channels: int, out_channels: int, config: GlobalConfig) -> None:
        super().__init__()
        num_enhancers = config.num_enhancers if isinstance(config, CoarseToFineConfig) else 0
        self.size_multiple = 2 ** (config.num_downs + num_enhancers)
        self.minimum_size = 2 * self.size_multiple
        self.coarse = GlobalTrunk(in_channels, config)
        widths = [max(1, config.base_channels // 2**level) for level in range(num_enhancers + 1)]
        self.enhancers = nn.ModuleList(
            LocalEnhancer(in_channels, widths[level], widths[level + 1], config) for level in range(num_enhancers)
        )
        self.head = _last(widths[-1], out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return run_padded(self._translate, x, self.size_multiple, self.minimum_size)

    def _translate(self, x: Tensor) -> Tensor:
        pyramid = [x]
        for _ in self.enhancers:
            pyramid.append(halved(pyramid[-1]))  # [B, Cin, H/2, W/2], ...
        features = self.coarse(pyramid.pop())  # [B, k, H/2, W/2] with one enhancer
        for enhancer in self.enhancers:
            features = enhancer(pyramid.pop(), features)  # [B, k/2, H, W]
        return torch.tanh(self.head(features))  # [B, Cout, H, W] in [-1, 1]


class GlobalGenerator(CoarseToFineGenerator):
    """G1, the global generator by itself: images [B, Cin, H, W] -> [B, Cout, H, W] in [-1, 1], any H, W >= 1."""

    Config: ClassVar[type[GlobalConfig]] = GlobalConfig


class LocalEnhancer(nn.Module):
    """G2: an image [B, Cin, H, W] and features [B, coarse, H/2, W/2] -> features [B, fine, H, W]."""

    def __init__(self, in_channels: int, coarse: int, fine: int, config: GlobalConfig) -> None:
        super().__init__()
        norm = config.norm
        self.run = stage_runner(config.activation_checkpointing)
        self.stem = _first(in_channels, fine, norm)
        self.down = _halving(fine, coarse, norm)
        self.blocks = nn.ModuleList(ResidualBlock(coarse, norm, config.dropout) for _ in range(LOCAL_BLOCKS))
        self.up = _doubling(coarse, fine, norm, config.upsampling)

    def forward(self, image: Tensor, features: Tensor) -> Tensor:
        x = self.run(self.stem, image)  # [B, fine, H, W]
        x = self.run(self.down, x) + features  # [B, coarse, H/2, W/2]
        for block in self.blocks:
            x = self.run(block, x)
        return self.run(self.up, x)  # [B, fine, H, W]


def _first(in_channels: int, channels: int, norm: str) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, channels, 7, padding=3, padding_mode="reflect", bias=bias_before(norm))
    return normalised(conv, norm, channels)


def _halving(before: int, channels: int, norm: str) -> nn.Sequential:
    return normalised(nn.Conv2d(before, channels, 3, stride=2, padding=1, bias=bias_before(norm)), norm, channels)


def _doubling(before: int, channels: int, norm: str, upsampling: str) -> nn.Sequential:
    return normalised(upsampling_layer(upsampling, before, channels, kernel_size=3, bias=bias_before(norm)), norm, channels)


def _last(channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 7, padding=3, padding_mode="reflect")
