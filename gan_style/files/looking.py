"""Looking without leaving anything behind: no download, no cache. This is what a dry run does."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Looking:
    """folder: for caches that cannot be done without; it is removed at the end; missing: files that training would download."""

    folder: Path
    missing: list[Path] = field(default_factory=list)


_LOOKING: ContextVar[Looking | None] = ContextVar("looking", default=None)


@contextmanager
def looking_only() -> Iterator[Looking]:
    """While entered, what this thread calls downloads nothing and keeps nothing."""
    with tempfile.TemporaryDirectory(prefix="gan_style_", ignore_cleanup_errors=True) as folder:
        looking = Looking(Path(folder))
        token = _LOOKING.set(looking)
        try:
            yield looking
        finally:
            _LOOKING.reset(token)


def cache_folder() -> Path | None:
    """Where caches must lie while one only looks; None: where they always lie."""
    looking = _LOOKING.get()
    return looking.folder if looking else None


def only_missed(path: Path) -> bool:
    """Is this file of weights missing while one only looks? It is noted then; other weights of its shape are to stand in for it."""
    looking = _LOOKING.get()
    if looking is None or path.exists():
        return False
    if path not in looking.missing:
        looking.missing.append(path)
    return True
