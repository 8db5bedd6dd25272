"""Image files in and out: the only place where integers become floats and back.

In memory a picture is a [H, W, C] array of uint8 or uint16, upright (EXIF orientation applied), channels in the order gray,
gray + alpha, RGB or RGB + alpha. For a network it is a float32 tensor [C, H, W] with values in [-1, 1].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_style.atomic import replacing
from gan_style.errors import UserError
from gan_style.files.kinds import WRITTEN_SUFFIXES, is_image_name
from gan_style.headers import MAX_BYTES, Encoded, Header, check_scans, open_image, orientation, reason
from gan_style.headers import MAX_PIXELS as MAX_PIXELS
from gan_style.opening import read_regular
from gan_style.walking import walk

Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]

MAX_RESIZED = 2**25  # pixels that an image may be enlarged to: as floats for a network 12 bytes each, and its layers many times that

_KINDS = {".jpg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF", ".pgm": "PPM"}  # others are called as their suffix
_PIL_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_BAND = 2**20  # pixels that are converted at once, so that no second copy of a large image is made


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    pixels: [H, W, C], uint8 or uint16
    labels: the file has a palette, as label maps have; its colours must not be mixed by interpolation
    alpha:  [H, W] in the type of `pixels`: the file's transparency where it has some and `pixels` has not; else None
    orientation: of EXIF, 1 to 8, by which the stored pixels were turned upright
    """

    pixels: np.ndarray
    labels: bool
    alpha: np.ndarray | None
    orientation: int = 1


def probe(path: Path | Encoded) -> Header:
    """The header of an image file, without decoding it; a `UserError` where it is damaged or claims more than `read` would accept."""
    with open_image(path) as (_, header):
        return header


def read(path: Path | Encoded, channels: int) -> Picture:
    """Decode `path` to 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, at the file's own depth.

    Gray is Rec. 601 luma. Missing alpha is opaque. Every file that is missing, empty, cut short, not an image, too large or
    of more than 16 bits is a `UserError` that names it. Takes at most 1 GiB.
    """
    with open_image(path) as (image, header):
        check_scans(image, path)
        try:
            image.load()
        except MemoryError as failure:
            raise UserError(f"{path}: no memory for its {header.width} x {header.height} pixels; scale it down") from failure
        except Exception as failure:  # PIL's decoders raise nearly anything on damaged data: OSError, SyntaxError, struct.error, ...
            raise UserError(f"{path}: damaged or cut short ({reason(failure)}); replace or remove it") from failure
        turned = 1 if image.format == "TIFF" else orientation(image)  # both decoders turn TIFFs upright themselves, and nothing else
        if header.depth == 16:
            pixels = None  # PIL has found the file complete, but has dropped 16-bit colour to 8
        elif channels in (2, 4) or image.has_transparency_data:
            pixels = _converted(image, "LA" if channels <= 2 else "RGBA")
        else:
            pixels = _converted(image, _PIL_MODES[channels])
    pixels = _upright(_decode_deep(path) if pixels is None else pixels, turned)
    pixels, alpha = _with_channels(pixels, channels)
    return Picture(pixels, header.palette, alpha, header.orientation)


def write(path: Path, pixels: np.ndarray) -> None:
    """Write [H, W, C] uint8 or uint16 pixels in the format of the path's suffix, creating folders.

    The file appears whole or not at all.
    `UserError` where the format cannot hold the pixels, or the disk refuses.
    """
    data = _encode(path, pixels)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as failure:
        raise UserError(f"{path}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder") from failure


def to_tensor(pixels: np.ndarray) -> Tensor:
    """[H, W, C] uint8 or uint16 -> float32 [C, H, W] in [-1, 1]."""
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    values /= np.iinfo(pixels.dtype).max / 2  # by NumPy: torch would wake all its threads, 17 ms instead of 0.1 on a busy machine
    values -= 1.0
    return torch.from_numpy(values)


def to_pixels(image: Tensor, depth: int = 8) -> np.ndarray:
    """Float [C, H, W] -> [H, W, C] uint8 (`depth` 8) or uint16 (16), clamped to [-1, 1] and rounded; NaN becomes 0.

    The exact inverse of `to_tensor`.
    """
    top = 2**depth - 1
    image = image.detach().to("cpu", torch.float64 if image.dtype == torch.float64 else torch.float32)
    values = ((image.nan_to_num(nan=-1.0).clamp(-1.0, 1.0) + 1.0) * (top / 2)).round()
    return np.ascontiguousarray(values.permute(1, 2, 0).numpy().astype(np.uint8 if depth == 8 else np.uint16))


def resize(
    pixels: np.ndarray, height: int, width: int, labels: bool = False, name: object = "an image", limit: int = MAX_RESIZED
) -> np.ndarray:
    """[H, W, C] -> [height, width, C]: area along the sides that shrink (no aliasing), then cubic along those that grow.

    `labels` takes the nearest pixel, so that no value appears that was not there. `UserError` with `name` for what would grow
    to more than `limit` pixels: scaled to a width of 286, a picture 1 pixel wide and 100000 high has eight gigapixels.
    """
    rows, columns, channels = pixels.shape
    if height * width > max(limit, rows * columns):
        raise UserError(
            f"{name}: has {columns} x {rows} pixels and would be resized to {width} x {height}, more than the {limit} pixels allowed; "
            "cut it to another shape, or resize otherwise (data.preprocess, data.load_size; infer.py --resize)"
        )

    def to(rows: int, columns: int, interpolation: int) -> None:
        nonlocal pixels
        if pixels.shape[:2] != (rows, columns):
            pixels = cv2.resize(pixels, (columns, rows), interpolation=interpolation).reshape(rows, columns, channels)

    if labels:
        to(height, width, cv2.INTER_NEAREST_EXACT)
    else:
        to(min(height, pixels.shape[0]), min(width, pixels.shape[1]), cv2.INTER_AREA)
        to(height, width, cv2.INTER_CUBIC)
    return pixels


