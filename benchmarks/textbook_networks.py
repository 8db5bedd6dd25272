"""The networks of benchmarks/textbook.py, as a textbook writes them. Images [B, 3, H, W] in [-1, 1] in, maps out."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def instance_norm(channels: int) -> nn.Module:
    """Instance normalisation without parameters."""
    return nn.InstanceNorm2d(channels)


def conv(channels: int, out: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution behind a reflected margin that keeps the size, but for the stride."""
    return nn.Sequential(nn.ReflectionPad2d(size // 2), nn.Conv2d(channels, out, size, stride))


class Blur(nn.Module):
    """A binomial blur of every channel, then every second pixel."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(row, row).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=x.shape[1])


class UNet(nn.Module):
    """pix2pix's generator (1611.07004). dropout: of 0.5 in the decoder layers of full width, but the innermost"""

    def __init__(self, halvings: int, base: int = 64, dropout: bool = False) -> None:
        super().__init__()
        channels = [base * min(2**level, 8) for level in range(halvings)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, out in enumerate(channels):
            before = channels[level - 1] if level else 3
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            layers.append(nn.Conv2d(before, out, 4, 2, 1, bias=False))
            if 0 < level < halvings - 1:
                layers.append(nn.BatchNorm2d(out))
            self.downs.append(nn.Sequential(*layers))
        for level in reversed(range(halvings)):
            here = channels[level] * (1 if level == halvings - 1 else 2)
            if level:
                up = nn.ConvTranspose2d(here, channels[level - 1], 4, 2, 1, bias=False)
                dropped = [nn.Dropout(0.5)] if dropout and 4 <= level < halvings - 1 else []
                self.ups.append(nn.Sequential(nn.ReLU(), up, nn.BatchNorm2d(channels[level - 1]), *dropped))
            else:
                self.ups.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(here, 3, 4, 2, 1), nn.Tanh()))

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        x = self.ups[0](skips.pop())
        for up in self.ups[1:]:
            x = up(torch.cat([skips.pop(), x], 1))
        return x


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        norm, relu = instance_norm(channels), nn.ReLU()
        self.layers = nn.Sequential(conv(channels, channels, 3), norm, relu, conv(channels, channels, 3), instance_norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ResNet(nn.Module):
    """Johnson's generator (1603.08155) with `halvings` strided convolutions, optionally antialiased as CUT's (2007.15651)."""

    def __init__(self, halvings: int = 2, blocks: int = 9, base: int = 64, antialias: bool = False) -> None:
        super().__init__()
        stages: list[list[nn.Module]] = [[conv(3, base, 7), instance_norm(base), nn.ReLU()]]
        for level in range(halvings):
            channels, out = base * 2**level, base * 2 ** (level + 1)
            layer = nn.Conv2d(channels, out, 3, 1 if antialias else 2, 1)
            stages += [[layer], [instance_norm(out), nn.ReLU(), *([Blur(out)] if antialias else [])]]
        wide = base * 2**halvings
        for _ in range(blocks):
            stages.append([Block(wide)])
        for level in reversed(range(halvings)):
            channels, out = base * 2 ** (level + 1), base * 2**level
            if antialias:
                doubled: list[nn.Module] = [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(channels, out, 3, 1, 1)]
            else:
                doubled = [nn.ConvTranspose2d(channels, out, 3, 2, 1, output_padding=1)]
            stages.append([*doubled, instance_norm(out), nn.ReLU()])
        stages.append([conv(base, 3, 7), nn.Tanh()])
        self.stages = nn.ModuleList(nn.Sequential(*layers) for layers in stages)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x, ())[0]

    def features(self, x: Tensor, wanted: Iterable[int]) -> tuple[Tensor, list[Tensor]]:
        """The translation and the outputs of the stages `wanted`; with a last stage wanted, its output in place of the translation."""
        wanted, found = tuple(wanted), []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in wanted:
                found.append(x)
            if wanted and number == wanted[-1]:
                break
        return x, found


class PatchGAN(nn.Module):
    """The 70-pixel discriminator (1611.07004), optionally antialiased. It returns the maps of all its layers, the scores last."""

    def __init__(self, channels: int, norm: Callable[[int], nn.Module], bias: bool = True, antialias: bool = False, base: int = 64) -> None:
        super().__init__()
        stride, layers, before = 1 if antialias else 2, [], channels
        for level, out in enumerate((base, 2 * base, 4 * base, 8 * base)):
            last = level == 3
            parts: list[nn.Module] = [nn.Conv2d(before, out, 4, 1 if last else stride, 1, bias=bias or level == 0)]
            parts += [norm(out)] if level else []
            parts += [nn.LeakyReLU(0.2), *([Blur(out)] if antialias and not last else [])]
            layers.append(nn.Sequential(*parts))
            before = out
        self.layers = nn.ModuleList([*layers, nn.Sequential(nn.Conv2d(before, 1, 4, 1, 1))])

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps
