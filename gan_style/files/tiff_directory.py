"""The directories of a TIFF or BigTIFF, one for each page. Their tags are read within bounds before a decoder trusts them."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded

MAX_TAG_VALUES = 2**20  # most values of one tag, such as the offsets of tiles, which take 40 bytes each while the file is open
MAX_PAGE_VALUES = 4 * MAX_TAG_VALUES  # most values of all tags of a page; a tag may be given again and again
MAX_PAGE_TEXT = 2**26  # most bytes of all its tags that hold bytes or text, without those that nobody reads
MAX_TAGS = 4096  # most tags of one page
MAX_PAGES = 2**16  # most pages that are read

_SMALL_TYPES = (1, 2, 7)  # bytes and text, which stay bytes
_PRIVATE = 32768  # numbers of private tags begin here; of these, tifffile and this package read:
_READ = frozenset({32997, 32998, 33550, 33628, 33922, 34264, 34675, 34735, 34736, 34737, 42112, 42113, 50838, 50839, 65426, 65432})
_TYPE_BYTES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}


def is_tiff(stream: IO[bytes]) -> bool:
    """Does the file begin like a TIFF? The stream is left at its beginning."""
    beginning = stream.read(4)
    stream.seek(0)
    return beginning in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def directories(stream: IO[bytes], path: Path | Encoded) -> Iterator[dict[int, int]]:
    """For each page in order: tag -> its first value, if that is a whole number; the largest value if a tag is given twice.

    Stops at a directory that is cut short or was seen before. `UserError` if a tag has more than `MAX_TAG_VALUES` values, or the
    tags of a page more than `MAX_PAGE_VALUES` or `MAX_PAGE_TEXT` together.
    """
    stream.seek(0)
    head = stream.read(16)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    big = 43 in head[2:4]
    width = 8 if big else 4  # bytes of a count of values and of an offset
    place = int.from_bytes(head[8:16] if big else head[4:8], order)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < MAX_PAGES:
        seen.add(place)
        stream.seek(place)
        count = int.from_bytes(stream.read(8 if big else 2), order)
        if not 0 < count <= MAX_TAGS:
            return
        entries = stream.read(count * (4 + 2 * width))
        following = stream.read(width)
        tags: dict[int, int] = {}
        numbers = text = 0
        for start in range(0, len(entries) - (3 + 2 * width), 4 + 2 * width):
            entry = entries[start : start + 4 + 2 * width]
            tag, kind, values = (int.from_bytes(part, order) for part in (entry[:2], entry[2:4], entry[4 : 4 + width]))
            if kind not in _SMALL_TYPES:
                _check(f"{path}: its TIFF tag {tag} has {values} values", values, MAX_TAG_VALUES)
                numbers += values
            elif tag < _PRIVATE or tag in _READ:
                text += values
            value = int.from_bytes(entry[4 + width :][: _TYPE_BYTES.get(kind, 8)], order)
            tags[tag] = max(value, tags.get(tag, 0))
        _check(f"{path}: the TIFF tags of a page have {numbers} values", numbers, MAX_PAGE_VALUES)
        _check(f"{path}: the TIFF tags of a page have {text} bytes of text", text, MAX_PAGE_TEXT)
        yield tags
        place = int.from_bytes(following, order) if len(following) == width else 0


def _check(claim: str, count: int, most: int) -> None:
    if count > most:
        raise UserError(f"{claim}, more than the {most} allowed; save it again")
