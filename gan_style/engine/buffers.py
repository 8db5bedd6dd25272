"""Buffers that a forward pass moves on beside the weights: running statistics, singular vectors."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Buffers:
    """The saved buffers of networks. `keep` them before a step, `restore` them after one that is not to count.

    A forward pass moves them on before anyone knows whether its loss is finite. Buffers that are not saved are constants.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        modules = [module for network in networks for module in network.modules()]
        self._places = [(module, name) for module in modules for name in module._buffers.keys() - module._non_persistent_buffers_set]
        self._kept: list[Tensor] = []

    def keep(self) -> None:
        """Remember them as they are now."""
        self._kept = [module.get_buffer(name).clone() for module, name in self._places]

    @torch.no_grad()
    def restore(self, skipped: Tensor) -> None:
        """Put back all of them where `skipped`, a scalar on their device, is not 0; else only values that are not finite. Never waits.

        The second: activations may be so large that their variance overflows while the loss is finite.
        """
        for (module, name), kept in zip(self._places, self._kept, strict=True):
            buffer = module.get_buffer(name)
            buffer.copy_(torch.where((skipped != 0) | ~buffer.isfinite(), kept, buffer))
