"""The cached list of a large data set: a file that is made once and mapped into memory by every process that reads it.

The file holds only numbers and texts. It is used if its checksum and its bounds are right and no folder has changed since it was made.
It may be deleted at any time.
"""

import hashlib
import mmap
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_style.datasets.keys import Keys
from gan_style.datasets.layouts import Folders
from gan_style.datasets.listing import STAMP, unchanged
from gan_style.datasets.survey import Layout, Source, Split, Survey
from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.files.kinds import IMAGE_SUFFIXES
from gan_style.files.left_out import MOST, LeftOut
from gan_style.files.looking import cache_folder

SMALLEST = 10_000  # making a shorter list is faster than looking it up

# The file: the magic word; SHA-256 of the rest; a hash of what is listed; (keys, bytes) of folders, a, b and left-out
# files; the folders' stamps; the ends of the keys in the texts, and the texts, for folders, a, b and left-out files.
_MAGIC = b"gan_style list 4"
_LISTS = 4
_CHECKED, _SIZES, _ARRAYS = 48, 80, 80 + 16 * _LISTS  # offsets of these parts


class Index:
    """The cached list of one split of one data set. path: None if there is no folder for caches"""

    def __init__(self, root: Path, layout: Layout, split: Split, paired: bool, folders: Folders | None = None) -> None:
        self.root = root
        self.layout: Layout = layout
        self.paired = paired
        self.split: Split = split
        self.folders = folders or ("", "")
        what = (os.path.realpath(root), layout, split, paired, self.folders, sorted(IMAGE_SUFFIXES))
        self.subject = hashlib.sha256(repr(what).encode()).digest()
        folder = index_folder()
        self.path = folder / f"{self.subject[:16].hex()}.index" if folder else None

    def load(self) -> Source | None:
        """The cached source; None if there is none or it is out of date."""
        stored = _read(self.path) if self.path else None
        if not stored or stored.subject != self.subject or not unchanged(stored.folders, stored.stamps):
            return None
        a, b = stored.columns
        root = self.root.parent if self.layout == "manifest" else self.root
        left_out = _counted(stored.left_out)
        return Source(self.layout, root, a, b if len(b) else a, self.paired, folders=self.folders, split=self.split, left_out=left_out)

    def save(self, survey: Survey) -> Source | None:
        """Save the list if it is large, its listing is settled, and it names no masks; return the source as `load` does."""
        source, listing = survey.source, survey.listing
        if self.path is None or cache_folder() or source is None or source.masks:
            return None
        if not listing.settled or max(len(source.a), len(source.b)) < SMALLEST:
            return None
        counts = Keys.of(f"{count} {suffix}\0{example}" for suffix, count, example in source.left_out.entries())
        lists = listing.folders(), Keys.of(source.a), Keys.of(() if source.b is source.a else source.b), counts
        try:
            _write(self.path, self.subject, listing.stamps(), lists)
        except OSError as failure:
            warnings.warn(
                f"{self.path}: the list of files cannot be kept ({failure.strerror}) and is made anew at each start", stacklevel=2
            )
            return None
        return self.load()


def index_folder() -> Path | None:
    """The folder of cached lists: $GAN_STYLE_CACHE, or gan_style/index in $XDG_CACHE_HOME or ~/.cache; None without a home."""
    if chosen := os.environ.get("GAN_STYLE_CACHE"):
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan_style" / "index"
    except RuntimeError:
        return None


def recall(path: str, checksum: bytes, column: int) -> Keys:
    """The keys of one column, read from the same file that another process has mapped. checksum: of that file"""
    stored = _read(Path(path), checksum)
    if stored is None:
        raise UserError(f"{path}: the list of files was replaced while a run read it; start the run again")
    return stored.columns[column]


@dataclass(frozen=True)
class _Stored:
    subject: bytes
    stamps: np.ndarray
    folders: Keys
    columns: tuple[Keys, Keys]
    left_out: Keys


def _write(path: Path, subject: bytes, stamps: np.ndarray, lists: Sequence[Keys]) -> None:
    sizes = np.array([(len(keys), len(keys.text)) for keys in lists])
    arrays = [each.astype("<i8", copy=False) for each in (sizes, stamps, *(keys.ends for keys in lists))] + [keys.text for keys in lists]
    checksum = hashlib.sha256(subject)
    for array in arrays:
        checksum.update(array.data)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC + checksum.digest() + subject)
        for array in arrays:
            array.tofile(file)


def _read(path: Path, trusted: bytes | None = None) -> _Stored | None:
    """Read a cached list; None if it does not exist or is damaged. trusted: the checksum of a file that was verified before"""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # ValueError: an empty file
        return None
    magic, checksum, subject = data[:16], data[16:_CHECKED], data[_CHECKED:_SIZES]
    if magic != _MAGIC or len(data) < _ARRAYS or checksum != (trusted or hashlib.sha256(memoryview(data)[_CHECKED:]).digest()):
        return None
    sizes = np.frombuffer(data, "<i8", 2 * _LISTS, _SIZES).tolist()
    counts, lengths = sizes[::2], sizes[1::2]
    numbers = [STAMP * counts[0], *counts]
    if min(sizes) < 0 or len(data) != _ARRAYS + 8 * sum(numbers) + sum(lengths):
        return None
    stamps, *ends = _consecutive(np.frombuffer(data, "<i8", sum(numbers), _ARRAYS), numbers)
    texts = _consecutive(np.frombuffer(data, "u1", sum(lengths), _ARRAYS + 8 * sum(numbers)), lengths)
    for text, places in zip(texts, ends, strict=True):
        if not len(places):
            places = np.zeros(1, "<i8")
        if places[0] < 0 or places[-1] != len(text) or (places[1:] < places[:-1]).any():
            return None
    a, b = (Keys(texts[1 + column], ends[1 + column], (recall, (str(path), checksum, column))) for column in (0, 1))
    return _Stored(subject, stamps, Keys(texts[0], ends[0]), (a, b), Keys(texts[3], ends[3]))


def _counted(entries: Keys) -> LeftOut:
    """The left-out files from lines that `Index.save` wrote. A line of another form is ignored: a checksum does not rule it out."""
    found = (re.fullmatch(r"(\d{1,18}) ([^\0]*)\0([^\0]+)", entry, re.DOTALL) for entry in entries[:MOST])
    return LeftOut((match[2], int(match[1]), match[3]) for match in found if match)


def _consecutive(whole: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    return np.split(whole, np.cumsum(sizes)[:-1])
