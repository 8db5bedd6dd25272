"""Reading, writing and resizing images. Only this module and `types.to_floats` convert between integer pixels and float tensors.

A picture in memory is a [H, W, C] array of uint8 or uint16. It is upright (EXIF orientation is applied). Its channels are gray,
gray + alpha, RGB or RGB + alpha. A network takes a float32 tensor [C, H, W] with values in [-1, 1].
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import pillow, tiff
from gan_style.files.atomic import replacing
from gan_style.files.bounded import MAX_PIXELS as MAX_PIXELS
from gan_style.files.bounded import Encoded, Header, TooLarge, check_pixels, opened
from gan_style.files.kinds import is_image_name, is_slide_name
from gan_style.files.left_out import LeftOut, is_hidden
from gan_style.files.region_reader import RegionReader
from gan_style.files.samples import rows_of
from gan_style.files.tiff_directory import is_tiff
from gan_style.files.tiff_metadata import NO_METADATA, Metadata, metadata_of
from gan_style.files.walking import walk
from gan_style.files.writing import SMALL_PNG, encode
from gan_style.machine.memory import room_for

Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]

_told_of_several: list[str] = []  # the first file with several pages, once a warning has named it
_SLIDE_BYTES = 6  # that decoding takes for a pixel of a slide: see `check_pixels`
MAX_RESIZED = 2**25  # most pixels of an enlarged image: as floats 12 bytes each, and many times that in a network's layers


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    pixels: [H, W, C], uint8 or uint16
    labels: the file has a palette, as label maps have; interpolation must not mix its colours
    alpha:  [H, W] in the type of `pixels`: the file's alpha if `pixels` has no channel for it; else None
    orientation: EXIF's, 1 to 8; `pixels` are already upright
    several: the file holds more than one page or frame; this is the first
    dots_per_inch: across and down; None if the file does not say
    metadata: of a TIFF
    """

    pixels: np.ndarray
    labels: bool
    alpha: np.ndarray | None
    orientation: int = 1
    several: bool = False
    dots_per_inch: tuple[float, float] | None = None
    metadata: Metadata = NO_METADATA


def probe(path: Path | Encoded) -> Header:
    """The header of an image file, without decoding the pixels. `UserError` if it is damaged or claims more than `read` accepts."""
    if isinstance(path, Path) and is_slide_name(path.name):
        headers = list[Header]()
        _slide(path, 3, False, MAX_PIXELS, headers.append).close()
        return headers[0]
    with opened(path) as stream:
        if is_tiff(stream):
            return tiff.open_page(stream, path).header
        with pillow.open_image(stream, path) as (_, header):
            return header


def read(
    path: Path | Encoded,
    channels: int,
    srgb: bool = True,
    max_pixels: int = MAX_PIXELS,
    look: Callable[[Header], None] = lambda header: None,
) -> Picture:
    """Decode `path` to 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha) channels, at the file's own depth.

    srgb: convert colours with a profile to sRGB; False for label maps. A file with a palette is never converted.
    max_pixels: see `check_pixels`; with its default reading takes at most 1 GiB of memory, with more in proportion
    look: is given the header before anything is decoded, of a TIFF or a slide also before its size is checked, and may raise a `UserError`
    Gray is Rec. 601 luma. Missing alpha becomes opaque.
    `UserError` names a file that is missing, empty, cut short, not an image, too large, or has more than 16 bits.
    """
    if isinstance(path, Path) and is_slide_name(path.name):
        with room_for(f"{path}: no memory to decode it"), _slide(path, channels, srgb, max_pixels, look) as slide:
            pixels = slide.read(0, 0, slide.height, slide.width)
            return Picture(pixels, False, None, dots_per_inch=slide.dots_per_inch, metadata=slide.metadata)
    with room_for(f"{path}: no memory to decode it"), opened(path, 3 * max_pixels) as stream:
        if is_tiff(stream):
            page = tiff.open_page(stream, path, max_pixels, look=look)
            header, dots = page.header, page.dots_per_inch
            metadata = metadata_of(page.page, upright_dots(dots, header.orientation), header.orientation)
            pixels = page.decode(channels, srgb)
        else:
            with pillow.open_image(stream, path, max_pixels) as (image, header):
                look(header)
                metadata = NO_METADATA
                dots = pillow.dots_per_inch(image)
                pixels = pillow.decode(image, header, stream, path, channels, srgb)
        pixels, alpha = with_channels(upright(pixels, header.orientation), channels)
    if header.several:
        tell_of_several(path)
    return Picture(pixels, header.palette, alpha, header.orientation, header.several, upright_dots(dots, header.orientation), metadata)


