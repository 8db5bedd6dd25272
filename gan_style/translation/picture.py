"""Reading one picture for the network, and writing its result to a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor

from gan_style.bundles.file import BundleInfo, BundleValues
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import MAX_PIXELS, Encoded, Header
from gan_style.files.kinds import ARRAY_SUFFIXES, TIFF_SUFFIXES, WRITTEN_SUFFIXES, suffix_of
from gan_style.files.samples import rounded_to_8_bits
from gan_style.files.scale import nodata_of
from gan_style.files.tiff_metadata import NO_METADATA, Metadata
from gan_style.files.writing import ALPHA_SUFFIXES, DEEP_SUFFIXES, FAST_PNG, encode
from gan_style.label_maps.colours import to_nearest
from gan_style.terminal.counted import counted
from gan_style.translation.beyond import inward
from gan_style.translation.inputs import Job
from gan_style.translation.nodata import absent_pixels, mark_of, marked, put_back, replaces_missing

_ANY = ("tiff", "npy", "nifti", "keep")  # choices of --format that hold any measurements without loss


class Named(Protocol):
    """A picture to translate, `inputs.Job` or one that a client has sent. The suffix of `target` is the format of its result."""

    @property
    def source(self) -> Path | Encoded: ...
    @property
    def target(self) -> Path: ...


@dataclass(frozen=True)
class Original:
    """A picture at the network's size, with the properties of its file that the result needs.

    pixels: [h, w, C] at the network's size
    height, width: of the file, upright
    alpha: [height, width] of the file, or None
    dots_per_inch: of the file, across and down, or None
    metadata: what a file of the result can carry over, such as its place on the earth
    values: of the result, if they are measurements
    absent: [height, width], the pixels of the file without a value, if the bundle replaces missing values; else None
    """

    job: Named
    pixels: np.ndarray
    height: int
    width: int
    alpha: np.ndarray | None
    dots_per_inch: tuple[float, float] | None = None
    metadata: Metadata = NO_METADATA
    values: BundleValues | None = None
    absent: np.ndarray | None = None


def read_source(
    job: Named, info: BundleInfo, resize: int | str, look: Callable[[Header], None] = lambda header: None, *, max_pixels: int = MAX_PIXELS
) -> Original:
    """Read and resize a job's picture. `UserError` names the file.

    resize: "none", "train" or the length of the shorter side; look: see `images.read`
    max_pixels: most pixels that are decoded, and most of an enlarged picture
    """
    srgb, raw = info.labels not in ("yes", "nearest"), info.values_in is not None
    image = job.image if isinstance(job, Job) else job.source
    picture = images.read(image, info.in_channels, srgb, max_pixels, look, raw)
    return original_of(job, picture, info, resize, max_pixels)


def original_of(job: Named, picture: images.Picture, info: BundleInfo, resize: int | str, max_pixels: int = MAX_PIXELS) -> Original:
    """A decoded picture at the network's size, or a frame of a video. `UserError` names the file.

    max_pixels: most of an enlarged picture
    """
    height, width = picture.pixels.shape[:2]
    size = network_size(info, resize, height, width)
    labels = info.labels in ("yes", "nearest") or (info.labels == "auto" and picture.labels)
    pixels = measured(picture.pixels, info, job.source, picture.metadata)
    if info.colours:
        if pixels.dtype != np.uint8:
            raise UserError(f"{job.source}: has 16 bits; label maps need 8: save it as PNG of 8 bits")
        pixels = to_nearest(pixels, info.colours)
    pixels = images.resize(pixels, *size, labels, f"{job.source}: --resize {resize}", min(images.MAX_RESIZED, max_pixels))
    absent = absent_pixels(picture.pixels, picture.metadata) if replaces_missing(info) else None
    return Original(job, pixels, height, width, picture.alpha, picture.dots_per_inch, picture.metadata, info.values_out, absent)


def measured(pixels: np.ndarray, info: BundleInfo, source: Path | Encoded, metadata: Metadata) -> np.ndarray:
    """Stored values as float32 in [-1, 1] for a bundle of measurements; pictures as they are."""
    if info.values_in is None:
        return pixels
    return inward(info.values_in.scale, pixels, source, nodata_of(metadata.nodata))


def kind_of_pixels(source: Original) -> tuple[object, ...]:
    """What pictures of one batch have in common: their shape and type."""
    return source.pixels.shape, source.pixels.dtype


def network_size(info: BundleInfo, resize: int | str, height: int, width: int) -> tuple[int, int]:
    """The (height, width) at which a picture of this size is translated."""
    if resize == "none":
        return height, width
    if resize == "train":
        return images.validation_size(info.resize.preprocess, info.resize.load_size, info.resize.crop_size, height, width)
    scale = int(resize) / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def write_result(source: Original, translated: Tensor, keep_resized: bool, png_compression: int = FAST_PNG) -> None:
    """Write the file that `encoded_result` makes."""
    images.write_encoded(source.job.target, encoded_result(source, translated, keep_resized, png_compression))


def encoded_result(source: Original, translated: Tensor, keep_resized: bool, png_compression: int = FAST_PNG) -> bytes:
    """Encode a result [C, h, w] in [-1, 1], in the file's depth and with its alpha if the format can hold them.

    png_compression: 0 (fast) to 9 (small)
    keep_resized: keep the result's size; else it is resized to the file's own size and keeps the file's dots per inch
    """
    suffix = suffix_of(source.job.target.name)
    pixels = result_pixels(source, translated, keep_resized, suffix)
    same_size = pixels.shape[:2] == (source.height, source.width)
    dots = source.dots_per_inch if same_size else None
    metadata = marked(source.metadata, _mark(source)) if same_size else NO_METADATA
    pixels = pixels if source.values is not None else fit_format(pixels, suffix)
    return encode(source.job.target, pixels, dots, png_compression, metadata if metadata != NO_METADATA else None)


def result_pixels(source: Original, translated: Tensor, keep_resized: bool, suffix: str) -> np.ndarray:
    """A result [C, h, w] in [-1, 1] as pixels [H, W, C'], in the depth and with the alpha that a file with this suffix holds."""
    if source.values is not None:
        made = in_units(translated, source.values, None if keep_resized else (source.height, source.width))
        if source.absent is not None and source.absent.shape == made.shape[:2]:
            put_back(made, source.absent, _mark(source), source.job.source)
        return made
    deep = source.pixels.dtype == np.uint16 and suffix in DEEP_SUFFIXES
    pixels = images.to_pixels(translated, 16 if deep else 8)
    if not keep_resized:
        pixels = images.resize(pixels, source.height, source.width, limit=images.MAX_PIXELS)
    if source.alpha is not None and suffix in ALPHA_SUFFIXES and pixels.shape[2] in (1, 3):
        alpha = images.resize(source.alpha[..., None], *pixels.shape[:2], limit=images.MAX_PIXELS)
        if alpha.dtype != pixels.dtype:  # 16 bits into a format of 8
            alpha = rounded_to_8_bits(alpha)
        pixels = np.concatenate([pixels, alpha], axis=2)
    return pixels


def _mark(source: Original) -> float | None:
    """The value of no data of the result; None if it has none."""
    if source.absent is None or source.values is None:
        return None
    return mark_of(source.values, source.job.target, source.metadata.nodata)


def in_units(result: Tensor, values: BundleValues, size: tuple[int, int] | None = None) -> np.ndarray:
    """A result [C, h, w] in [-1, 1] as values [H, W, C] in their unit and type. size: height and width to resize to; None keeps them"""
    return values.scale.outward(result_floats(result, size), values.type)


def result_floats(result: Tensor, size: tuple[int, int] | None) -> np.ndarray:
    """A result [C, h, w] as floats [H, W, C] in [-1, 1]. size: height and width to resize to; None keeps them"""
    floats = np.ascontiguousarray(result.detach().float().cpu().permute(1, 2, 0).numpy()).clip(-1, 1)
    return floats if size is None else images.resize(floats, *size, limit=images.MAX_PIXELS)


def fit_format(pixels: np.ndarray, suffix: str) -> np.ndarray:
    """Repeat gray in three channels if the format has no gray, or no gray with alpha of this depth; other pixels do not change."""
    channels = pixels.shape[2]
    no_gray = channels == 1 and suffix in (".webp", ".ppm")
    no_gray_alpha = channels == 2 and (suffix == ".webp" or pixels.dtype == np.uint16)
    if no_gray or no_gray_alpha:
        return np.concatenate([np.repeat(pixels[..., :1], 3, axis=2), pixels[..., 1:]], axis=2)
    return pixels


def check_output_values(info: BundleInfo, format: str) -> None:
    """`UserError` if this --format does not hold the results, which are measurements, without loss."""
    if info.values_out is None:
        return
    kinds = ("png", *_ANY) if ".png" in kept_suffixes(info) else _ANY
    if format not in kinds:
        values = f"{info.values_out.type} values in {counted(info.out_channels, 'channel')}"
        raise UserError(f"--format {format}: the results are {values}, which it does not hold; take one of {', '.join(kinds)}")


def check_output_channels(info: BundleInfo, format: str) -> None:
    """`UserError` if no result could be written in this --format."""
    if format == "jpg" and info.out_channels in (2, 4):
        raise UserError(
            f"--format jpg: the results have {info.out_channels} channels, the last of them alpha, which JPEG cannot hold; take png"
        )


def kept_suffixes(info: BundleInfo) -> frozenset[str]:
    """The suffixes of inputs that results keep."""
    if info.values_out is None:
        return WRITTEN_SUFFIXES
    whole = info.values_out.type in ("uint8", "uint16") and info.out_channels in (1, 3)
    return ARRAY_SUFFIXES | TIFF_SUFFIXES | (frozenset({".png"}) if whole else frozenset())
