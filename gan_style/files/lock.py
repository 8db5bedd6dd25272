"""A lock by which a folder belongs to one process."""

import errno
import os
import socket
import warnings
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class Held(Exception):
    """Another process holds the lock; the text names it."""


class FileLock:
    """A lock that the file `path` stands for. The system releases it when this process ends in any way.

    It is a POSIX record lock, which belongs to one process. A `flock` would be inherited by the data loading processes, which outlive a
    killed trainer by some seconds, and the restarted trainer would be refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. `Held` if another process has it, `OSError` if the file cannot be made. A file system without locks: a warning."""
        if fcntl is None:
            return
        while self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as refusal:
                if refusal.errno in (errno.EACCES, errno.EAGAIN):
                    owner = os.read(self._descriptor, 200).decode(errors="replace").strip() or "another process"
                    self.release()
                    raise Held(owner) from None
                words = f"{self._path}: cannot be locked here ({refusal.strerror}); start only one process at a time in this folder"
                warnings.warn(words, stacklevel=2)
                return
            if not self._stands():  # its owner removed the file before this process locked it
                self.release()
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())

    def release(self, remove: bool = False) -> None:
        """Release the lock. remove: and its file, where nothing else in the folder stays"""
        if self._descriptor is not None:
            if remove:
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _stands(self) -> bool:
        """Is the locked file still the one at the path?"""
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False