def _slide(path: Path, channels: int, srgb: bool, max_pixels: int, look: Callable[[Header], None]) -> RegionReader:
    """A slide whose level 0 may be decoded as a whole. `TooLarge` if it has more pixels."""
    from gan_style.files.slides import header_of, open_slide  # imports this module

    slide = open_slide(path, channels, srgb)
    try:
        look(header_of(slide))
        check_pixels(f"{path}: has", slide.width, slide.height, _SLIDE_BYTES, max_pixels)
    except BaseException:
        slide.close()
        raise
    return slide


def write(path: Path, pixels: np.ndarray, dots_per_inch: tuple[float, float] | None = None, png_compression: int = SMALL_PNG) -> None:
    """Write [H, W, C] uint8 or uint16 pixels in sRGB. The suffix of `path` chooses the format; folders are created.

    dots_per_inch: across and down, for formats that store it; png_compression: see `encode`. Writing is atomic.
    `UserError` if the format cannot hold the pixels, or if the disk refuses.
    """
    write_encoded(path, encode(path, pixels, dots_per_inch, png_compression))


def write_encoded(path: Path, data: bytes) -> None:
    """Write an encoded picture atomically; folders are created. `UserError` if the disk refuses."""
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as failure:
        raise UserError(f"{path}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder") from failure


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Convert [H, W, C] uint8 or uint16 to float32 [C, H, W] in [-1, 1]."""
    values = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    values /= np.iinfo(pixels.dtype).max / 2  # by NumPy: torch would wake all its threads, 17 ms instead of 0.1 on a busy machine
    values -= 1.0
    return torch.from_numpy(values)


def to_integers(pixels: np.ndarray) -> Tensor:
    """Copy [H, W, C] uint8 or uint16 to a tensor [C, H, W] of the same type. `types.to_floats` makes of it what `to_tensor` makes."""
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
            pixels = cv2.resize(pixels, (columns, rows), interpolation=interpolation).reshape(rows, columns, channels)

    if labels:
        to(height, width, cv2.INTER_NEAREST_EXACT)
    else:
        to(min(height, pixels.shape[0]), min(width, pixels.shape[1]), cv2.INTER_AREA)
        to(height, width, cv2.INTER_CUBIC)
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


def tell_of_several(path: Path | Encoded) -> None:
    """Warn that only the first of several pages is read, once for all files."""
    if not _told_of_several:
        _told_of_several.append(str(path))
        warnings.warn(
            f"{path}: holds several pages or frames, of which the first is read; other files like it are read alike and not named",
            stacklevel=3,
        )


def upright_dots(dots_per_inch: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Dots per inch across and down of the upright picture, from those of the stored one."""
    return (dots_per_inch[1], dots_per_inch[0]) if dots_per_inch and orientation >= 5 else dots_per_inch


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation. Orientations 5 to 8 are stored transposed, and mirrored like 1 to 4."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def with_channels(pixels: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert [H, W, any] to [H, W, channels]; also return the alpha if `channels` has no place for it."""
    has_alpha = pixels.shape[2] in (2, 4)
    colour, alpha = (pixels[..., :-1], pixels[..., -1]) if has_alpha else (pixels, None)
    if channels <= 2 and colour.shape[2] == 3:
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)  # Rec. 601 in 1/65536, as PIL has them
        gray = np.empty((*colour.shape[:2], 1), pixels.dtype)
        for rows in rows_of(*colour.shape[:2]):
            gray[rows, :, 0] = (colour[rows].astype(np.uint32) @ weights + np.uint32(0x8000)) >> 16
        colour = gray
    elif channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return np.ascontiguousarray(colour), None if alpha is None else np.ascontiguousarray(alpha)
    if alpha is None:
        alpha = np.full(colour.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([colour, alpha[..., None]], axis=2), None
