"""Buffers that a forward pass changes: running statistics, singular vectors."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class Buffers:
    """The persistent buffers of networks. `keep` copies them before a step, `restore` undoes a step that was skipped.

    A forward pass changes buffers before it is known whether the loss is finite. Buffers that are not persistent are constants.
    The buffers of one type and device are copied as one vector, so the number of operators does not grow with the number of buffers.
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        modules = [module for network in networks for module in network.modules()]
        self._places = [(module, name) for module in modules for name in module._buffers.keys() - module._non_persistent_buffers_set]
        self._kept: list[Tensor] = []

    @torch.no_grad()
    def keep(self) -> None:
        """Copy the present values."""
        self._kept = [_joined(group) for group in self._groups()]

    @torch.no_grad()
    def restore(self, skipped: Tensor) -> None:
        """Restore all values if `skipped` is not 0, else only those that are not finite. Never waits for the device.

        skipped: a scalar on the buffers' device
        A running variance may overflow although the loss is finite, if activations are very large.
        """
        for group, kept in zip(self._groups(), self._kept, strict=True):
            now = _joined(group)
            right = torch.where((skipped != 0) | ~now.isfinite(), kept, now)
            parts = right.split([buffer.numel() for buffer in group])
            values = [part.view_as(buffer) for part, buffer in zip(parts, group, strict=True)]
            torch._foreach_copy_(group, values)  # pyright: ignore[reportPrivateImportUsage]

    def _groups(self) -> list[list[Tensor]]:
        """The present buffers, by type and device."""
        groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        for module, name in self._places:
            buffer = module.get_buffer(name)
            groups.setdefault((buffer.dtype, buffer.device), []).append(buffer)
        return list(groups.values())


def _joined(buffers: Sequence[Tensor]) -> Tensor:
    """The values of buffers as one vector."""
    return torch.cat([buffer.reshape(-1) for buffer in buffers])
