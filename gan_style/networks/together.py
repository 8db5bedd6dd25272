"""Several inputs through one network in one forward, where that is the same maths."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_style.networks.normalisation import batch_independent


def forward_together(network: nn.Module, *inputs: Tensor) -> Sequence[Any]:
    """`[network(x) for x in inputs]` as one batched forward; one by one, in order, under BatchNorm or where sizes differ.

    Each x is [B, C, H, W]; what the network makes of it is a tensor [B, ...] or a list of them.
    """
    if batch_independent(network) and all(x.shape[1:] == inputs[0].shape[1:] for x in inputs):
        together, lengths = network(torch.cat(inputs)), [len(x) for x in inputs]
        if isinstance(together, Tensor):
            return together.split(lengths)
        return list(zip(*(each.split(lengths) for each in together), strict=True))
    return [network(x) for x in inputs]
