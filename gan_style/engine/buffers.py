"""Buffers that a forward pass changes: running statistics, singular vectors."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

_NONE: Mapping[str, Collection[str]] = {}


class Buffers:
    """The persistent buffers of networks. `keep` copies them before a step, `restore` undoes a step that was skipped.

    A forward pass changes buffers before it is known whether the loss is finite. Buffers that are not persistent are constants.
    The buffers of one type and device are copied as one vector, so the number of operators does not grow with the number of buffers.

    fixed: network -> the names of its tensors that no step changes, see `engine.freezing`; their buffers are restored after each step
    """

    def __init__(self, networks: Mapping[str, nn.Module], fixed: Mapping[str, Collection[str]] = _NONE) -> None:
        self._places = [
            (module, name, f"{path}.{name}".lstrip(".") in fixed.get(network_name, ()))
            for network_name, network in networks.items()
            for path, module in network.named_modules()
            for name in module._buffers.keys() - module._non_persistent_buffers_set
        ]
        self._kept: list[Tensor] = []

    @torch.no_grad()
    def keep(self) -> None:
        """Copy the present values."""
        self._kept = [_joined(group) for _, group in self._groups()]

    @torch.no_grad()
    def restore(self, skipped: Tensor) -> None:
        """Restore all values if `skipped` is not 0, else only those that are not finite. Never waits for the device.

        skipped: a scalar on the buffers' device
        A running variance may overflow although the loss is finite, if activations are very large.
        """
        for (fixed, group), kept in zip(self._groups(), self._kept, strict=True):
            now = _joined(group)
            right = kept if fixed else torch.where((skipped != 0) | ~now.isfinite(), kept, now)
            parts = right.split([buffer.numel() for buffer in group])
            values = [part.view_as(buffer) for part, buffer in zip(parts, group, strict=True)]
            torch._foreach_copy_(group, values)  # pyright: ignore[reportPrivateImportUsage]

    def _groups(self) -> list[tuple[bool, list[Tensor]]]:
        """The present buffers, by type and device, and whether they are fixed."""
        groups: dict[tuple[bool, torch.dtype, torch.device], list[Tensor]] = {}
        for module, name, fixed in self._places:
            buffer = module.get_buffer(name)
            groups.setdefault((fixed, buffer.dtype, buffer.device), []).append(buffer)
        return [(key[0], group) for key, group in groups.items()]


def _joined(buffers: Sequence[Tensor]) -> Tensor:
    """The values of buffers as one vector."""
    return torch.cat([buffer.reshape(-1) for buffer in buffers])
