"""Stamps of folders, which tell later whether a list of their files is still up to date."""

import os
import time
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gan_style.datasets.keys import Gathering, Keys

# A change within one tick of the file system's clock may leave no trace. The coarsest ticks (FAT) are 2 s.
SETTLED = 3 * 10**9

STAMP = 3  # numbers in the stamp of a folder


class Listing:
    """The folders (and the manifest) that a survey read, each with a stamp. Any change of a folder's entries changes its stamp.

    settled: False if a stamp proves nothing, because a folder changed a moment ago or was reached through a link that may change
    """

    def __init__(self) -> None:
        self.settled = True
        self._folders = Gathering()
        self._stamps = array("q")

    def add(self, path: Path) -> os.stat_result:
        """Stamp a folder or manifest before it is read. `OSError` if that is not permitted."""
        stat = path.stat()
        if max(stat.st_mtime_ns, stat.st_ctime_ns) > time.time_ns() - SETTLED:
            self.settled = False
        self._folders.add(str(path.absolute()))
        self._stamps.extend(_stamp(stat))
        return stat

    def folders(self) -> Keys:
        return self._folders.keys()

    def stamps(self) -> np.ndarray:
        """The stamps of all folders, [folders * STAMP] int64."""
        return np.frombuffer(self._stamps, np.int64)


def unchanged(folders: Iterable[str], stamps: np.ndarray) -> bool:
    """Do the folders still have these stamps, which `Listing.stamps` returned?"""

    def now() -> Iterator[int]:
        for folder in folders:
            yield from _stamp(Path(folder).stat())

    try:
        return all(old == new for old, new in zip(stamps, now(), strict=True))
    except (OSError, ValueError):
        return False


def _stamp(stat: os.stat_result) -> Iterator[int]:
    # Archives and rsync set mtime back after they have added files; nothing sets ctime back.
    return (value % 2**63 for value in (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
