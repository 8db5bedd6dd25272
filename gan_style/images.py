"""Image files in and out: the only place where integers become floats and back.

In memory a picture is a [H, W, C] array of uint8 or uint16, upright (EXIF orientation applied), channels in the order gray,
gray + alpha, RGB or RGB + alpha. For a network it is a float32 tensor [C, H, W] with values in [-1, 1].
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from torch import Tensor

from gan_style.atomic import replacing
from gan_style.errors import UserError

Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
MAX_PIXELS = 2**27  # 134 megapixels, 0.4 GB as 8-bit RGB: a header that claims more is taken for damage or a decompression bomb

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")  # none of the others: PIL would start Ghostscript for an EPS
_MODE_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "LA": 2, "P": 3, "RGB": 3, "CMYK": 3, "YCbCr": 3, "PA": 4, "RGBA": 4}
_DEEP_MODES = ("I;16", "I;16B", "L", "LA", "RGB", "RGBA")
_PIL_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

# MAX_PIXELS is checked here, from the header; PIL's own warning at a lower bound would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Encoded:
    """An encoded image that is no file of its own, such as a cell of a table. name: what messages call it."""

    name: str
    data: bytes

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    pixels: [H, W, C], uint8 or uint16
    labels: the file has a palette, as label maps have; its colours must not be mixed by interpolation
    alpha:  [H, W] in the type of `pixels`: the file's transparency where it has some and `pixels` has not; else None
    """

    pixels: np.ndarray
    labels: bool
    alpha: np.ndarray | None


@dataclass(frozen=True)
class Header:
    """What a file says of itself: upright size in pixels, channels (a palette counts as RGB), 8 or 16 bits, palette or not."""

    width: int
    height: int
    channels: int
    depth: int
    palette: bool


def probe(path: Path | Encoded) -> Header:
    """The header of an image file, without decoding it; a `UserError` where it has none that `read` would accept."""
    with _open(path) as image:
        return _header(image, path)


def read(path: Path | Encoded, channels: int) -> Picture:
    """Decode `path` to 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, at the file's own depth.

    Gray is Rec. 601 luma. Missing alpha is opaque. Every file that is missing, empty, cut short, not an image, too large or
    of more than 16 bits is a `UserError` that names it.
    """
    with _open(path) as image:
        header = _header(image, path)
        try:
            image.load()
        except Exception as failure:  # PIL's decoders raise nearly anything on damaged data: OSError, SyntaxError, struct.error, ...
            raise UserError(f"{path}: damaged or cut short ({_one_line(failure)}); replace or remove it") from failure
        if header.depth == 16:
            pixels = _decode_deep(path)
        elif channels in (2, 4) or image.has_transparency_data:
            pixels = np.asarray(image.convert("LA" if channels <= 2 else "RGBA"))
        else:
            pixels = np.asarray(image.convert(_PIL_MODES[channels]))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if image.format != "TIFF":  # both decoders turn TIFFs upright themselves, and nothing else
        pixels = _upright(pixels, _orientation(image))
    pixels, alpha = _with_channels(pixels, channels)
    return Picture(pixels, header.palette, alpha)


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


