"""Arithmetic on the samples of pixels. It works on bands of rows, so that a large picture is never copied whole as wide integers."""

from collections.abc import Callable, Iterator

import numpy as np

_BAND = 2**20  # pixels that are converted at once


def cmyk_to_rgb(inks: np.ndarray) -> np.ndarray:
    """Convert CMYK [h, w, 4 or more] to RGB [h, w, 3] of the same type, as if inks were filters; for files without a profile."""
    top = np.iinfo(inks.dtype).max
    wide = inks[..., :4].astype(np.uint32)
    light = top - wide[..., 3:]
    return (light - (wide[..., :3] * light + top // 2) // top).astype(inks.dtype)


def divide_by_alpha(pixels: np.ndarray) -> None:
    """Divide the colours by the alpha in the last channel, in place. Colours stay where alpha is 0."""
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., -1:].astype(np.uint32)
    colours = (pixels[..., :-1].astype(np.uint32) * top + alpha // 2) // np.maximum(alpha, 1)
    pixels[..., :-1] = np.where(alpha > 0, np.minimum(colours, top), pixels[..., :-1])


def full_range(samples: np.ndarray, bits: int) -> np.ndarray:
    """Scale samples of `bits` bits (bool for 1) to the full range of 8 or 16 bits."""
    if samples.dtype == np.bool_:
        return samples.view(np.uint8) * np.uint8(255)
    full = 8 * samples.itemsize
    if bits == full:
        return samples
    most, top = 2**bits - 1, 2**full - 1
    table = ((np.arange(2**full, dtype=np.uint64) * top + most // 2) // most).clip(max=top).astype(samples.dtype)
    return by_bands(samples, lambda band: table[band])


def rounded_to_8_bits(samples: np.ndarray) -> np.ndarray:
    """The nearest uint8 of uint16 over the full range; uint8 as it is."""
    return samples if samples.dtype == np.uint8 else ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def rows_of(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture in bands of about a million pixels."""
    rows = max(1, _BAND // width)
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def by_bands(samples: np.ndarray, convert: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply `convert` to [H, W, any], band by band."""
    result = None
    for rows in rows_of(*samples.shape[:2]):
        band = convert(np.ascontiguousarray(samples[rows]))
        if result is None:
            result = np.empty((samples.shape[0], *band.shape[1:]), band.dtype)
        result[rows] = band
    return samples if result is None else result


def writable(samples: np.ndarray) -> np.ndarray:
    """`samples`, or a copy if the array is read-only."""
    return samples if samples.flags.writeable else samples.copy()
