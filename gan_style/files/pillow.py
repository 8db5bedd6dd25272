"""Pictures that Pillow opens: PNG, JPEG, BMP, WebP, GIF, AVIF and PNM. Memory and time of decoding are bounded.

Pillow decodes 8 bits and checks that a file is complete. OpenCV decodes 16-bit colour, which Pillow would reduce to 8 bits.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from gan_style.errors import UserError
from gan_style.files import bounded
from gan_style.files.bounded import MAX_PIXELS, Encoded, Header, TooLarge, check_pixels, reason
from gan_style.files.colour import MAX_PROFILE, Conversion, conversion
from gan_style.files.kinds import BEGINNING, advice, kind_of_bytes, kind_of_name
from gan_style.files.samples import rows_of
from gan_style.machine.memory import OutOfMemory, no_room

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "AVIF", "PPM")  # no other format: Pillow would start Ghostscript for an EPS
_CODECS = ("zip", "jpeg", "raw", "gif")  # no other codec: the others are loops in Python (run lengths, numbers as text)
_ANIMATED = ("PNG", "WEBP", "GIF", "AVIF")  # without MPO, whose other pictures are a camera's previews, gain maps and depth maps
_MODE_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "LA": 2, "P": 3, "RGB": 3, "CMYK": 3, "YCbCr": 3, "PA": 4, "RGBA": 4}
_DEEP_MODES = ("I;16", "I;16B", "L", "LA", "RGB", "RGBA")
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_AT_ONCE = 2**20  # pixels of a picture that is not converted in bands
_RAISED = threading.Lock()  # of `_pillow_allows`
_WEIGHTS = {"WEBP": 6, "AVIF": 12}  # bytes a pixel that these decoders need beside the result

PngImagePlugin.MAX_TEXT_CHUNK = MAX_PROFILE  # Pillow decompresses a profile or text up to this size, and 64 MB of them together
_TOO_LONG = f"holds a colour profile or a text of more than {MAX_PROFILE >> 20} MB; remove it: exiftool -all= FILE"

# This module reports a broken file in one line. Pillow's warnings (damaged tags, sizes below MAX_PIXELS) would only be noise.
warnings.filterwarnings("ignore", module=r"PIL\.")


@contextmanager
def open_image(stream: IO[bytes], path: Path | Encoded, max_pixels: int = MAX_PIXELS) -> Iterator[tuple[ImageFile.ImageFile, Header]]:
    """Yield an image with its header read and checked, but not decoded. `UserError` if the header is damaged or claims too much."""
    beginning = stream.read(BEGINNING)
    try:
        if beginning[:4] == b"RIFF":
            check_pixels(f"{path}: claims", *_webp_size(beginning), 6, max_pixels)  # its decoder allocates the picture when it is created
        stream.seek(0)
        with _pillow_allows(max_pixels):
            image = Image.open(stream, formats=_FORMATS)
    except UserError:
        raise
    except UnidentifiedImageError as failure:
        kind = kind_of_name(path.name) or kind_of_bytes(beginning)
        what = advice(kind, path.name) if kind else "is not an image, or its beginning is damaged; replace or remove it"
        raise UserError(f"{path}: {what}") from failure
    except Image.DecompressionBombError as failure:
        raise TooLarge(f"{path}: claims more than the {max_pixels} pixels allowed; scale it down or remove it") from failure
    except Exception as failure:  # see `decode`
        long = "MAX_TEXT_CHUNK" in str(failure)
        raise UserError(f"{path}: {_TOO_LONG if long else f'its header is damaged ({reason(failure)}); replace or remove it'}") from failure
    try:
        try:
            header = _header(image, path, max_pixels)
        except UserError:
            raise
        except Exception as failure:
            raise UserError(f"{path}: its header is damaged ({reason(failure)}); replace or remove it") from failure
        yield image, header
    finally:
        image.close()  # leaving Pillow's own context would keep the pixels


def decode(image: ImageFile.ImageFile, header: Header, stream: IO[bytes], path: Path | Encoded, channels: int, srgb: bool) -> np.ndarray:
    """[H, W, C] as stored (not turned upright), uint8 or uint16: gray, gray + alpha, RGB or RGB + alpha.

    channels: the number that the caller wants; decoding comes as near to it as the format allows
    srgb: convert colours with a profile to sRGB
    """
    _check_scans(image, stream, path)
    profile = image.info.get("icc_profile") if srgb and not header.palette else None
    try:
        image.load()
        if header.depth == 16:
            pixels = _decode_deep(stream, path)  # Pillow has checked that the file is complete, but has reduced 16-bit colour to 8
            to_srgb = conversion(profile, "RGB" if pixels.shape[2] >= 3 else "GRAY", 16, path)
            return to_srgb.of_colours(pixels) if to_srgb else pixels
        return pixels_of(image, channels, srgb and not header.palette, path)
    except UserError:
        raise
    except MemoryError as failure:
        raise UserError(f"{path}: no memory for its {header.width} x {header.height} pixels; scale it down") from failure
    except Exception as failure:  # PIL's decoders raise nearly anything on damaged data: OSError, SyntaxError, struct.error, ...
        if no_room(failure):
            raise OutOfMemory(f"{path}: no memory for its {header.width} x {header.height} pixels") from failure
        raise UserError(f"{path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure


def pixels_of(image: Image.Image, channels: int, srgb: bool, path: Path | Encoded) -> np.ndarray:
    """[H, W, C] uint8 of a loaded image of 8 bits, as `decode`; path: what messages call it."""
    model = "CMYK" if image.mode == "CMYK" else "GRAY" if image.mode in ("1", "L", "LA") else "RGB"
    to_srgb = conversion(image.info.get("icc_profile") if srgb else None, model, 8, path)
    if to_srgb:
        channels = 1 if model == "GRAY" else 3  # as stored, because the profile is applied before gray becomes RGB or RGB becomes gray
    if channels in (2, 4) or image.has_transparency_data:
        mode = "LA" if channels <= 2 else "RGBA"
    else:
        mode = _MODES[channels]
    return _converted(image, mode, to_srgb)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if the EXIF block is damaged."""
    try:
        exif = Image.Image.getexif(image)  # the PNG class's own method would decode the whole file to find EXIF after the pixels
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def dots_per_inch(image: Image.Image) -> tuple[float, float] | None:
    """Dots per inch across and down, as stored; None if the file does not say."""
    given = image.info.get("dpi")
    if not (isinstance(given, tuple) and len(given) == 2):
        return None
    return bounded.resolution(*given)


