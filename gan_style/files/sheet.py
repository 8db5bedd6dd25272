"""Contact sheets: rows of pictures in one picture, for people to look at."""

from collections.abc import Sequence

import numpy as np


def tile(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Arrange rows of 8-bit pictures [H, W, 1 to 4] in one picture [H, W, 3].

    Every cell has the largest height and the largest width. A picture lies in the upper left corner of its cell, on white. Cells
    touch. Gray is repeated, alpha is left out.
    """
    pictures = [[_rgb(picture) for picture in row] for row in rows]
    height = max(picture.shape[0] for row in pictures for picture in row)
    width = max(picture.shape[1] for row in pictures for picture in row)
    canvas = np.full((len(pictures) * height, max(map(len, pictures)) * width, 3), 255, np.uint8)
    for y, row in enumerate(pictures):
        for x, picture in enumerate(row):
            canvas[y * height : y * height + picture.shape[0], x * width : x * width + picture.shape[1]] = picture
    return canvas


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
