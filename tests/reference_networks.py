"""The networks of pytorch-CycleGAN-and-pix2pix and of CUT, built from the order of their layers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Norms:
    """Their normalisation layers; `statistics`: instance norms that keep running ones, as before PyTorch 0.4."""

    def __init__(self, norm: str, statistics: bool = False) -> None:
        self.norm, self.statistics = norm, statistics
        self.bias = norm == "instance"

    def __call__(self, channels: int) -> nn.Module:
        if self.norm == "batch":
            return nn.BatchNorm2d(channels)
        return nn.InstanceNorm2d(channels, track_running_stats=self.statistics) if self.norm == "instance" else nn.Identity()


class Sequence(nn.Module):
    """Layers under the name `model`, `conv_block` or `net`; what comes out is `combine(x, layers(x))`."""

    def __init__(self, attribute: str, *layers: nn.Module, combine=lambda x, y: y) -> None:
        super().__init__()
        setattr(self, attribute, nn.Sequential(*layers))
        self.attribute, self.combine = attribute, combine

    def forward(self, x: Tensor) -> Tensor:
        return self.combine(x, getattr(self, self.attribute)(x))


class Filter(nn.Module):
    """CUT's fixed filters, a buffer `filt` for each channel: `down` blurs and takes every second pixel, `up` spreads and doubles."""

    def __init__(self, way: str, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4 if way == "down" else torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        self.way, self.channels = way, channels
        self.register_buffer("filt", (row[:, None] * row)[None, None].repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "down":
            return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=self.channels)
        return F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.filt, stride=2, groups=self.channels)[..., 3:-3, 3:-3]


def their_resnet(norms: Norms, k: int = 4, num_blocks: int = 2, dropout: bool = False, antialias: bool = False) -> nn.Module:
    def block() -> nn.Module:
        def half() -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), nn.Conv2d(4 * k, 4 * k, 3, bias=norms.bias), norms(4 * k)]

        layers = [*half(), nn.ReLU(), *([nn.Dropout(0.5)] if dropout else []), *half()]
        return Sequence("conv_block", *layers, combine=lambda x, y: x + y)

    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, k, 7, bias=norms.bias), norms(k), nn.ReLU()]
    for c in (k, 2 * k):
        layers += [nn.Conv2d(c, 2 * c, 3, 1 if antialias else 2, 1, bias=norms.bias), norms(2 * c), nn.ReLU()]
        layers += [Filter("down", 2 * c)] if antialias else []
    layers += [block() for _ in range(num_blocks)]
    for c in (4 * k, 2 * k):
        if antialias:
            layers += [Filter("up", c), nn.Conv2d(c, c // 2, 3, 1, 1, bias=norms.bias)]
        else:
            layers.append(nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1, bias=norms.bias))
        layers += [norms(c // 2), nn.ReLU()]
    return Sequence("model", *layers, nn.ReflectionPad2d(3), nn.Conv2d(k, 3, 7), nn.Tanh())


def their_unet(norms: Norms, k: int = 2, num_downs: int = 5, dropout: bool = False) -> nn.Module:
    channels = [k * min(2**level, 8) for level in range(num_downs)]

    def level(i: int) -> nn.Module:
        innermost = i == num_downs - 1
        outer = channels[i - 1] if i > 0 else 3
        conv = nn.Conv2d(outer, channels[i], 4, 2, 1, bias=norms.bias)
        inside = [] if innermost else [level(i + 1)]
        up = channels[i] * (1 if innermost else 2)
        if i == 0:
            return Sequence("model", conv, *inside, nn.ReLU(), nn.ConvTranspose2d(up, 3, 4, 2, 1), nn.Tanh())
        deconv = nn.ConvTranspose2d(up, outer, 4, 2, 1, bias=norms.bias)
        layers = [nn.LeakyReLU(0.2), conv, *([] if innermost else [norms(channels[i])]), *inside, nn.ReLU(), deconv, norms(outer)]
        if dropout and i >= 4 and not innermost:
            layers.append(nn.Dropout(0.5))
        return Sequence("model", *layers, combine=lambda x, y: torch.cat([x, y], 1))

    wrapper = nn.Module()
    wrapper.model = level(0)
    wrapper.forward = wrapper.model.forward  # type: ignore[method-assign]
    return wrapper


def their_patchgan(norms: Norms, k: int = 2, num_layers: int = 3, antialias: bool = False) -> nn.Module:
    halving = 1 if antialias else 2
    layers: list[nn.Module] = [nn.Conv2d(3, k, 4, halving, 1), nn.LeakyReLU(0.2), *([Filter("down", k)] if antialias else [])]
    for level in range(1, num_layers + 1):
        before, after = (k * min(2**i, 8) for i in (level - 1, level))
        layers += [nn.Conv2d(before, after, 4, halving if level < num_layers else 1, 1, bias=norms.bias), norms(after), nn.LeakyReLU(0.2)]
        layers += [Filter("down", after)] if antialias and level < num_layers else []
    return Sequence("model", *layers, nn.Conv2d(after, 1, 4, 1, 1))


def their_pixel(norms: Norms, k: int = 2) -> nn.Module:
    middle = [nn.Conv2d(k, 2 * k, 1, bias=norms.bias), norms(2 * k), nn.LeakyReLU(0.2)]
    return Sequence("net", nn.Conv2d(3, k, 1), nn.LeakyReLU(0.2), *middle, nn.Conv2d(2 * k, 1, 1, bias=norms.bias))