def resize(pixels: np.ndarray, height: int, width: int, labels: bool = False) -> np.ndarray:
    """[H, W, C] -> [height, width, C]: area along the sides that shrink (no aliasing), then cubic along those that grow.

    `labels` takes the nearest pixel, so that no value appears that was not there.
    """
    channels = pixels.shape[2]

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
    found: list[Path] = []
    seen: set[str] = set()  # real paths of the folders walked: a link may lead back up
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        found += [
            Path(folder, name).relative_to(root)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(found, key=Path.as_posix)


@contextmanager
def _open(path: Path | Encoded) -> Iterator[ImageFile.ImageFile]:
    """The file with its header read; not yet decoded."""
    with ExitStack() as stack:
        try:
            # An open file, not its name: given a name, PIL maps uncompressed TIFFs into memory and garbles those stored on their side.
            stream = BytesIO(path.data) if isinstance(path, Encoded) else stack.enter_context(path.open("rb"))
            if not stream.read(1):
                raise UserError(f"{path}: the file is empty (0 bytes); copy it again or remove it")
            stream.seek(0)
            image = stack.enter_context(Image.open(stream, formats=_FORMATS))
        except UserError:
            raise
        except UnidentifiedImageError as failure:
            raise UserError(f"{path}: not an image, or its beginning is damaged; replace or remove it") from failure
        except Image.DecompressionBombError as failure:
            raise UserError(f"{path}: claims more than the {MAX_PIXELS} pixels allowed; scale it down or remove it") from failure
        except Exception as failure:  # the system's refusals have an errno; the rest are damaged headers, see `read`
            if isinstance(failure, OSError) and failure.errno:
                raise UserError(f"{path}: cannot be opened ({failure.strerror}); check the path and its permissions") from failure
            raise UserError(f"{path}: its header is damaged ({_one_line(failure)}); replace or remove it") from failure
        yield image


def _header(image: ImageFile.ImageFile, path: Path | Encoded) -> Header:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UserError(f"{path}: claims {width} x {height}, more than the {MAX_PIXELS} pixels allowed; scale it down or remove it")
    # The raw mode of the encoded data tells the depth; the mode that PIL would decode to hides it ("RGB;16B" becomes RGB).
    deep = image.format in ("PNG", "TIFF") and ";16" in str([tile[3] for tile in image.tile])
    odd_pnm = any(tile[0] == "ppm" for tile in image.tile)  # a largest value other than 255
    if odd_pnm or image.mode not in (_DEEP_MODES if deep else _MODE_CHANNELS):
        raise UserError(f"{path}: holds {image.format} data of a kind that is not read ({image.mode}); convert it to 8- or 16-bit PNG")
    channels = _MODE_CHANNELS[image.mode]
    if image.has_transparency_data and channels in (1, 3):  # a transparent colour, kept beside the pixels
        channels += 1
    if image.format != "TIFF" and _orientation(image) >= 5:  # PIL reports a TIFF's size already upright
        width, height = height, width
    return Header(width, height, channels, 16 if deep else 8, image.mode in ("P", "PA"))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; a damaged EXIF block is no reason to refuse the picture."""
    try:
        exif = Image.Image.getexif(image)  # not the PNG class's own, which decodes the whole file to look for EXIF behind the pixels
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return orientation if orientation in range(1, 9) else 1


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
    """uint16 pixels by OpenCV, because PIL drops 16-bit colour to 8; PIL has already found the file complete."""
    data = path.data if isinstance(path, Encoded) else path.read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UserError(f"{path}: 16-bit data that cannot be decoded; save it again as a plain 16-bit PNG or TIFF")
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return pixels


def _with_channels(pixels: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """[H, W, any] -> [H, W, channels], and the alpha where `channels` has no place for it."""
    has_alpha = pixels.shape[2] in (2, 4)
    colour, alpha = (pixels[..., :-1], pixels[..., -1]) if has_alpha else (pixels, None)
    if channels <= 2 and colour.shape[2] == 3:
        weights = np.array([19595, 38470, 7471], dtype=np.uint64)  # Rec. 601 in 1/65536, as PIL has them
        colour = (((colour.astype(np.uint64) * weights).sum(axis=2, keepdims=True) + 0x8000) >> 16).astype(pixels.dtype)
    elif channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return np.ascontiguousarray(colour), None if alpha is None else np.ascontiguousarray(alpha)
    if alpha is None:
        alpha = np.full(colour.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([colour, alpha[..., None]], axis=2), None


def _encode(path: Path, pixels: np.ndarray) -> bytes:
    suffix, channels, deep = path.suffix.lower(), pixels.shape[2], pixels.dtype == np.uint16
    if suffix not in IMAGE_SUFFIXES:
        raise UserError(f"{path}: unknown image suffix; use one of {' '.join(sorted(IMAGE_SUFFIXES))}")
    if deep and (suffix not in (".png", ".tif", ".tiff") or channels == 2):
        raise UserError(f"{path}: 16-bit pixels of {channels} channels do not fit this format; use .png or .tif with 1, 3 or 4 channels")
    fitting = {".jpg": (1, 3), ".jpeg": (1, 3), ".ppm": (3,), ".pgm": (1,), ".webp": (3, 4), ".bmp": (1, 3)}.get(suffix, (1, 2, 3, 4))
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
    kind = {".jpg": "JPEG", ".tif": "TIFF", ".pgm": "PPM"}.get(suffix, suffix[1:].upper())
    options = {
        "JPEG": {"quality": 95},
        "WEBP": {"lossless": True, "exact": True},
        "TIFF": {"compression": "tiff_lzw"},
        "PNG": {"compress_level": 3},
    }
    image.save(stream, kind, **options.get(kind, {}))
    return stream.getvalue()


def _one_line(failure: Exception) -> str:
    return " ".join(str(failure).split()) or type(failure).__name__
