"""Image files before they are decoded: opened with care, and only those that decode within bounded memory and time let in.

A file may be damaged or made to do harm: a few bytes can claim gigapixels or a million parts. docs/guide/untrusted.md has the bounds.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, Literal

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from gan_style.errors import UserError
from gan_style.files.kinds import BEGINNING, advice, kind_of_bytes, kind_of_name
from gan_style.opening import open_regular, read_regular

MAX_PIXELS = 105_000_000  # of an image, or one that is resized: the largest cameras but one
MAX_BYTES = 3 * MAX_PIXELS  # of a file, and of its pixels; with what the decoders need besides, 1 GiB
MAX_READS = 2**20  # PIL keeps every part of a file as an object: four bytes become two hundred
MAX_TAG_VALUES = 2**18  # of one TIFF tag, such as the places of its strips
MAX_SCANNED = 2**34  # pixels times the scans of a JPEG, each of which passes over all of them: ten seconds

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "AVIF", "PPM")  # none of the others: PIL would start Ghostscript for an EPS
_CODECS = ("zip", "jpeg", "raw", "libtiff", "packbits", "gif")  # none of the others: loops in Python (run lengths, numbers as text)
_ANIMATED = ("PNG", "WEBP", "GIF", "AVIF")  # not MPO, whose further pictures are previews, gain and depth maps of cameras
_MODE_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "LA": 2, "P": 3, "RGB": 3, "CMYK": 3, "YCbCr": 3, "PA": 4, "RGBA": 4}
_DEEP_MODES = ("I;16", "I;16B", "L", "LA", "RGB", "RGBA")
_SMALL_TIFF_TYPES = (1, 2, 6, 7)  # bytes and text, which stay bytes
_TIFF_TYPE_BYTES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}
_TILE_WIDTH, _TILE_LENGTH = 322, 323

# What is wrong with a file is said here, in one line; PIL's warnings (of damaged tags, of sizes below MAX_PIXELS) would only be noise.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Encoded:
    """An encoded image that is no file of its own, such as a cell of a table. name: what messages call it."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Header:
    """What a file says of itself: upright size in pixels, channels (a palette counts as RGB), 8 or 16 bits, palette or not.

    several: it holds more pages or frames than the first, which is the one that is read
    orientation: of EXIF, 1 to 8, by which the pixels are turned upright
    """

    width: int
    height: int
    channels: int
    depth: int
    palette: bool
    several: bool = False
    orientation: int = field(default=1, compare=False)  # of how the file stores the picture, not of the picture


@contextmanager
def open_image(path: Path | Encoded) -> Iterator[tuple[ImageFile.ImageFile, Header]]:
    """The file with its header read and checked; not yet decoded. `UserError` for what is damaged or too large by its header."""
    with ExitStack() as stack:
        try:
            # An open file, not its name: given a name, PIL maps uncompressed TIFFs into memory and garbles those stored on their side.
            stream = stack.enter_context(_Bytes(path.data) if isinstance(path, Encoded) else _File(open_regular(path)))
            _check_stream(stream, path)
            image = stack.enter_context(Image.open(stream, formats=_FORMATS))
            header = _header(image, path)
        except UserError:
            raise
        except UnidentifiedImageError as failure:
            raise UserError(f"{path}: {_what_else(path)}") from failure
        except Image.DecompressionBombError as failure:
            raise UserError(f"{path}: claims more than the {MAX_PIXELS} pixels allowed; scale it down or remove it") from failure
        except Exception as failure:  # the system's refusals have an errno; the rest are damaged headers, see `images.read`
            if isinstance(failure, OSError) and failure.errno:
                raise UserError(f"{path}: cannot be opened ({failure.strerror}); check the path and its permissions") from failure
            raise UserError(f"{path}: its header is damaged ({reason(failure)}); replace or remove it") from failure
        try:
            yield image, header
        finally:
            image.close()  # leaving its context would keep the pixels


def _what_else(path: Path | Encoded) -> str:
    """What a file is that is no picture, and what to do."""
    kind = kind_of_name(path.name) or kind_of_bytes(path.data if isinstance(path, Encoded) else read_regular(path, BEGINNING))
    return advice(kind, path.name) if kind else "is not an image, or its beginning is damaged; replace or remove it"


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; a damaged EXIF block is no reason to refuse the picture."""
    try:
        exif = Image.Image.getexif(image)  # not the PNG class's own, which decodes the whole file to look for EXIF behind the pixels
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def reason(failure: Exception) -> str:
    """A library's exception in some words."""
    return " ".join(str(failure).split()) or type(failure).__name__


def check_scans(image: ImageFile.ImageFile, path: Path | Encoded) -> None:
    """Refuse a JPEG whose scans, a dozen bytes each at least, would keep the decoder busy for minutes; reads all of the file."""
    stream = image.fp
    if image.format not in ("JPEG", "MPO") or stream is None:
        return
    position = stream.tell()
    stream.seek(0)
    scans = sum(block.count(b"\xff\xda") for block in iter(lambda: stream.read(2**20), b""))
    stream.seek(position)
    if image.width * image.height * scans > MAX_SCANNED:
        raise UserError(f"{path}: a JPEG of {image.width} x {image.height} pixels in {scans} scans, which is too many; save it again")


