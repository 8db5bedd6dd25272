"""The image transformation network of feed-forward style transfer (Johnson et al., 2016, arXiv 1603.08155), for one style or several.

As in the public implementations, it has instance normalisation (1607.08022) and resize-convolutions (distill.pub/2016/deconv-checkerboard);
bilinear ones leave fewer lines.
Conditional instance normalisation gives it several styles (1610.07629).
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels, NumBlocks, ResizeMode
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.padding import run_padded

BYTE_HALF = 127.5  # [0, 255] = ([-1, 1] + 1) * 127.5


class TransformerNetConfig(NetworkConfig):
    """The image transformation network."""

    name: Literal["transformer_net"] = Field(default="transformer_net", description="The network of fast style transfer (1603.08155).")
    base_channels: BaseChannels = 32
    num_blocks: NumBlocks = 5
    norm: Literal["instance"] = Field(default="instance", description="Always `instance`. Each style is a set of its scales and shifts.")
    resize_mode: ResizeMode = "nearest"
    values: Literal["signed", "bytes"] = Field(
        default="signed",
        description="What the first convolution sees and the last one makes: values in [-1, 1] (`signed`), or in [0, 255] (`bytes`), as in "
        "the PyTorch examples' fast-neural-style, whose weights then fit as they are.",
    )
    skip: bool = Field(
        default=False,
        description="Add the input to the output. The network then learns the change alone, and training begins at the photograph.",
    )


class TransformerNet(nn.Module):
    """Images [B, Cin, H, W] in [-1, 1] -> [B, Cout, H, W], any H, W >= 1; the output is not bounded, and is clamped when it is stored.

    styles: their number; `forward(images, styles)` mixes them, see `ConditionalInstanceNorm2d`
    """

    size_multiple = 4  # two halvings
    minimum_size = 8  # so that the blocks have 2 pixels to reflect

    Config = TransformerNetConfig

    def __init__(self, in_channels: int, out_channels: int, config: TransformerNetConfig, styles: int = 1) -> None:
        super().__init__()
        k = config.base_channels
        self.values, self.skip = config.values, config.skip
        self.resize_mode = config.resize_mode
        if config.skip and in_channels != out_channels:
            raise ValueError(f"skip adds the input's {in_channels} channels to the output's {out_channels}: leave it out")
        self.conv1 = _Layer(in_channels, k, 9, styles)
        self.conv2 = _Layer(k, 2 * k, 3, styles, stride=2)
        self.conv3 = _Layer(2 * k, 4 * k, 3, styles, stride=2)
        self.blocks = nn.ModuleList(_Block(4 * k, styles) for _ in range(config.num_blocks))
        self.up1 = _Layer(4 * k, 2 * k, 3, styles)
        self.up2 = _Layer(2 * k, k, 3, styles)
        self.head = _convolution(k, out_channels, 9)

    def forward(self, x: Tensor, styles: Tensor | None = None) -> Tensor:
        if styles is not None and styles.dim() == 4:  # maps are padded with their images
            count = x.shape[1]
            joined = torch.cat([x, styles.to(x).expand(len(x), -1, -1, -1)], dim=1)
            return run_padded(lambda both: self._stylize(both[:, :count], both[:, count:]), joined, self.size_multiple, self.minimum_size)
        return run_padded(lambda images: self._stylize(images, styles), x, self.size_multiple, self.minimum_size)

    def _stylize(self, images: Tensor, styles: Tensor | None) -> Tensor:
        x = (images + 1) * BYTE_HALF if self.values == "bytes" else images
        x = F.relu(self.conv1(x, styles))  # [B, k, H, W]
        x = F.relu(self.conv2(x, styles))  # [B, 2k, H/2, W/2]
        x = F.relu(self.conv3(x, styles))  # [B, 4k, H/4, W/4]
        for block in self.blocks:
            x = block(x, styles)  # [B, 4k, H/4, W/4]
        x = F.relu(self.up1(F.interpolate(x, scale_factor=2, mode=self.resize_mode), styles))  # [B, 2k, H/2, W/2]
        x = F.relu(self.up2(F.interpolate(x, scale_factor=2, mode=self.resize_mode), styles))  # [B, k, H, W]
        y = self.head(x)  # [B, Cout, H, W]
        y = y / BYTE_HALF - 1 if self.values == "bytes" else y
        return images + y if self.skip else y


class _Layer(nn.Module):
    """A convolution and its normalisation."""

    def __init__(self, channels: int, width: int, size: int, styles: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = _convolution(channels, width, size, stride)
        self.norm = ConditionalInstanceNorm2d(width, styles)

    def forward(self, x: Tensor, styles: Tensor | None) -> Tensor:
        return self.norm(self.conv(x), styles)


class _Block(nn.Module):
    """x + F(x) with two 3 x 3 convolutions; no activation after the sum."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.conv1 = _Layer(channels, channels, 3, styles)
        self.conv2 = _Layer(channels, channels, 3, styles)

    def forward(self, x: Tensor, styles: Tensor | None) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x, styles)), styles)


def _convolution(channels: int, width: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, width, size, stride, padding=size // 2, padding_mode="reflect")
