"""Several inputs through one network in one forward, where that is the same maths."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_style.networks.normalisation import batch_independent


def forward_together(network: nn.Module, *inputs: Tensor) -> Sequence[Tensor]:
    """`[network(x) for x in inputs]` as one batched forward; one by one, in order, under BatchNorm or where sizes differ.

    Each x is [B, C, H, W].
    """
    if batch_independent(network) and all(x.shape[1:] == inputs[0].shape[1:] for x in inputs):
        return network(torch.cat(inputs)).split([len(x) for x in inputs])
    return [network(x) for x in inputs]