def load_resize(preprocess: Preprocess, load_size: int, height: int, width: int) -> tuple[int, int]:
    """The (height, width) that training resizes an image to before any crop."""
    if preprocess == "resize_and_crop":
        return load_size, load_size
    if preprocess in ("scale_width", "scale_width_and_crop"):
        return max(1, round(height * load_size / width)), load_size
    return height, width


def validation_size(preprocess: Preprocess, load_size: int, crop_size: int, height: int, width: int) -> tuple[int, int]:
    """The (height, width) of a validation image, which is never cropped; `infer.py --resize train` takes the same."""
    if preprocess == "resize_and_crop":
        return crop_size, crop_size
    return load_resize(preprocess, load_size, height, width)


def find_images(root: Path) -> list[Path]:
    """Image files below `root`, as sorted paths relative to it. Hidden files and folders are skipped, links are followed."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; check the path")
    found = [
        Path(folder, name).relative_to(root)
        for folder, _, names in walk(root)
        for name in names
        if not name.startswith(".") and is_image_name(name)
    ]
    return sorted(found, key=Path.as_posix)


def _bands(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _BAND // width)
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def _converted(image: Image.Image, mode: str) -> np.ndarray:
    """[H, W, C] of a decoded image."""
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for rows in _bands(image.height, image.width):
        band = image.crop((0, rows.start, image.width, rows.stop))
        pixels[rows] = np.asarray(band.convert(mode)).reshape(-1, image.width, len(mode))
    return pixels


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation: 5..8 are stored transposed, then mirrored as the others."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decode_deep(path: Path | Encoded) -> np.ndarray:
    """[H, W, C] uint16 by OpenCV."""
    try:
        data = path.data if isinstance(path, Encoded) else read_regular(path, MAX_BYTES)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError) as failure:
        raise UserError(f"{path}: 16-bit data that cannot be decoded ({reason(failure)}); save it again or remove it") from failure
    if pixels is None or pixels.dtype != np.uint16:
        raise UserError(f"{path}: 16-bit data that cannot be decoded; save it again as a plain 16-bit PNG or TIFF")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] >= 3:  # BGR to RGB
        for rows in _bands(*pixels.shape[:2]):
            pixels[rows, :, 0], pixels[rows, :, 2] = pixels[rows, :, 2], pixels[rows, :, 0].copy()
    return pixels


def _with_channels(pixels: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """[H, W, any] -> [H, W, channels], and the alpha where `channels` has no place for it."""
    has_alpha = pixels.shape[2] in (2, 4)
    colour, alpha = (pixels[..., :-1], pixels[..., -1]) if has_alpha else (pixels, None)
    if channels <= 2 and colour.shape[2] == 3:
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)  # Rec. 601 in 1/65536, as PIL has them
        gray = np.empty((*colour.shape[:2], 1), pixels.dtype)
        for rows in _bands(*colour.shape[:2]):
            gray[rows, :, 0] = (colour[rows].astype(np.uint32) @ weights + np.uint32(0x8000)) >> 16
        colour = gray
    elif channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return np.ascontiguousarray(colour), None if alpha is None else np.ascontiguousarray(alpha)
    if alpha is None:
        alpha = np.full(colour.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([colour, alpha[..., None]], axis=2), None


def _encode(path: Path, pixels: np.ndarray) -> bytes:
    suffix, channels, deep = path.suffix.lower(), pixels.shape[2], pixels.dtype == np.uint16
    if suffix not in WRITTEN_SUFFIXES:
        raise UserError(f"{path}: unknown image suffix; use one of {' '.join(sorted(WRITTEN_SUFFIXES))}")
    if deep and (suffix not in (".png", ".tif", ".tiff") or channels == 2):
        raise UserError(f"{path}: 16-bit pixels of {channels} channels do not fit this format; use .png or .tif with 1, 3 or 4 channels")
    kind = _KINDS.get(suffix, suffix[1:].upper())
    fitting = {"JPEG": (1, 3), "WEBP": (3, 4), "BMP": (1, 3), "PPM": (1,) if suffix == ".pgm" else (3,)}.get(kind, (1, 2, 3, 4))
    if channels not in fitting:
        raise UserError(f"{path}: {channels} channels do not fit this format; use .png")
    if deep:
        ordered = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR) if channels > 1 else pixels
        done, data = cv2.imencode(suffix, ordered)
        if not done:
            raise UserError(f"{path}: the picture cannot be encoded; choose another format")
        return data.tobytes()
    stream = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
    options = {
        "JPEG": {"quality": 95},
        "WEBP": {"lossless": True, "exact": True},
        "TIFF": {"compression": "tiff_lzw"},
        "PNG": {"compress_level": 3},
    }
    try:
        image.save(stream, kind, **options.get(kind, {}))
    except (OSError, ValueError) as failure:  # WebP ends at 16383 pixels a side, JPEG at 65500
        raise UserError(f"{path}: {image.width} x {image.height} pixels do not fit this format ({reason(failure)}); use .png") from failure
    return stream.getvalue()
