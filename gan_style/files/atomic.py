"""Atomic writing: a reader finds the old content of a file or the new one, never a part of either."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. When the block succeeds, the file is flushed and renamed to `path`; else it is removed.

    Parent folders are created. The temporary path keeps the suffix, because writers choose their format by it. The file gets the
    permissions of a plain new file, whatever the writer sets (safetensors sets 0600).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_beginning(path)}.{os.getpid()}.tmp{path.suffix}")
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
    """Raise the `OSError` that `replacing(path)` would raise, as far as it can be known beforehand. Leaves no file behind."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
        pass


def sweep(*folders: Path) -> None:
    """Remove the temporary files that killed writers left in `folders`. No other process may be writing there."""
    for folder in folders:
        for leftover in folder.glob(".*.tmp*"):
            leftover.unlink(missing_ok=True)


def sweep_beside(path: Path) -> None:
    """Remove the temporary files that killed writers of `path` left. No other process may be writing it."""
    for leftover in path.parent.glob(f"{_beginning(path)}.*.tmp*"):
        leftover.unlink(missing_ok=True)


def _beginning(path: Path) -> str:
    """Of the names of temporary files for `path`: a longer name than the target's may not fit."""
    return "." + hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
