"""Conversion of a program's pictures (PIL images, arrays, tensors) to pixels for the network, and of results to the same kind."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_style.bundles.file import BundleInfo, BundleValues
from gan_style.errors import UserError
from gan_style.files import images, pillow
from gan_style.files.channels import with_channels
from gan_style.files.samples import rounded_to_8_bits
from gan_style.label_maps.colours import to_nearest
from gan_style.translation.beyond import inward
from gan_style.translation.nodata import absent_pixels

Range = tuple[float, float]
_WHOLE: dict[str, Range] = {"uint8": (0, 255), "uint16": (0, 65535)}  # types whose range is known
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_ROUNDING = 1e-3  # share of its range that a value may lie beyond it
_TINY = 1e-12


@dataclass(frozen=True)
class Pictures:
    """One picture, or the pictures of one batch, for the network.

    pixels: [H, W, C] each, uint8 or uint16, or float32 in [-1, 1]
    alpha: [H, W] of a PIL image that has it, else None
    palette: has the image a palette, as label maps have?
    back: converts results [H, W, C'] in the type of `pixels` to the kind that was given
    """

    pixels: list[np.ndarray]
    back: Callable[[list[np.ndarray]], Any]
    alpha: np.ndarray | None = None
    palette: bool = False


def entered(given: Any, info: BundleInfo, value_range: Range | None, channels_first: bool | None) -> Pictures:
    """Convert a program's pictures for a bundle's network. `TypeError` for another kind or type, `ValueError` for wrong shapes or values.

    value_range, channels_first: see `gan_style.translation.trained.TrainedTranslator`
    """
    if isinstance(given, Image.Image):
        if value_range is not None or channels_first is not None:
            raise ValueError("value_range and channels_first are for arrays and tensors: a PIL image has its own; leave them out")
        if info.values_in is not None:
            raise ValueError("a translator of measurements takes their values, not a PIL image: give an array, numpy.asarray(image)")
        return _of_image(given, info)
    if isinstance(given, np.ndarray | Tensor) and value_range is None and info.values_in is not None:
        return _of_measurements(given, info, info.values_in, isinstance(given, Tensor) if channels_first is None else channels_first)
    if isinstance(given, np.ndarray | Tensor):
        return _of_values(given, info, value_range, isinstance(given, Tensor) if channels_first is None else channels_first)
    raise TypeError(f"a picture is a PIL image, a NumPy array or a tensor, not {type(given).__name__}; gan-style infer reads files")


def _of_image(image: Image.Image, info: BundleInfo) -> Pictures:
    """Convert a PIL image as `gan-style infer` reads a file: upright, in sRGB unless it is a label map, with alpha kept apart."""
    if 0 in image.size:
        raise ValueError(f"a PIL image of {image.width} x {image.height} pixels holds no picture")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F"):
        raise TypeError(
            f"a PIL image of mode {image.mode}; give its values as an array: numpy.asarray(image), with value_range=(low, high)"
        )
    labels, palette = info.labels in ("yes", "nearest"), image.mode in ("P", "PA")
    if image.mode.startswith("I;16"):
        pixels = np.asarray(image).astype(np.uint16)[..., None]
    else:
        pixels = pillow.pixels_of(image, info.in_channels, srgb=not labels and not palette, path=Path("a PIL image"))
    pixels, alpha = with_channels(pixels, info.in_channels)

    def back(results: list[np.ndarray]) -> Image.Image:
        (result,) = results
        channels = result.shape[2]
        if alpha is not None and channels in (1, 3):
            result = np.concatenate([result, _scaled(alpha, result)], axis=2)
        elif channels == 1:
            result = result[..., 0]
        if result.dtype == np.uint16 and result.ndim == 3:  # PIL has no such pixels of 16 bits
            result = rounded_to_8_bits(result)
        return Image.fromarray(result)

    return Pictures([_classes(pixels, info)], back, alpha, palette)


def _scaled(alpha: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The alpha [H, W], scaled to [H', W', 1] of a result."""
    return images.resize(alpha[..., None], *result.shape[:2], limit=images.MAX_PIXELS)


def _of_values(given: np.ndarray | Tensor, info: BundleInfo, value_range: Range | None, first: bool) -> Pictures:
    name = str(given.dtype).removeprefix("torch.")
    low, high = _checked_range(name, value_range)
    batch = _batch(given, info.in_channels, first)  # [B, H, W, C]
    exact = value_range is None  # whole numbers over all of their type
    scale, offset = 2 / (high - low), -(high + low) / (high - low)
    if exact:
        pixels = [_classes(each, info) for each in batch]
    else:
        values = batch.astype(np.float64) * scale + offset
        if not values.size or not (np.abs(values) <= 1 + 2 * _ROUNDING).all():  # NaN fails too
            raise ValueError(f"values from {batch.min():g} to {batch.max():g} do not lie in the range declared, {low:g} to {high:g}")
        pixels = list(values.clip(-1, 1).astype(np.float32))

    def back(results: list[np.ndarray]) -> np.ndarray | Tensor:
        stacked = np.stack(results)
        if not exact:
            stacked = (stacked.astype(np.float64) - offset) / scale
            if name in _WHOLE:  # of a range beyond the type's own, the nearest value of the type
                stacked = np.rint(stacked).clip(*_WHOLE[name]).astype(name)
        stacked = _laid_out(stacked, given, info, first)
        if isinstance(given, Tensor):
            return torch.from_numpy(stacked).to(given.device, given.dtype)
        return stacked.astype(given.dtype)

    return Pictures(pixels, back)


def _of_measurements(given: np.ndarray | Tensor, info: BundleInfo, values: BundleValues, first: bool) -> Pictures:
    """Values in the unit of the inputs; results are float32 in the unit of the results, or in [-1, 1] if those are pictures."""
    batch = _batch(given, info.in_channels, first)
    absent = [absent_pixels(each) for each in batch]
    try:
        pixels = [inward(values.scale, each, "the array") for each in batch]
    except UserError as mistake:
        raise ValueError(str(mistake)) from None

    def back(results: list[np.ndarray]) -> np.ndarray | Tensor:
        made = info.values_out
        stacked = np.stack([made.scale.outward(each, "float32") if made else each for each in results])
        if made:
            stacked[np.stack(absent)] = np.nan
        stacked = _laid_out(stacked, given, info, first)
        return torch.from_numpy(stacked).to(given.device) if isinstance(given, Tensor) else stacked

    return Pictures(pixels, back)


def _laid_out(stacked: np.ndarray, given: np.ndarray | Tensor, info: BundleInfo, first: bool) -> np.ndarray:
    """Results [B, H, W, C] with the axes of what was given."""
    if first:
        stacked = stacked.transpose(0, 3, 1, 2)
    if given.ndim == 2 and info.out_channels == 1:
        stacked = stacked[0, 0] if first else stacked[0, ..., 0]
    elif given.ndim < 4:
        stacked = stacked[0]
    return np.ascontiguousarray(stacked)


def _checked_range(name: str, value_range: Range | None) -> Range:
    """Check the range of values for the type `name`."""
    if name not in (*_WHOLE, *_FLOATS):
        raise TypeError(f"values of type {name}; give uint8, uint16 or floating point numbers with their value_range=(low, high)")
    if value_range is None:
        if name in _FLOATS:
            raise ValueError(
                f"values of type {name} have no range of their own; say where black and white are: value_range=(0, 1) or (-1, 1)"
            )
        return _WHOLE[name]
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and high - low > _TINY):
        raise ValueError(f"value_range {value_range!r}: give two numbers, black and white, the smaller one first")
    return low, high


