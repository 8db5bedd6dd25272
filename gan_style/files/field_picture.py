"""A displacement field as a picture: the colour says which way a pixel moves, its strength how far."""

import math

import numpy as np
from PIL import Image, ImageDraw

_WHEEL = 4  # the wheel takes this part of the shorter side


def field_picture(field: np.ndarray) -> np.ndarray:
    """A field [2, H, W] in pixels, to the right and down -> a picture [H, W, 3] of 8 bits.

    White is no displacement. The full colour is the scale, the longest displacement rounded up to whole pixels, at least 1. The scale is
    written at the lower left. A wheel at the upper left has the colour of each direction, for all lengths up to the scale.
    """
    height, width = field.shape[1:]
    scale = max(1, math.ceil(np.hypot(*field).max()))
    pixels = _colours(field / scale)
    radius = min(height, width) // (2 * _WHEEL)
    if radius:
        steps = np.arange(-radius, radius + 1) / radius
        wheel = np.stack(np.broadcast_arrays(steps, steps[:, None]))
        inside = np.hypot(*wheel) <= 1
        pixels[: 2 * radius + 1, : 2 * radius + 1][inside] = _colours(wheel)[inside]
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).text((1, height - 1), f"{scale} px", fill=(0, 0, 0), anchor="ld")
    return np.asarray(image)


def _colours(field: np.ndarray) -> np.ndarray:
    """[2, H, W] of length 1 at most -> [H, W, 3]. Red is to the right, then by the angle: yellow-green is down, cyan left, violet up."""
    angle = np.arctan2(field[1], field[0]) / (2 * math.pi) % 1.0
    strength = np.hypot(*field).clip(0, 1)
    channels = [np.round(255 * part).astype(np.uint8) for part in (angle, strength, np.ones_like(angle))]
    return np.asarray(Image.merge("HSV", [Image.fromarray(channel) for channel in channels]).convert("RGB")).copy()
