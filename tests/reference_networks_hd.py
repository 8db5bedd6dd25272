"""The generators of pix2pixHD and SPADE, built from the order and the names of their layers."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from reference_networks import Norms, Sequence
from torch import Tensor, nn


def _block(norms: Norms, channels: int, dropout: bool) -> nn.Module:
    def half() -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), norms(channels)]

    layers = [*half(), nn.ReLU(), *([nn.Dropout(0.5)] if dropout else []), *half()]
    return Sequence("conv_block", *layers, combine=lambda x, y: x + y)


def _global(norms: Norms, channels: int, k: int, downs: int, blocks: int, dropout: bool) -> list[nn.Module]:
    """All layers but the last three."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, k, 7), norms(k), nn.ReLU()]
    for level in range(downs):
        width = k * 2**level
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), norms(2 * width), nn.ReLU()]
    layers += [_block(norms, k * 2**downs, dropout) for _ in range(blocks)]
    for level in reversed(range(downs)):
        width = k * 2**level
        layers += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), norms(width), nn.ReLU()]
    return layers


def their_global(norms: Norms, channels: int = 3, k: int = 4, downs: int = 3, blocks: int = 2, dropout: bool = False) -> nn.Module:
    return Sequence("model", *_global(norms, channels, k, downs, blocks, dropout), nn.ReflectionPad2d(3), nn.Conv2d(k, 3, 7), nn.Tanh())


class TheirLocal(nn.Module):
    """G1 and enhancers; k: channels of G1."""

    def __init__(self, norms: Norms, channels: int = 3, k: int = 4, downs: int = 2, blocks: int = 1, enhancers: int = 1) -> None:
        super().__init__()
        self.enhancers = enhancers
        self.model = nn.Sequential(*_global(norms, channels, k, downs, blocks, False))
        for number in range(1, enhancers + 1):
            fine = k // 2**number
            first = [nn.ReflectionPad2d(3), nn.Conv2d(channels, fine, 7), norms(fine), nn.ReLU()]
            halving = [nn.Conv2d(fine, 2 * fine, 3, 2, 1), norms(2 * fine), nn.ReLU()]
            second: list[nn.Module] = [_block(norms, 2 * fine, False) for _ in range(3)]
            second += [nn.ConvTranspose2d(2 * fine, fine, 3, 2, 1, 1), norms(fine), nn.ReLU()]
            if number == enhancers:
                second += [nn.ReflectionPad2d(3), nn.Conv2d(fine, 3, 7), nn.Tanh()]
            setattr(self, f"model{number}_1", nn.Sequential(*first, *halving))
            setattr(self, f"model{number}_2", nn.Sequential(*second))

    def forward(self, x: Tensor) -> Tensor:
        pyramid = [x]
        for _ in range(self.enhancers):
            pyramid.append(F.avg_pool2d(pyramid[-1], 3, stride=2, padding=[1, 1], count_include_pad=False))
        y = self.model(pyramid.pop())
        for number in range(1, self.enhancers + 1):
            y = getattr(self, f"model{number}_2")(getattr(self, f"model{number}_1")(pyramid.pop()) + y)
        return y


class _Spade(nn.Module):
    def __init__(self, plain: nn.Module, channels: int, labels: int, hidden: int) -> None:
        super().__init__()
        self.param_free_norm = plain
        self.mlp_shared = nn.Sequential(nn.Conv2d(labels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        shared = self.mlp_shared(F.interpolate(labels, size=x.shape[2:], mode="nearest"))
        return self.param_free_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)


class _SpadeBlock(nn.Module):
    def __init__(self, plain: Callable[[int], nn.Module], before: int, after: int, labels: int, hidden: int, spectral: bool) -> None:
        super().__init__()
        between = min(before, after)
        wrapped = nn.utils.spectral_norm if spectral else lambda layer: layer
        self.conv_0 = wrapped(nn.Conv2d(before, between, 3, padding=1))
        self.conv_1 = wrapped(nn.Conv2d(between, after, 3, padding=1))
        self.norm_0 = _Spade(plain(before), before, labels, hidden)
        self.norm_1 = _Spade(plain(between), between, labels, hidden)
        self.learned = before != after
        if self.learned:
            self.conv_s = wrapped(nn.Conv2d(before, after, 1, bias=False))
            self.norm_s = _Spade(plain(before), before, labels, hidden)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y = self.conv_0(F.leaky_relu(self.norm_0(x, labels), 0.2))
        y = self.conv_1(F.leaky_relu(self.norm_1(y, labels), 0.2))
        return y + (self.conv_s(self.norm_s(x, labels)) if self.learned else x)


class TheirSpade(nn.Module):
    """doublings: "normal" (5) or "more" (6); hidden: 128 in the public code"""

    BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")

    def __init__(
        self, norm: str = "batch", labels: int = 3, k: int = 2, hidden: int = 4, doublings: str = "normal", spectral: bool = True
    ) -> None:
        super().__init__()
        self.doublings = doublings
        plain = {"batch": lambda c: nn.BatchNorm2d(c, affine=False), "instance": lambda c: nn.InstanceNorm2d(c, affine=False)}[norm]
        self.fc = nn.Conv2d(labels, 16 * k, 3, padding=1)
        for name, (before, after) in zip(self.BLOCKS, [(16, 16)] * 3 + [(16, 8), (8, 4), (4, 2), (2, 1)], strict=True):
            self.add_module(name, _SpadeBlock(plain, before * k, after * k, labels, hidden, spectral))
        self.conv_img = nn.Conv2d(k, 3, 3, padding=1)

    def forward(self, labels: Tensor) -> Tensor:
        step = 2 ** (6 if self.doublings == "more" else 5)
        size = (labels.shape[2] // step, labels.shape[3] // step)
        x = self.fc(F.interpolate(labels, size=size))
        for name in self.BLOCKS:
            if name != "head_0" and (name != "G_middle_1" or self.doublings == "more"):
                x = F.interpolate(x, scale_factor=2)
            x = getattr(self, name)(x, labels)
        return torch.tanh(self.conv_img(F.leaky_relu(x, 0.2)))
