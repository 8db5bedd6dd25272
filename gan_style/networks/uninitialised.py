"""Networks whose weights come from a file: no value is drawn that the file would overwrite."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


def uninitialised(make: Callable[[], N]) -> N:
    """The network that `make` constructs, on the CPU. Parameters and persistent buffers have memory and no values, so load them all.

    Four-dimensional weights are channels_last. torch's global generator does not change.
    `make` runs on the meta device. Buffers that are not persistent are in no file: their layers must give them values there, on
    device="cpu". `TypeError` names a buffer that has none.
    """
    with torch.device("meta"):
        network = make()
    network.load_state_dict({name: _memory_for(tensor) for name, tensor in network.state_dict().items()}, assign=True)
    for name, buffer in network.named_buffers():
        if buffer.is_meta:
            raise TypeError(f"{type(network).__name__}: the buffer {name} is not persistent and has no values: make it with device='cpu'")
    return network


def _memory_for(tensor: Tensor) -> Tensor:
    layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", memory_format=layout)
