"""Dry runs: while `looking_only` is entered, nothing is downloaded and no cache is kept."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

COMPILED = "TORCHINDUCTOR_CACHE_DIR"  # torch makes this folder as soon as torchvision is imported


@dataclass
class Looking:
    """folder: for caches that are needed meanwhile; it is removed at the end. missing: files that training would download"""

    folder: Path
    missing: list[Path] = field(default_factory=list)


_LOOKING: ContextVar[Looking | None] = ContextVar("looking", default=None)


@contextmanager
def looking_only() -> Iterator[Looking]:
    """While entered, calls from this thread download nothing and keep nothing."""
    with tempfile.TemporaryDirectory(prefix="gan_style_", ignore_cleanup_errors=True) as folder:
        looking = Looking(Path(folder))
        token = _LOOKING.set(looking)
        compiled = os.environ.get(COMPILED)
        os.environ[COMPILED] = compiled or folder
        try:
            yield looking
        finally:
            _LOOKING.reset(token)
            if compiled is None:
                os.environ.pop(COMPILED, None)


def cache_folder() -> Path | None:
    """The folder for caches during a dry run; None outside of one, where caches lie in their usual place."""
    looking = _LOOKING.get()
    return looking.folder if looking else None


def only_missed(path: Path) -> bool:
    """Is this a dry run, and is the file of weights missing? If so, the file is noted; the caller uses other weights of its shape."""
    looking = _LOOKING.get()
    if looking is None or path.exists():
        return False
    if path not in looking.missing:
        looking.missing.append(path)
    return True
