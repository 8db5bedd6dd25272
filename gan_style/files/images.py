"""Reading, writing and resizing images. Only this module and `types.to_floats` convert between integer pixels and float tensors.

A picture in memory is a [H, W, C] array of uint8 or uint16. It is upright (EXIF orientation is applied). Its channels are gray,
gray + alpha, RGB or RGB + alpha. A network takes a float32 tensor [C, H, W] with values in [-1, 1].
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.files.bounded import MAX_PIXELS as MAX_PIXELS
from gan_style.files.bounded import Encoded, Header, TooLarge
from gan_style.files.formats.format import File, Picture, Wanted
from gan_style.files.formats.registry import format_of
from gan_style.files.kinds import is_image_name
from gan_style.files.left_out import LeftOut, is_hidden
from gan_style.files.several import Several, probe_several, read_several
from gan_style.files.tiff_metadata import Metadata
from gan_style.files.volumes import Neighbours, probe_neighbours, read_neighbours
from gan_style.files.walking import walk
from gan_style.files.writing import SMALL_PNG, encode
from gan_style.machine.memory import room_for

Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]

_AT_ONCE = 4  # channels that OpenCV resizes in every way
MAX_RESIZED = 2**25  # most pixels of an enlarged image: as floats 12 bytes each, and many times that in a network's layers


def probe(path: Path | Encoded | Several | Neighbours, raw: bool = False) -> Header:
    """The header of an image file, without decoding the pixels. `UserError` if it is damaged or claims more than `read` accepts.

    raw: of the stored values instead of colours, see `formats.format.Wanted`
    """
    if isinstance(path, Several):
        return probe_several(path, raw)
    if isinstance(path, Neighbours):
        return probe_neighbours(path)
    with File(path) as file:
        return format_of(file).probe(file, raw)


def read(
    path: Path | Encoded | Several | Neighbours,
    channels: int,
    srgb: bool = True,
    max_pixels: int = MAX_PIXELS,
    look: Callable[[Header], None] = lambda header: None,
    raw: bool = False,
) -> Picture:
    """Decode `path` to 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, at the file's own depth.

    srgb: convert colours with a profile to sRGB; False for label maps. A file with a palette is never converted.
    max_pixels: see `check_pixels`; with its default reading takes at most 1 GiB of memory, with more in proportion
    look: is given the header before anything is decoded, of a TIFF or a slide also before its size is checked, and may raise a `UserError`
    raw: the stored values in their own type instead of colours, see `formats.format.Wanted`
    Gray is Rec. 601 luma. Missing alpha becomes opaque.
    `UserError` names a file that is missing, empty, cut short, not an image, too large, or has more than 16 bits.
    """
    wanted = Wanted(channels, srgb, max_pixels, look, raw)
    with room_for(f"{path}: no memory to decode it"):
        if isinstance(path, Several):
            return read_several(path, wanted)
        if isinstance(path, Neighbours):
            return read_neighbours(path, wanted)
        with File(path, 3 * max_pixels) as file:
            return format_of(file).read(file, wanted)


def write(
    path: Path,
    pixels: np.ndarray,
    dots_per_inch: tuple[float, float] | None = None,
    png_compression: int = SMALL_PNG,
    metadata: Metadata | None = None,
) -> None:
    """Write [H, W, C] uint8 or uint16 pixels in sRGB. The suffix of `path` chooses the format; folders are created.

    dots_per_inch: across and down, for formats that store it; png_compression, metadata: see `encode`. Writing is atomic.
    `UserError` if the format cannot hold the pixels, or if the disk refuses.
    """
    write_encoded(path, encode(path, pixels, dots_per_inch, png_compression, metadata))


def write_encoded(path: Path, data: bytes) -> None:
    """Write an encoded picture atomically; folders are created. `UserError` if the disk refuses."""
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as failure:
        raise UserError(f"{path}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder") from failure


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Convert [H, W, C] uint8 or uint16 to float32 [C, H, W] in [-1, 1]. float32 is taken to be in [-1, 1] already, and copied."""
    if pixels.dtype == np.float32:
        return to_integers(pixels)
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    values /= np.iinfo(pixels.dtype).max / 2  # by NumPy: torch would wake all its threads, 17 ms instead of 0.1 on a busy machine
    values -= 1.0
    return torch.from_numpy(values)


