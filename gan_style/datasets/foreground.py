"""What is background: the glass of a slide, the frame of a scan, the void around a scene."""

import numpy as np

_LIGHT, _DARK = 0.9, 0.04  # shares of the largest value: all channels above, or all below, are background


def foreground_share(pixels: np.ndarray) -> float:
    """The share of pixels [H, W, C] that are neither nearly white, nor nearly black, nor transparent.

    pixels: uint8, uint16, or float32 in [-1, 1]
    """
    if pixels.dtype == np.float32:  # measurements, which have no alpha
        least, most = pixels.min(axis=2), pixels.max(axis=2)
        return float(((least < 2 * _LIGHT - 1) & (most > 2 * _DARK - 1)).mean())
    top = np.iinfo(pixels.dtype).max
    colour = pixels[..., :-1] if pixels.shape[2] in (2, 4) else pixels
    least, most = colour.min(axis=2), colour.max(axis=2)
    there = (least < _LIGHT * top) & (most > _DARK * top)
    if pixels.shape[2] in (2, 4):
        there &= pixels[..., -1] > top // 2
    return float(there.mean())