class _Metered:
    """Ends a file that is read in very many pieces."""

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


def _check_stream(stream: IO[bytes], path: Path | Encoded) -> None:
    """What PIL would only notice when it is too late."""
    size = stream.seek(0, os.SEEK_END)
    if not size:
        raise UserError(f"{path}: the file is empty (0 bytes); copy it again or remove it")
    if size > MAX_BYTES:
        raise UserError(f"{path}: has {size} bytes, more than the {MAX_BYTES} allowed; save it compressed or scale it down")
    stream.seek(0)
    beginning = stream.read(30)
    if beginning[:4] == b"RIFF":
        _check_size(f"{path}: claims", *_webp_size(beginning), weight=6)  # its decoder allocates the picture as soon as it is made
    elif beginning[:2] in (b"II", b"MM"):
        stream.seek(0)
        _check_tags(stream, path)
    stream.seek(0)


def _header(image: ImageFile.ImageFile, path: Path | Encoded) -> Header:
    width, height = image.size
    # The raw mode of the encoded data tells the depth; the mode that PIL would decode to hides it ("RGB;16B" becomes RGB).
    deep = image.format in ("PNG", "TIFF") and ";16" in str([tile[3] for tile in image.tile])
    known = all(tile[0] in _CODECS for tile in image.tile)
    if not known or image.mode not in (_DEEP_MODES if deep else _MODE_CHANNELS):
        raise UserError(f"{path}: holds {image.format} data of a kind that is not read ({image.mode}); convert it to 8- or 16-bit PNG")
    channels = _MODE_CHANNELS[image.mode]
    heavy = image.mode == "CMYK" or image.format == "WEBP"  # what their decoders hold besides counts as much again
    weight = max(6, 2 * channels) if deep else 12 if image.format == "AVIF" else 6 if heavy else 3
    _check_size(f"{path}: claims", width, height, weight)
    if image.has_transparency_data and channels in (1, 3):  # a transparent colour, kept beside the pixels
        channels += 1
    turned = orientation(image)
    if image.format != "TIFF" and turned >= 5:  # PIL reports a TIFF's size already upright
        width, height = height, width
    several = image.format in _ANIMATED and getattr(image, "is_animated", False)
    return Header(width, height, channels, 16 if deep else 8, image.mode in ("P", "PA"), several, turned)


def _check_size(claim: str, width: int, height: int, weight: int) -> None:
    """weight: bytes that decoding takes for each pixel, as if it took nothing but the pixels of an 8-bit RGB image."""
    if width * height * weight > MAX_BYTES:
        less = " (half of them for 16-bit colour, CMYK and WebP)" if weight > 3 else ""
        raise UserError(f"{claim} {width} x {height}, more than the {MAX_PIXELS} pixels allowed{less}; scale it down or remove it")


def _webp_size(beginning: bytes) -> tuple[int, int]:
    """Width and height in the first 30 bytes of a WebP file; (0, 0) where they are none."""
    kind, known = beginning[12:16], len(beginning) == 30
    if kind == b"VP8X" and known:
        return int.from_bytes(beginning[24:27], "little") + 1, int.from_bytes(beginning[27:30], "little") + 1
    if kind == b"VP8L" and known:
        bits = int.from_bytes(beginning[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and known:
        return int.from_bytes(beginning[26:28], "little") & 0x3FFF, int.from_bytes(beginning[28:30], "little") & 0x3FFF
    return 0, 0


def _check_tags(stream: IO[bytes], path: Path | Encoded) -> None:
    """Refuse a TIFF, or BigTIFF, by tags that PIL trusts, or stops short of while libtiff, which decodes, reads on; damaged ones pass.

    A tile may be larger than its image, and is decoded as a whole.
    """
    head = stream.read(16)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    big = 43 in head[2:4]
    width = 8 if big else 4  # of a number of values and of a place in the file
    stream.seek(int.from_bytes(head[8:16] if big else head[4:8], order))
    tile = {_TILE_WIDTH: 1, _TILE_LENGTH: 1}
    for _ in range(int.from_bytes(stream.read(8 if big else 2), order)):
        entry = stream.read(4 + 2 * width)
        if len(entry) < 4 + 2 * width:
            return
        tag, kind, count = (int.from_bytes(part, order) for part in (entry[:2], entry[2:4], entry[4 : 4 + width]))
        if count > MAX_TAG_VALUES and kind not in _SMALL_TIFF_TYPES:
            raise UserError(f"{path}: its TIFF tag {tag} has {count} values, more than the {MAX_TAG_VALUES} allowed; save it again")
        if tag in tile:
            value = entry[4 + width :][: _TIFF_TYPE_BYTES.get(kind, 8)]
            tile[tag] = max(tile[tag], int.from_bytes(value, order))
            _check_size(f"{path}: claims tiles of", tile[_TILE_WIDTH], tile[_TILE_LENGTH], weight=8)
