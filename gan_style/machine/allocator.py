"""Memory that the C library keeps for the next step, instead of returning it to the system."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Options of glibc's mallopt, malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MMAP_MAX_DEFAULT = 65536
_LARGEST_MMAP_THRESHOLD = 32 << 20  # glibc raises its threshold up to this size as large blocks are freed
_NEVER = 2**31 - 1


@contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """While entered, glibc keeps freed memory for later allocations. Afterwards it returns what is free to the system.

    Each training step on a CPU frees and takes the same blocks again. By default glibc returns large blocks to the system at once, and the
    system clears every page anew: 15 to 20 % of a step of pix2pix (docs/results/2026-11-26-step.md). No effect with another C library.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _MMAP_MAX_DEFAULT)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, 2 * _LARGEST_MMAP_THRESHOLD)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, if it is glibc."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt") else None
