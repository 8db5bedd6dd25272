import subprocess
import sys

import pytest

from gan_style.machine import allocator

# Page faults of taking and freeing 64 MiB ten times. Memory that was returned to the system comes back page by page.
FAULTS = """
import ctypes, resource
from contextlib import nullcontext
from gan_style.machine.allocator import keeping_freed_memory
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes, library.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
size = 64 << 20
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        block = library.malloc(size)
        ctypes.memset(block, 1, size)
        library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
outside = faults()
with keeping_freed_memory():
    faults()
    inside = faults()
print(outside, inside, faults())
"""


@pytest.mark.skipif(allocator._glibc() is None, reason="another C library than glibc")
def test_freed_memory_is_kept_while_entered_and_returned_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    outside, inside, after = map(int, done.stdout.split())
    assert inside < outside / 10 and after > outside / 2


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with allocator.keeping_freed_memory():
        pass
