"""The generator of SPADE (Park et al., 2019, arXiv 1903.07291): the input modulates every normalisation, so that none erases it."""

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels, Norm, NumDowns, Recomputation
from gan_style.networks.layers.normalisation import InstanceNorm2d
from gan_style.networks.layers.padding import run_padded
from gan_style.networks.layers.recomputation import stage_runner

WIDEST = 16  # largest multiple of base_channels in a layer


class SpadeConfig(NetworkConfig):
    """Doublings whose normalisations are modulated by the input."""

    name: Literal["spade"] = Field(default="spade", description="The generator of SPADE, for label maps and large images (1903.07291).")
    base_channels: BaseChannels = 64
    num_downs: NumDowns = Field(
        default=6,
        description="Doublings of the size from the deepest layer to the output. The deepest layer is 1/2**num_downs of the image's size.",
    )
    norm: Norm = Field(
        default="instance", description="Normalisation whose scales and shifts come from the input image. The paper takes `batch`."
    )
    second_middle: bool = Field(
        default=False,
        description="A further block at twice the deepest layer's size, as in the public code, whose default has it with 5 doublings.",
    )
    spectral_layers: Annotated[Literal["all", "blocks"], OnlyWith({"spectral_norm": ON})] = Field(
        default="all", description="Layers that `spectral_norm` divides: `all`, or the convolutions of the `blocks`, as in the public code."
    )
    activation_checkpointing: Recomputation = Field(
        default=False,
        description="Recompute the convolutions and their normalisations in the backward pass instead of storing their activations "
        "(1604.06174). This takes less memory and more time. The result is the same.",
    )


class SpadeGenerator(nn.Module):
    """Label maps (or any images) [B, Cin, H, W] -> images [B, Cout, H, W] in [-1, 1], any H, W >= 1.

    The network starts from every 2**num_downs-th pixel of the input and doubles the size in num_downs + 1 SPADE residual blocks. Their
    widths are the paper's (appendix A): 16k, 16k, 16k, 8k, 4k, 2k, k for 6 halvings. Departures: the paper starts from noise, this network
    from the label map, as the public code does without its encoder; it has one block a resolution, as in the paper. The public code's
    default has 5 doublings and two blocks at the second resolution: num_downs 5 and second_middle.
    """

    Config = SpadeConfig

    def __init__(self, in_channels: int, out_channels: int, config: SpadeConfig) -> None:
        super().__init__()
        base_channels, num_downs = config.base_channels, config.num_downs
        self.size_multiple = 2**num_downs
        self.minimum_size = 2 * self.size_multiple  # so that the deepest maps have statistics
        hidden = 2 * base_channels
        widths = [base_channels * min(2**level, WIDEST) for level in range(num_downs + 2)]
        self.stem = nn.Conv2d(in_channels, widths[-1], 3, padding=1)
        self.levels = list(reversed(range(num_downs + 1)))  # of each block: its maps have 1/2**level of the image's size
        steps = [(widths[level + 1], widths[level]) for level in self.levels]
        if config.second_middle:
            self.levels.insert(2, num_downs - 1)
            steps.insert(2, (widths[num_downs - 1], widths[num_downs - 1]))
        self.blocks = nn.ModuleList(  # deepest first, as they run
            SpadeBlock(before, channels, in_channels, hidden, config.norm, recompute=config.activation_checkpointing)
            for before, channels in steps
        )
        self.spectral_layers = config.spectral_layers
        self.head = nn.Conv2d(base_channels, out_channels, 3, padding=1)

    def spectral_modules(self) -> Iterator[nn.Module]:
        """The modules that `spectral_norm` divides."""
        if self.spectral_layers == "all":
            yield from self.modules()
            return
        for part in self.modules():
            if isinstance(part, SpadeConvolution):
                yield part.conv

    def forward(self, x: Tensor) -> Tensor:
        return run_padded(self._generate, x, self.size_multiple, self.minimum_size)

    def _generate(self, labels: Tensor) -> Tensor:
        before = self.levels[0]
        x = self.stem(_thinned(labels, 2**before))  # [B, 16k, H/2**n, W/2**n]
        for level, block in zip(self.levels, self.blocks, strict=True):
            if level != before:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x, _thinned(labels, 2**level))  # level l: [B, min(2**l, 16) k, H/2**l, W/2**l]
            before = level
        return torch.tanh(self.head(F.leaky_relu(x, 0.2)))  # [B, Cout, H, W] in [-1, 1]


class SpadeBlock(nn.Module):
    """A residual block of pre-activations, [B, before, H, W] and labels [B, L, H, W] -> [B, channels, H, W] (appendix A, figure 11)."""

    def __init__(self, before: int, channels: int, labels: int, hidden: int, norm: str, recompute: bool) -> None:
        super().__init__()
        between = min(before, channels)
        self.run = stage_runner(recompute)
        self.first = SpadeConvolution(before, between, labels, hidden, norm)
        self.second = SpadeConvolution(between, channels, labels, hidden, norm)
        self.shortcut = SpadeConvolution(before, channels, labels, hidden, norm, straight=True) if before != channels else None

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y = self.run(self.second, self.run(self.first, x, labels), labels)
        return y + (x if self.shortcut is None else self.run(self.shortcut, x, labels))


class SpadeConvolution(nn.Module):
    """SPADE, a leaky ReLU and a 3 x 3 convolution.

    straight: the skip connection of a block that changes the channels: SPADE and a 1 x 1 convolution, without activation and bias
    """

    def __init__(self, before: int, channels: int, labels: int, hidden: int, norm: str, straight: bool = False) -> None:
        super().__init__()
        self.norm = SpadeNorm(before, labels, hidden, norm)
        self.activation = nn.Identity() if straight else nn.LeakyReLU(0.2)
        self.conv = nn.Conv2d(before, channels, 1, bias=False) if straight else nn.Conv2d(before, channels, 3, padding=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.conv(self.activation(self.norm(x, labels)))


class SpadeNorm(nn.Module):
    """(1 + gamma(m)) (x - mu) / sigma + beta(m) (equation 1): x [B, C, H, W], gamma and beta [B, C, H, W] made of labels m [B, L, H, W].

    norm: mu and sigma are those of the `instance`, those of the `batch` (over all processes on GPUs), or with `none` 0 and 1. The 1 beside
    gamma, as in the public code, makes a network with small weights begin as the plain normalisation.
    """

    def __init__(self, channels: int, labels: int, hidden: int, norm: str) -> None:
        super().__init__()
        plain = {"instance": InstanceNorm2d, "batch": lambda: nn.BatchNorm2d(channels, affine=False), "none": nn.Identity}
        self.plain = plain[norm]()
        self.shared = nn.Conv2d(labels, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        shared = F.relu(self.shared(labels))  # [B, hidden, H, W]
        return (1 + self.gamma(shared)) * self.plain(x) + self.beta(shared)


def _thinned(labels: Tensor, step: int) -> Tensor:
    """Every `step`-th pixel of each axis; interpolation would mix classes."""
    if step == 1:
        return labels
    return F.interpolate(labels, size=(labels.shape[2] // step, labels.shape[3] // step), mode="nearest")