def _check_scans(image: ImageFile.ImageFile, stream: IO[bytes], path: Path | Encoded) -> None:
    """Count the scans of a JPEG, for which the whole file is read; `UserError` if there are too many."""
    if image.format not in ("JPEG", "MPO"):
        return
    position = stream.tell()
    stream.seek(0)
    scans = sum(block.count(b"\xff\xda") for block in iter(lambda: stream.read(2**20), b""))
    stream.seek(position)
    bounded.check_scans(path, *image.size, scans)


@contextmanager
def _pillow_allows(max_pixels: int) -> Iterator[None]:
    """Raise Pillow's own bound for all threads, for the milliseconds in which a header is read; `_header` checks it by ours."""
    if max_pixels <= MAX_PIXELS:
        yield
        return
    with _RAISED:
        usual = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def _header(image: ImageFile.ImageFile, path: Path | Encoded, max_pixels: int) -> Header:
    width, height = image.size
    # The raw mode of the encoded data tells the depth; the mode that PIL would decode to hides it ("RGB;16B" becomes RGB).
    deep = image.format == "PNG" and ";16" in str([tile[3] for tile in image.tile])
    known = all(tile[0] in _CODECS for tile in image.tile)
    if not known or image.mode not in (_DEEP_MODES if deep else _MODE_CHANNELS):
        raise UserError(f"{path}: holds {image.format} data of a kind that is not read ({image.mode}); convert it to 8- or 16-bit PNG")
    channels = _MODE_CHANNELS[image.mode]
    weight = max(6, 2 * channels) if deep else 6 if image.mode == "CMYK" else _WEIGHTS.get(image.format or "", 3)
    check_pixels(f"{path}: claims", width, height, weight, max_pixels)
    if image.has_transparency_data and channels in (1, 3):  # a transparent colour, which is stored beside the pixels
        channels += 1
    turned = _orientation(image)
    if turned >= 5:
        width, height = height, width
    several = image.format in _ANIMATED and getattr(image, "is_animated", False)
    return Header(width, height, channels, 16 if deep else 8, image.mode in ("P", "PA"), several, turned)


def _webp_size(beginning: bytes) -> tuple[int, int]:
    """Width and height in the first 30 bytes of a WebP file; (0, 0) if it is no WebP file."""
    kind, known = beginning[12:16], len(beginning) >= 30
    if kind == b"VP8X" and known:
        return int.from_bytes(beginning[24:27], "little") + 1, int.from_bytes(beginning[27:30], "little") + 1
    if kind == b"VP8L" and known:
        bits = int.from_bytes(beginning[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and known:
        return int.from_bytes(beginning[26:28], "little") & 0x3FFF, int.from_bytes(beginning[28:30], "little") & 0x3FFF
    return 0, 0


def _converted(image: Image.Image, mode: str, to_srgb: Conversion | None) -> np.ndarray:
    """[H, W, C] of a decoded image."""
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    stored = "CMYK" if to_srgb and image.mode == "CMYK" else mode
    if image.mode == stored and image.width * image.height <= _AT_ONCE and not to_srgb:
        pixels[:] = np.asarray(image).reshape(pixels.shape)  # no band needs a picture of its own
        return pixels
    for rows in rows_of(*pixels.shape[:2]):
        band = np.asarray(image.crop((0, rows.start, image.width, rows.stop)).convert(stored)).reshape(-1, image.width, len(stored))
        pixels[rows] = to_srgb.of_colours(band) if to_srgb else band
    return pixels


def _decode_deep(stream: IO[bytes], path: Path | Encoded) -> np.ndarray:
    """[H, W, C] uint16 by OpenCV."""
    import cv2  # imported here, because the report reads 8-bit pictures and must load fast

    stream.seek(0)
    pixels = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UserError(f"{path}: 16-bit data that cannot be decoded; save it again as a plain 16-bit PNG or TIFF")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] >= 3:  # BGR to RGB
        for rows in rows_of(*pixels.shape[:2]):
            pixels[rows, :, 0], pixels[rows, :, 2] = pixels[rows, :, 2], pixels[rows, :, 0].copy()
    return pixels
