"""stdout and stderr that outlast whoever reads them."""

import io
import os
import sys
from typing import Any


class _Lasting(io.FileIO):
    """A file that drops what it cannot take: its reader has gone, its terminal is closed, its disk is full."""

    def write(self, data: Any, /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(data) if written is None else written


def outlast_readers() -> None:
    """What is printed from now on raises nothing, so that no work is lost because nobody can read of it.

    A stream that was closed at the start leads nowhere. Its number is taken, or the next file that is opened would get it, and
    with it what libraries print. Streams that are not the process's own, as in a test, stay as they are.
    """
    for number in range(3):
        _take(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(_Lasting(number, "w", closefd=False)), "utf-8", "backslashreplace"))
        elif stream is getattr(sys, f"__{name}__") and isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):
            raw = _Lasting(stream.fileno(), "w", closefd=False)
            buffer: Any = raw if isinstance(stream.buffer, io.FileIO) else io.BufferedWriter(raw)  # the first under python -u
            how = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
            setattr(sys, name, io.TextIOWrapper(buffer, stream.encoding, stream.errors, **how))


def _take(number: int) -> None:
    """See to it that this file number is in use."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
