"""One policy for running out of memory, whether torch, NumPy, OpenCV, Pillow or the operating system reports it.

Code that needs much memory runs inside `room_for` and names the work. The advice (which keys or options help) is added once, by the
caller that knows it, usually the command.
"""

import errno
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from gan_style.errors import UserError

# The words of libraries that raise no MemoryError: torch's CPU and GPU, cuDNN and cuBLAS, C++, OpenCV, PIL, onnxruntime, oneDNN.
_REFUSALS = re.compile(
    r"(can't|cannot|could not|failed to|unable to) allocate|(out of|insufficient|not enough) memory|ALLOC_FAILED|bad_alloc"
    r"|Available memory of \d+ is smaller than requested"  # onnxruntime
    r"|could not (create|execute) a primitive$",  # oneDNN has no memory for a kernel; a layer that it lacks fails at the descriptor
    re.I,
)


class OutOfMemory(UserError):
    """Memory ran out. what: the work that needed it; advice: what helps, empty if only a caller knows"""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}; {advice}" if advice else what)
        self.what, self.advice = what, advice


def no_room(failure: BaseException) -> bool:
    """Was the exception raised because memory ran out?"""
    if isinstance(failure, UserError) or not isinstance(failure, Exception):
        return False
    if isinstance(failure, OSError) and failure.errno is not None:
        return failure.errno == errno.ENOMEM
    return isinstance(failure, MemoryError) or _REFUSALS.search(str(failure)) is not None


@contextmanager
def room_for(what: str, advice: str = "") -> Iterator[None]:
    """Turn any out-of-memory exception of the block into `OutOfMemory`, and free what the block held.

    An `OutOfMemory` from inside the block keeps its own words, which are more exact, and gets `advice` if it has none.
    """
    try:
        yield
    except OutOfMemory as failure:
        if failure.advice or not advice:
            raise
        raise OutOfMemory(failure.what, advice) from failure
    except Exception as failure:
        if not no_room(failure):
            raise
        traceback.clear_frames(failure.__traceback__)  # the frames hold the objects that filled the memory
        _give_back()
        raise OutOfMemory(what, advice) from failure


def _give_back() -> None:
    """Return torch's cached GPU memory to the device."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
