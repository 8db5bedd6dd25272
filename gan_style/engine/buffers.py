"""Buffers that a forward pass changes: running statistics, singular vectors."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Buffers:
    """The persistent buffers of networks. `keep` copies them before a step, `restore` undoes a step that was skipped.

    A forward pass changes buffers before it is known whether the loss is finite. Buffers that are not persistent are constants.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        modules = [module for network in networks for module in network.modules()]
        self._places = [(module, name) for module in modules for name in module._buffers.keys() - module._non_persistent_buffers_set]
        self._kept: list[Tensor] = []

    def keep(self) -> None:
        """Copy the present values."""
        self._kept = [module.get_buffer(name).clone() for module, name in self._places]

    @torch.no_grad()
    def restore(self, skipped: Tensor) -> None:
        """Restore all values if `skipped` is not 0, else only those that are not finite. Never waits for the device.

        skipped: a scalar on the buffers' device
        A running variance may overflow although the loss is finite, if activations are very large.
        """
        for (module, name), kept in zip(self._places, self._kept, strict=True):
            buffer = module.get_buffer(name)
            buffer.copy_(torch.where((skipped != 0) | ~buffer.isfinite(), kept, buffer))
