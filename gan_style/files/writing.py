"""Encoding pixels in the format of a file's suffix."""

from pathlib import Path

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_PIXELS
from gan_style.files.formats.pillow_format import pillow_kind
from gan_style.files.formats.registry import format_to_write
from gan_style.files.kinds import ARRAY_SUFFIXES, COLOUR_SUFFIXES, TIFF_SUFFIXES, suffix_of
from gan_style.files.tiff_metadata import Metadata

DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff"}) | ARRAY_SUFFIXES  # hold 16 bits a channel
ALPHA_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".webp"})

_LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # largest side in pixels
FAST_PNG, SMALL_PNG = 1, 3  # levels of zlib: 1 takes two thirds of the time of 3, and 6 % more room

Dots = tuple[float, float]


def check_size(path: Path, height: int, width: int) -> None:
    """`UserError` if the format of the path's suffix cannot hold a picture of this size, or encodes it at once and it is too large."""
    longest = _LONGEST.get(pillow_kind(path))
    if longest is not None and max(height, width) > longest:
        raise UserError(f"{path}: {width} x {height} pixels do not fit this format, whose sides end at {longest}; use .png or .tif")
    if path.suffix.lower() not in TIFF_SUFFIXES and height * width > MAX_PIXELS:
        raise UserError(f"{path}: a result of {width} x {height} pixels is written as TIFF alone; take --format tiff")


def encode(
    path: Path, pixels: np.ndarray, dots_per_inch: Dots | None = None, png_compression: int = SMALL_PNG, metadata: Metadata | None = None
) -> bytes:
    """Encode [H, W, C] uint8 or uint16 in the format of the path's suffix. `UserError` if the format cannot hold the pixels.

    dots_per_inch: across and down; WebP and PNM do not store it
    png_compression: 0 (fast) to 9 (small); the pixels are the same, and other formats do not read it
    metadata: of the source, for a TIFF or NIfTI of its size, in place of `dots_per_inch`
    """
    suffix, channels, deep = suffix_of(path.name), pixels.shape[2], pixels.dtype == np.uint16
    form = format_to_write(path)
    if form is None:
        raise UserError(f"{path}: unknown image suffix; use one of {' '.join(sorted(COLOUR_SUFFIXES | ARRAY_SUFFIXES))}")
    if suffix in ARRAY_SUFFIXES or (suffix in TIFF_SUFFIXES and (channels > 4 or pixels.dtype not in (np.uint8, np.uint16))):
        return form.encode(path, pixels, metadata or Metadata(dots_per_inch), png_compression)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path}: {pixels.dtype} values do not fit this format; use .tif or .npy")
    if deep and (suffix not in DEEP_SUFFIXES or (channels == 2 and suffix not in TIFF_SUFFIXES)):
        raise UserError(f"{path}: 16-bit pixels of {channels} channels do not fit this format; use .png or .tif with 1, 3 or 4 channels")
    kind = pillow_kind(path)
    fitting = {"JPEG": (1, 3), "WEBP": (3, 4), "BMP": (1, 3), "PPM": (1,) if suffix == ".pgm" else (3,)}.get(kind, (1, 2, 3, 4))
    if channels not in fitting:
        raise UserError(f"{path}: {channels} channels do not fit this format; use .png")
    return form.encode(path, pixels, metadata or Metadata(dots_per_inch), png_compression)
