"""Opening a file whose name comes from outside: only regular files are opened, no pipes and no devices."""

import errno
import os
import stat
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """Open `path` for reading, unbuffered. `OSError` if it is not a regular file.

    Opening a named pipe would wait for a writer for ever, and a device such as /dev/zero never ends.
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
    """Why no file can have the path `place`, in words; None if one can, whether it exists or not.

    A name that is too long and links in a circle would otherwise be found late: `Path.exists` raises for some and hides others.
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
