"""Telling that a device's memory is exhausted."""

import torch


def no_room(failure: RuntimeError) -> bool:
    """Was it for want of memory? The CPU's allocator raises a plain RuntimeError."""
    return isinstance(failure, torch.OutOfMemoryError) or "can't allocate memory" in str(failure)
