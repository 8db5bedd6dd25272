"""Encoding pixels: Pillow writes 8 bits, OpenCV writes 16-bit PNG, tifffile writes TIFF."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_PIXELS, reason
from gan_style.files.kinds import WRITTEN_SUFFIXES
from gan_style.files.tiff_metadata import Metadata
from gan_style.files.tiff_tags import tags_of

DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff"})  # hold 16 bits a channel
ALPHA_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".webp"})

_KINDS = {".jpg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF", ".pgm": "PPM"}  # the names of other formats equal their suffixes
_OPTIONS = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True, "exact": True}}
_LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # largest side in pixels
FAST_PNG, SMALL_PNG = 1, 3  # levels of zlib: 1 takes two thirds of the time of 3, and 6 % more room
_HEADER_END = 33  # bytes of a PNG's signature and its chunk IHDR
_INCH = 0.0254  # metres

Dots = tuple[float, float]


def check_size(path: Path, height: int, width: int) -> None:
    """`UserError` if the format of the path's suffix cannot hold a picture of this size, or encodes it at once and it is too large."""
    kind = _kind(path)
    longest = _LONGEST.get(kind)
    if longest is not None and max(height, width) > longest:
        raise UserError(f"{path}: {width} x {height} pixels do not fit this format, whose sides end at {longest}; use .png or .tif")
    if kind != "TIFF" and height * width > MAX_PIXELS:
        raise UserError(f"{path}: a result of {width} x {height} pixels is written as TIFF alone; take --format tiff")


def encode(
    path: Path, pixels: np.ndarray, dots_per_inch: Dots | None = None, png_compression: int = SMALL_PNG, metadata: Metadata | None = None
) -> bytes:
    """Encode [H, W, C] uint8 or uint16 in the format of the path's suffix. `UserError` if the format cannot hold the pixels.

    dots_per_inch: across and down; WebP and PNM do not store it
    png_compression: 0 (fast) to 9 (small); the pixels are the same, and other formats do not read it
    metadata: of the source, for a TIFF of its size, in place of `dots_per_inch`
    """
    suffix, channels, deep = path.suffix.lower(), pixels.shape[2], pixels.dtype == np.uint16
    if suffix not in WRITTEN_SUFFIXES:
        raise UserError(f"{path}: unknown image suffix; use one of {' '.join(sorted(WRITTEN_SUFFIXES))}")
    if deep and (suffix not in DEEP_SUFFIXES or channels == 2):
        raise UserError(f"{path}: 16-bit pixels of {channels} channels do not fit this format; use .png or .tif with 1, 3 or 4 channels")
    kind = _kind(path)
    fitting = {"JPEG": (1, 3), "WEBP": (3, 4), "BMP": (1, 3), "PPM": (1,) if suffix == ".pgm" else (3,)}.get(kind, (1, 2, 3, 4))
    if channels not in fitting:
        raise UserError(f"{path}: {channels} channels do not fit this format; use .png")
    if kind == "TIFF":
        return _tiff(pixels, metadata or Metadata(dots_per_inch))
    if deep:
        return _deep_png(path, pixels, dots_per_inch, png_compression)
    stream = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
    dots = {"dpi": dots_per_inch} if dots_per_inch and kind in ("JPEG", "PNG", "BMP") else {}
    try:
        options = {"compress_level": png_compression} if kind == "PNG" else _OPTIONS.get(kind, {})
        image.save(stream, kind, **options, **dots)
    except (OSError, ValueError) as failure:  # WebP ends at 16383 pixels a side, JPEG at 65500
        raise UserError(f"{path}: {image.width} x {image.height} pixels do not fit this format ({reason(failure)}); use .png") from failure
    return stream.getvalue()


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return _KINDS.get(suffix, suffix[1:].upper())


def _tiff(pixels: np.ndarray, metadata: Metadata) -> bytes:
    import tifffile

    height, width, channels = pixels.shape
    stream = BytesIO()
    tifffile.imwrite(
        stream,
        np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels),
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="lzw",
        metadata=None,
        software=False,
        **tags_of(metadata, height, width, channels, 8 * pixels.itemsize),
    )
    return stream.getvalue()


def _deep_png(path: Path, pixels: np.ndarray, dots_per_inch: Dots | None, compression: int) -> bytes:
    channels = pixels.shape[2]
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR) if channels > 1 else pixels
    done, encoded = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    if not done:
        raise UserError(f"{path}: the picture cannot be encoded; choose another format")
    data = encoded.tobytes()
    if not dots_per_inch:
        return data
    body = b"pHYs" + struct.pack(">IIB", *(round(dots / _INCH) for dots in dots_per_inch), 1)  # 1: the unit is the metre
    return data[:_HEADER_END] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + data[_HEADER_END:]
