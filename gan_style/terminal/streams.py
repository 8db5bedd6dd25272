"""stdout and stderr that do not fail when their reader goes away, and remember what could not be written."""

import io
import os
import sys
from typing import Any

from gan_style.errors import UserError


class _Lasting(io.FileIO):
    """A file whose writes never raise: text is dropped if the reader is gone, the terminal is closed or the disk is full.

    failure: the first one; a reader that has gone is none, for it may have read enough, as `head` does
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            written = super().write(data)
        except BrokenPipeError:
            written = None
        except OSError as failure:
            self.failure = self.failure or failure
            written = None
        return len(data) if written is None else written


def outlast_readers() -> None:
    """From now on, printing never raises, so that no work is lost because its output cannot be written.

    A stream that was closed at the start is connected to the null device. Otherwise the next file that is opened would get its file
    number, and the output of libraries would go into that file. Replaced streams, as in a test, do not change.
    """
    for number in range(3):
        _take(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(_Lasting(number, "w", closefd=False)), "utf-8", "backslashreplace"))
        elif stream is getattr(sys, f"__{name}__") and isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):
            raw = _Lasting(stream.fileno(), "w", closefd=False)
            buffer: Any = raw if isinstance(stream.buffer, io.FileIO) else io.BufferedWriter(raw)  # FileIO: under python -u
            how = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
            setattr(sys, name, io.TextIOWrapper(buffer, stream.encoding, stream.errors, **how))


def check_written() -> None:
    """`UserError` if stdout dropped text because it cannot be written, for a command whose output is its result."""
    if sys.stdout is None:
        return
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if isinstance(raw, _Lasting) and raw.failure:
        raise UserError(f"stdout: cannot be written ({raw.failure.strerror}); make room, or send the output elsewhere")


def _take(number: int) -> None:
    """Open the null device under this file number if the number is free."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