def _batch(given: np.ndarray | Tensor, channels: int, first: bool) -> np.ndarray:
    """Convert an array or a tensor of one picture or several to [B, H, W, C]."""
    shape = list(given.shape)
    if isinstance(given, Tensor):
        values = given.detach().cpu()
        given = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if given.ndim == 2 and channels == 1:
        given = given[None] if first else given[..., None]
    axis = -3 if first else -1
    if given.ndim not in (3, 4) or given.shape[axis] != channels or 0 in shape:
        other = given.ndim in (3, 4) and given.shape[-1 if first else -3] == channels
        layout = "[C, H, W] or [B, C, H, W]" if first else "[H, W, C] or [B, H, W, C]"
        hint = f"; channels_first={not first} is for channels {'after' if first else 'before'} height and width" if other else ""
        raise ValueError(f"a translator of {channels} channels was given the shape {shape}; give {layout}{hint}")
    batch = given if given.ndim == 4 else given[None]
    return np.ascontiguousarray(batch.transpose(0, 2, 3, 1) if first else batch)


def _classes(pixels: np.ndarray, info: BundleInfo) -> np.ndarray:
    """Replace the pixels of a noisy label map by those of its classes; other pixels do not change."""
    if not info.colours:
        return pixels
    if pixels.dtype != np.uint8:
        raise TypeError("a label map has 8 bits, and this picture has 16; give uint8")
    return to_nearest(pixels, info.colours)
