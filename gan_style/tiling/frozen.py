"""A network with fixed statistics: tiles of any size then agree, on every runtime, without a word between them."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.normalisation import EPSILON, InstanceNorm2d, PerImageBatchNorm2d
from gan_style.tiling.graph import trace
from gan_style.tiling.statistics import Moments
from gan_style.tiling.table import load_table

_MEASURING = (InstanceNorm2d, PerImageBatchNorm2d)
_OTHERS = (ConditionalInstanceNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)  # measure too, and are not replaced


class FixedNorm2d(nn.Module):
    """(x - mean) / deviation with statistics that do not depend on x [B, C, H, W], times `weight`, plus `bias`."""

    mean: Tensor
    variance: Tensor

    def __init__(self, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("variance", variance)
        self.weight, self.bias, self.epsilon = weight, bias, epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, False, 0.0, self.epsilon)


def with_fixed_statistics(network: nn.Module, moments: Sequence[Moments], example: Tensor) -> nn.Module:
    """A copy of a serving network whose normalisations have the statistics `moments`, in the order in which they run.

    example: an image that the network takes, of any size
    `UserError` if the network has another number of normalisations, or others than instance and batch normalisation.
    """
    twin = copy.deepcopy(network)
    order = _order(twin, example)
    if len(order) != len(moments):
        raise UserError(f"the network has {len(order)} normalisations, and there are statistics of {len(moments)}")
    names = {module: name for name, module in twin.named_modules()}
    for layer, found in zip(order, moments, strict=True):
        parent, _, name = names[layer].rpartition(".")
        setattr(twin.get_submodule(parent), name, _fixed(layer, found, example))
    return twin


def with_table(network: nn.Module, table: Path, channels: int, bundle: str, about: str) -> nn.Module:
    """The same with the statistics of a file. bundle, about: see `load_table`; channels: of the image that the network takes"""
    like = next(network.parameters())
    example = torch.zeros(1, channels, 256, 256, device=like.device)
    nodes = trace(network, [example.shape], like.device, torch.float32).statistics
    moments = load_table(table, nodes, bundle, about)
    return with_fixed_statistics(network, [moments[node] for node in nodes], example)


def _order(network: nn.Module, example: Tensor) -> list[nn.Module]:
    """The normalisations in the order in which they run. `UserError` where one runs twice, or cannot be fixed."""
    ran: list[nn.Module] = []
    hooks: list[Any] = []
    for name, module in network.named_modules():
        if isinstance(module, _OTHERS):
            raise UserError(f"the statistics of {name} ({type(module).__name__}) cannot be fixed")
        if isinstance(module, _MEASURING):
            hooks.append(module.register_forward_pre_hook(lambda layer, _: ran.append(layer)))
    with torch.no_grad():
        network(example)
    for hook in hooks:
        hook.remove()
    if len(set(ran)) < len(ran):
        raise UserError("a normalisation runs twice, so that it has no statistics of its own")
    return ran


def _fixed(layer: nn.Module, moments: Moments, like: Tensor) -> FixedNorm2d:
    count = float(moments.positions.sum())
    mean, variance = (torch.from_numpy(np.asarray(each).reshape(-1)).to(like) for each in (moments.mean, moments.squares / count))
    weight, bias, epsilon = (getattr(layer, name, None) for name in ("weight", "bias", "eps"))
    return FixedNorm2d(mean, variance, weight, bias, EPSILON if epsilon is None else float(epsilon))
