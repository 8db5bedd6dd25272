"""Pictures that Pillow opens: PNG, JPEG, BMP, WebP, GIF, AVIF and PNM. It also tells what any other file is.

Pillow writes 8 bits, OpenCV writes 16-bit PNG.
"""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from gan_style.errors import UserError
from gan_style.files import pillow
from gan_style.files.bounded import Header, reason
from gan_style.files.channels import with_channels
from gan_style.files.formats.format import File, Format, Picture, Wanted, check_channels, tell_of_several
from gan_style.files.orientation import upright, upright_dots
from gan_style.files.tiff_metadata import Metadata

_KINDS = {".jpg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".pgm": "PPM"}  # the names of other formats equal their suffixes
_OPTIONS = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True, "exact": True}}
_HEADER_END = 33  # bytes of a PNG's signature and its chunk IHDR
_INCH = 0.0254  # metres


class PillowFormat(Format):
    written = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".ppm", ".pgm"})

    def claims(self, file: File) -> bool:
        return True

    def probe(self, file: File, raw: bool = False) -> Header:
        with pillow.open_image(file.stream, file.path) as (_, header):
            return header

    def read(self, file: File, wanted: Wanted) -> Picture:
        with pillow.open_image(file.stream, file.path, wanted.max_pixels) as (image, header):
            wanted.look(header)
            if wanted.raw and header.palette:
                raise UserError(f"{file.path}: has a palette, which holds colours and no values; save its values as gray")
            check_channels(file.path, header.channels, wanted)
            dots = upright_dots(pillow.dots_per_inch(image), header.orientation)
            pixels = pillow.decode(image, header, file.stream, file.path, wanted.channels, wanted.srgb and not wanted.raw)
            pixels, alpha = with_channels(upright(pixels, header.orientation), wanted.channels)
        if header.several:
            tell_of_several(file.path)
        return Picture(pixels, header.palette, alpha, header.orientation, header.several, dots)

    def encode(self, path: Path, pixels: np.ndarray, metadata: Metadata, png_compression: int) -> bytes:
        kind, channels, dots_per_inch = pillow_kind(path), pixels.shape[2], metadata.dots_per_inch
        if pixels.dtype == np.uint16:
            return _deep_png(path, pixels, dots_per_inch, png_compression)
        stream = BytesIO()
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
        dots = {"dpi": dots_per_inch} if dots_per_inch and kind in ("JPEG", "PNG", "BMP") else {}
        try:
            options = {"compress_level": png_compression} if kind == "PNG" else _OPTIONS.get(kind, {})
            image.save(stream, kind, **options, **dots)
        except (OSError, ValueError) as failure:  # WebP ends at 16383 pixels a side, JPEG at 65500
            raise UserError(
                f"{path}: {image.width} x {image.height} pixels do not fit this format ({reason(failure)}); use .png"
            ) from failure
        return stream.getvalue()


def pillow_kind(path: Path) -> str:
    """Pillow's name for the format of the path's suffix."""
    suffix = path.suffix.lower()
    return _KINDS.get(suffix, suffix[1:].upper())


def _deep_png(path: Path, pixels: np.ndarray, dots_per_inch: tuple[float, float] | None, compression: int) -> bytes:
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
