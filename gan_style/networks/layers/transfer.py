"""Small tensors from the CPU to the device of a network."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """`values`, a tensor on the CPU, on `device`. Pinned memory lets the copy run without waiting for the device."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)
