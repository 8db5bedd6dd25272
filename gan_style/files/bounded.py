"""Bounds on a picture's file, checked before it is decoded.

A file may be damaged or hostile: a few bytes can claim gigapixels or a million parts. docs/guide/untrusted.md lists the bounds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO

from gan_style.errors import UserError
from gan_style.files.opening import open_regular

MAX_PIXELS = 105_000_000  # largest number of pixels of an image; only the largest cameras exceed it
MAX_BYTES = 3 * MAX_PIXELS  # largest size of a file, and of its pixels; decoding then takes at most 1 GiB
MAX_READS = 2**20  # most parts of a file; decoders keep each part as an object, so four bytes become two hundred
MAX_SCANNED = 2**34  # most pixels times scans of a JPEG; each scan decodes all pixels, which takes ten seconds in all


class TooLarge(UserError):
    """A picture has more pixels, or its file more bytes, than may be decoded at once, or resizing would give it more."""


@dataclass(frozen=True)
class Encoded:
    """An encoded image that lies inside another file, such as a cell of a table. name: its name in messages"""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Header:
    """What a file's header says: the upright size in pixels, channels (a palette counts as RGB), bits of a value, palette or not.

    several: the file holds more than one page or frame; only the first is read
    orientation: EXIF's, 1 to 8; reading turns the pixels upright
    slices: of a volume; pictures have one
    values: NumPy's name for the type of the values, of a file that holds values and no colours; its depth may be more than 16
    """

    width: int
    height: int
    channels: int
    depth: int
    palette: bool
    several: bool = False
    orientation: int = field(default=1, compare=False)  # describes the file, not the picture
    values: str = ""
    slices: int = 1


@contextmanager
def opened(path: Path | Encoded, max_bytes: float = MAX_BYTES) -> Iterator[IO[bytes]]:
    """Yield the open file at its beginning. `UserError` if it cannot be opened or is empty, `TooLarge` beyond `max_bytes`."""
    try:
        # The decoder gets an open file and not its name, because it may map a named file into memory.
        stream = _Bytes(path.data) if isinstance(path, Encoded) else _File(open_regular(path))
    except OSError as failure:
        raise UserError(f"{path}: cannot be opened ({failure.strerror}); check the path and its permissions") from failure
    with stream:
        size = stream.seek(0, os.SEEK_END)
        if not size:
            raise UserError(f"{path}: the file is empty (0 bytes); copy it again or remove it")
        if size > max_bytes:
            raise TooLarge(f"{path}: has {size} bytes, more than the {max_bytes:.0f} allowed; save it compressed or scale it down")
        stream.seek(0)
        yield stream


def count_anew(stream: IO[bytes]) -> None:
    """Let the bound on the reads of an `opened` file begin again: it holds for one region, not for all regions of a file."""
    if isinstance(stream, _Metered):
        stream.reads = 0


def check_pixels(
    claim: str, width: int, height: int, weight: int, max_pixels: int = MAX_PIXELS, advice: str = "scale it down or remove it"
) -> None:
    """`TooLarge` if there are too many. weight: bytes that decoding takes for each pixel; 3 for an 8-bit RGB image"""
    if width * height * weight > 3 * max_pixels:
        less = " (fewer of them for 16-bit colour, CMYK, WebP and AVIF)" if weight > 3 else ""
        raise TooLarge(f"{claim} {width} x {height}, more than the {max_pixels} pixels allowed{less}; {advice}")


def check_scans(path: Path | Encoded, width: int, height: int, scans: int) -> None:
    """`UserError` if a JPEG has so many scans that decoding would take minutes. A scan costs a file a dozen bytes, the decoder a pass."""
    if width * height * scans > MAX_SCANNED:
        raise UserError(f"{path}: a JPEG of {width} x {height} pixels in {scans} scans, which is too many; save it again")


def resolution(across: float, down: float) -> tuple[float, float] | None:
    """Dots per inch; None if the values are impossible."""
    return (float(across), float(down)) if all(1e-3 < dots < 1e6 for dots in (across, down)) else None


def reason(failure: Exception) -> str:
    """A library's exception as words for a message."""
    return " ".join(str(failure).split()) or type(failure).__name__


class _Metered:
    """A file object that raises after `MAX_READS` reads."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ValueError(f"more than {MAX_READS} parts")
        return super().read(size)  # type: ignore[misc] - of the file that it is mixed into


class _File(_Metered, BufferedReader):
    pass


class _Bytes(_Metered, BytesIO):
    pass
