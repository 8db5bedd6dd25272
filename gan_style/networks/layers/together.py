"""One forward for several inputs of a network, where the result is the same."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_style.networks.layers.normalisation import batch_independent
from gan_style.networks.layers.patches import Positions


def forward_together(network: nn.Module, *inputs: Tensor) -> Sequence[Any]:
    """`[network(x) for x in inputs]` as one batched forward; under batch normalisation, or where sizes differ, one by one in order.

    Each x is [B, C, H, W]. The network returns a tensor [B, ...] or a list of them.
    """
    if batch_independent(network) and all(x.shape[1:] == inputs[0].shape[1:] for x in inputs):
        together, lengths = network(torch.cat(inputs)), [len(x) for x in inputs]
        if isinstance(together, Tensor):
            return together.split(lengths)
        return list(zip(*(each.split(lengths) for each in together), strict=True))
    return [network(x) for x in inputs]


def patches_together(
    network: nn.Module, inputs: Sequence[Tensor], positions: Sequence[Positions], decode: bool = True
) -> list[dict[str, Tensor]]:
    """`[network(x, at, decode) for x, at in zip(inputs, positions)]` of a `FeatureGenerator`, batched as in `forward_together`."""
    if len(inputs) == 1 or not batch_independent(network) or any(x.shape[1:] != inputs[0].shape[1:] for x in inputs):
        return [network(x, at, decode) for x, at in zip(inputs, positions, strict=True)]
    joined = {layer: torch.cat([at[layer] for at in positions]) for layer in positions[0]}
    sizes = [len(x) for x in inputs]
    found = {name: value.split(sizes) for name, value in network(torch.cat(list(inputs)), joined, decode).items()}
    return [{name: parts[place] for name, parts in found.items()} for place in range(len(inputs))]
