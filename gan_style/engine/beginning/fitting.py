"""Weights of one network laid over another: what fits, and what of it was widened.

A convolution of the image may get other channels. The result is the same function of the channels that both have:

    gray to colour              the weights of gray, a third of them for each of red, green and blue: equal for gray pictures
    colour to gray              the sum of the weights of red, green and blue: equal for gray pictures
    alpha, or further channels  weights 0: the network ignores them at first

Zeros are no trap: such a weight has a gradient as any other of its layer. The mean of the old weights, the other custom, would change
every output by what the new channel shows. A missing alpha channel and other channels of an output have no such function: they do not fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gan_style.networks.layers.spectral import singular_vectors, spectral_norms

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_SHOWN = 3


@dataclass
class Fit:
    """Weights that fit a network, and what does not. Lists hold names, the second one with reasons; left_over: names that it lacks"""

    taken: dict[str, Tensor] = field(default_factory=dict)
    widened: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # values that are not finite

    @property
    def exact(self) -> bool:
        return not (self.unfit or self.left_over)

    def in_words(self) -> str:
        """What does not fit: the first few tensors and their number."""
        parts = [f"{_some(self.unfit)}"] if self.unfit else []
        parts += [f"it has no {_some(self.left_over)}"] if self.left_over else []
        return "; ".join(parts)


def fit(network: nn.Module, weights: Mapping[str, Tensor], channels: int) -> Fit:
    """Compare weights with those of a network. channels: of the images that it sees"""
    result, own = Fit(), network.state_dict()
    derived = singular_vectors(network)  # follow from the weights
    of_images = {
        f"{name}.{weight}"
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.in_channels == channels
        for weight in ("weight", "parametrizations.weight.original")
    }
    for name, place in own.items():
        value = weights.get(name)
        if value is None:
            if name not in derived:
                result.unfit.append(f"{name} is missing")
        elif not (value.dtype in _FLOATS if place.is_floating_point() else value.dtype == place.dtype):
            result.unfit.append(f"{name} is {str(value.dtype).removeprefix('torch.')}")
        elif not _finite(value):
            result.broken.append(name)
        elif value.shape == place.shape:
            result.taken[name] = value
        elif name in of_images and (fitted := with_channels(value, place.shape)) is not None:
            result.taken[name] = fitted
            result.widened.append(f"{name} for {place.shape[1]} instead of {value.shape[1]} channels")
        elif name not in derived:
            result.unfit.append(f"{name} is {list(value.shape)}, not {list(place.shape)}")
    result.left_over = [name for name in weights if name not in own]
    return result


@torch.no_grad()
def lay_over(network: nn.Module, found: Fit) -> None:
    """Load what fits; the rest keeps its values. Singular vectors of spectral normalisation follow weights of other origin."""
    own = network.state_dict()
    network.load_state_dict({**own, **found.taken})
    if found.taken.keys() != own.keys() or found.widened:
        for norm, weight in spectral_norms(network):
            norm.settle(weight)


def with_channels(weight: Tensor, shape: torch.Size) -> Tensor | None:
    """The weights of a convolution of images [O, C, h, w] for images of shape[1] channels; None if no function of them is the same."""
    if weight.dim() != 4 or (weight.shape[0], *weight.shape[2:]) != (shape[0], *shape[2:]):
        return None
    before, after = weight.shape[1], shape[1]
    colours, alpha = weight, weight[:, :0]
    if max(before, after) <= 4:  # gray, gray and alpha, RGB, RGB and alpha
        split = 1 if before in (1, 2) else 3
        colours, alpha = weight[:, :split], weight[:, split:]
        wanted = 1 if after in (1, 2) else 3
        if split < wanted:
            colours = (colours / wanted).expand(-1, wanted, -1, -1)
        elif split > wanted:
            colours = colours.sum(dim=1, keepdim=True)
    kept = torch.cat([colours, alpha], dim=1)
    if kept.shape[1] > after:
        return None
    return torch.cat([kept, kept.new_zeros(shape[0], after - kept.shape[1], *shape[2:])], dim=1)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _finite(value: Tensor) -> bool:
    return value.numel() == 0 or all(bool(extreme.isfinite()) for extreme in value.aminmax())
