"""Small tensors on their way to the device that a network is on."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """`values`, made on the CPU, on `device`, which is not waited for: a copy from memory that is not pinned would be."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)
