"""Opening a file that a user, or a file of a user, names: a regular file, whatever its name stands for now."""

import errno
import os
import stat
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """`path` for reading, unbuffered; an `OSError` for what is no regular file.

    Opening a named pipe would wait for a writer for ever, a device like /dev/zero never ends.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no name of a file holds a NUL character", str(path))
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return FileIO(descriptor, closefd=True)


def read_regular(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file."""
    with open_regular(path) as file:
        content = bytearray()
        while len(content) < limit and (part := file.read(limit - len(content))):
            content += part
    return bytes(content)


def refusal(place: str) -> str | None:
    """Why `place` can be the path of nothing here, in words; None where it can, there or not.

    A name too long or links in a circle would else show late, and `Path.exists` raises for some of them and hides others.
    """
    if not place:
        return "is empty"
    if "\0" in place:
        return "holds a NUL character"
    try:
        os.stat(place)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        return f"cannot be opened ({problem.strerror})"
    except UnicodeEncodeError:
        return "cannot be the name of a file here"
    return None
