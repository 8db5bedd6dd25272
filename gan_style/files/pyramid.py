"""The pyramid of a large picture: smaller copies, each half as wide and high as the one before, built tile by tile."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gan_style.files.tile_file import TILE, TileFile


def halved(pixels: np.ndarray) -> np.ndarray:
    """[h, w, C] to half its height and width, rounded up: the rounded mean of each 2 x 2 pixels, of which those at an edge may be fewer.

    Colours beside alpha (C 2 or 4) count by their alpha, so that what is transparent does not colour its neighbours.
    """
    height, width, channels = pixels.shape
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    if pixels.dtype not in (np.uint8, np.uint16):  # measurements
        means = np.mean([even[row::2, column::2] for row in (0, 1) for column in (0, 1)], axis=0, dtype=np.float64)
        return (np.rint(means) if pixels.dtype.kind in "iu" else means).astype(pixels.dtype)
    fours = np.stack([even[row::2, column::2] for row in (0, 1) for column in (0, 1)]).astype(np.uint32)
    means = (fours.sum(axis=0, dtype=np.uint32) + 2) // 4
    if channels in (2, 4):
        weights = fours[..., -1:].sum(axis=0, dtype=np.uint64)
        weighted = (fours[..., :-1].astype(np.uint64) * fours[..., -1:]).sum(axis=0)
        means[..., :-1] = np.where(weights > 0, (weighted + weights // 2) // np.maximum(weights, 1), means[..., :-1])
    return means.astype(pixels.dtype)


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of the smaller copies, down to one that fits in a tile."""
    sizes = []
    while max(height, width) > TILE:
        height, width = -(-height // 2), -(-width // 2)
        sizes.append((height, width))
    return sizes


def build_level(larger: TileFile, path: Path, done: Callable[[], None]) -> TileFile:
    """Write the next level to `path`. What fails leaves no file. done: is called for each tile"""
    level = TileFile(path, -(-larger.height // 2), -(-larger.width // 2), larger.channels, larger.dtype)
    try:
        for top, left in _corners(level.height, level.width):
            height, width = min(2 * TILE, larger.height - 2 * top), min(2 * TILE, larger.width - 2 * left)
            level.write(top, left, halved(larger.read(2 * top, 2 * left, height, width)))
            done()
    except BaseException:
        level.remove()
        raise
    return level


def _corners(height: int, width: int) -> Iterator[tuple[int, int]]:
    return ((top, left) for top in range(0, height, TILE) for left in range(0, width, TILE))
