"""What makes a program wait for a GPU, seen without one: a value that is read back, a shape that depends on values, a copy that blocks."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
_OF_VALUES = {aten.nonzero.default, aten.masked_select.default, aten._unique2.default, aten.equal.default, aten.is_nonzero.default}


class Waiting(AssertionError):
    """Something that waits for the device."""


class NeverWaiting(TorchDispatchMode):
    """While entered, the operators that would wait for a GPU raise `Waiting`.

    On the CPU, numbers of a batch (labels, places) and images of the device are alike. So whole numbers may be read, and a copy counts
    only where it leads from one kind of device to another, as in torch's FakeTensorMode.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _OF_VALUES or (func == aten._local_scalar_dense.default and args[0].dtype not in (torch.int64, torch.int32)):
            raise Waiting(f"{func} reads values")
        if func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default) and any(
            isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        ):
            raise Waiting(f"{func} by a mask: the shape depends on values")
        if func == aten._to_copy.default and not kwargs.get("non_blocking"):
            there = kwargs.get("device")
            if there is not None and there.type != args[0].device.type:
                raise Waiting(f"a copy from {args[0].device.type} to {there.type} that blocks; see gan_style.networks.layers.transfer.sent")
        if func == aten.copy_.default and args[0].device.type != args[1].device.type and not (len(args) > 2 and args[2]):
            raise Waiting(f"a copy from {args[1].device.type} to {args[0].device.type} that blocks")
        return func(*args, **kwargs)
