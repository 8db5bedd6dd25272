"""Turning pictures upright, as EXIF's orientation says."""

import numpy as np


def upright_dots(dots_per_inch: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Dots per inch, or per another unit, across and down of the upright picture, from those of the stored one."""
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
