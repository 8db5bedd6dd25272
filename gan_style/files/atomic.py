"""Writing files so that a reader finds the old content or the new, never a half."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, flushed to the disk, when the block ends well; else it is removed.

    Parents are created. The suffix is kept, since writers choose their format by it. The file gets the permissions that a
    plain new file has here, whatever the writer does (safetensors lets nobody else read).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    short = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()  # a longer name than the target's may not fit
    temporary = path.with_name(f".{short}.{os.getpid()}.tmp{path.suffix}")
    try:
        temporary.touch()
        permissions = temporary.stat().st_mode
        yield temporary
        temporary.chmod(permissions)
        flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise the `OSError` with which `replacing(path)` would fail, as far as that can be told in advance. Nothing is left behind."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
        pass


def sweep(folder: Path) -> None:
    """Remove what writers that were killed inside `replacing` left in `folder`. Nobody else may be writing there."""
    for leftover in folder.glob(".*.tmp*"):
        leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as a whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