def to_integers(pixels: np.ndarray) -> Tensor:
    """Copy [H, W, C] uint8, uint16 or float32 to a tensor [C, H, W] of the same type.

    `types.to_floats` makes of it what `to_tensor` makes.
    """
    return torch.from_numpy(np.stack(cv2.split(pixels)))  # a third of the time that NumPy takes


def to_pixels(image: Tensor, depth: int = 8) -> np.ndarray:
    """Convert float [C, H, W] to [H, W, C] uint8 (`depth` 8) or uint16 (16), clamped to [-1, 1] and rounded; NaN becomes 0.

    Exact inverse of `to_tensor`.
    """
    top = 2**depth - 1
    image = image.detach().to("cpu", torch.float64 if image.dtype == torch.float64 else torch.float32)
    values = ((image.nan_to_num(nan=-1.0).clamp(-1.0, 1.0) + 1.0) * (top / 2)).round()
    return np.ascontiguousarray(values.permute(1, 2, 0).numpy().astype(np.uint8 if depth == 8 else np.uint16))


def resize(
    pixels: np.ndarray, height: int, width: int, labels: bool = False, name: object = "an image", limit: int = MAX_RESIZED
) -> np.ndarray:
    """Resize [H, W, C] to [height, width, C]: area averaging along sides that shrink (no aliasing), cubic along sides that grow.

    Pixels are uint8, uint16, or float32 in [-1, 1], where they are kept: a cubic curve swings beyond its points.
    labels: take the nearest pixel instead, which makes no new value.
    `TooLarge` with `name` if the result is enlarged to more than `limit` pixels: a picture 1 pixel wide and 100000 high has eight
    gigapixels when it is scaled to a width of 286.
    """
    rows, columns, channels = pixels.shape
    if height * width > max(limit, rows * columns):
        raise TooLarge(
            f"{name}: has {columns} x {rows} pixels and would be resized to {width} x {height}, more than the {limit} pixels allowed; "
            "cut it to another shape, or resize otherwise (data.preprocess, data.load_size; infer.py --resize)"
        )

    def to(rows: int, columns: int, interpolation: int) -> None:
        nonlocal pixels
        if pixels.shape[:2] != (rows, columns):
            parts = [pixels[..., first : first + _AT_ONCE] for first in range(0, channels, _AT_ONCE)] if channels > _AT_ONCE else [pixels]
            parts = [cv2.resize(part, (columns, rows), interpolation=interpolation).reshape(rows, columns, -1) for part in parts]
            pixels = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    if labels:
        to(height, width, cv2.INTER_NEAREST_EXACT)
    else:
        to(min(height, pixels.shape[0]), min(width, pixels.shape[1]), cv2.INTER_AREA)
        grows = pixels.shape[:2] != (height, width)
        to(height, width, cv2.INTER_CUBIC)
        if grows and pixels.dtype == np.float32:
            pixels = pixels.clip(-1, 1)
    return pixels


def load_resize(preprocess: Preprocess, load_size: int, height: int, width: int) -> tuple[int, int]:
    """The (height, width) to which training resizes an image before the crop."""
    if preprocess == "resize_and_crop":
        return load_size, load_size
    if preprocess in ("scale_width", "scale_width_and_crop"):
        return max(1, round(height * load_size / width)), load_size
    return height, width


def validation_size(preprocess: Preprocess, load_size: int, crop_size: int, height: int, width: int) -> tuple[int, int]:
    """The (height, width) of a validation image, which is never cropped. `infer --resize train` uses the same size."""
    if preprocess == "resize_and_crop":
        return crop_size, crop_size
    return load_resize(preprocess, load_size, height, width)


def find_images(root: Path, left_out: LeftOut | None = None) -> list[Path]:
    """Image files below `root`, as sorted paths relative to it. Skips hidden files and folders, follows links.

    left_out: counts the files whose suffix is not an image's
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; check the path")
    found = []
    for folder, _, names in walk(root):
        for name in names:
            if is_image_name(name) and not is_hidden(name):
                found.append(Path(folder, name).relative_to(root))
            elif left_out is not None and not is_hidden(name):
                left_out.add(folder, name)
    return sorted(found, key=Path.as_posix)
