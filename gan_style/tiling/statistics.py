"""Statistics of a network's images: positions, mean, and sum of squares about the mean of each channel, in float64.

Parts are merged as Chan, Golub and LeVeque (1979) merge them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_style.tiling.reductions import Measured
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.spans import Region

_AT_ONCE = 8192  # positions


class Moments(NamedTuple):
    """Of parts of an image: positions [...], or the sum of their weights; mean [..., C], squares [..., C] about the mean; float64."""

    positions: np.ndarray
    mean: np.ndarray
    squares: np.ndarray


def moments_of(values: Tensor, weights: Tensor | None = None) -> Moments:
    """The moments of one part: values [..., C, h, w] with all dimensions but the last two as channels; weights: [h, w], in [0, 1].

    Sums over `_AT_ONCE` positions are taken in the type of the values, and merged in float64: torch's own normalisation of a large image
    is less exact.
    """
    rows = values.flatten(0, -3).permute(1, 2, 0)  # [h, w, C]
    rows = rows if rows.dtype.itemsize >= 4 else rows.float()
    found = []
    for first in range(0, len(rows), step := max(1, _AT_ONCE // rows.shape[1])):
        part = rows[first : first + step].reshape(-1, rows.shape[2])
        share = None if weights is None else weights[first : first + step].reshape(-1, 1).to(part)
        count = part.new_tensor(len(part)) if share is None else share.sum()
        mean = part.mean(dim=0) if share is None else (part * share).sum(dim=0) / count.clamp(min=1e-12)
        squares = (part - mean).square_()
        found.append(torch.cat([count[None], mean, (squares if share is None else squares * share).sum(dim=0)]))
    return merged(unpacked(torch.stack(found).double().cpu().numpy()))


def merged(parts: Moments) -> Moments:
    """The moments of all parts together; parts without positions do not count."""
    count = parts.positions.reshape(-1, 1)  # [n, 1]
    mean, squares = (each.reshape(len(count), -1) for each in (parts.mean, parts.squares))
    total = max(float(count.sum()), 1e-300)
    common = (count * mean).sum(axis=0) / total
    return Moments(np.array(count.sum()), common, (squares + count * (mean - common) ** 2).sum(axis=0))


def packed(moments: Moments) -> np.ndarray:
    """[1 + 2 C]"""
    return np.concatenate([moments.positions.reshape(1), moments.mean, moments.squares])


def unpacked(records: np.ndarray) -> Moments:
    """Of [..., 1 + 2 C]."""
    channels = records.shape[-1] // 2
    return Moments(records[..., 0], records[..., 1 : 1 + channels], records[..., 1 + channels :])


def measured(moments: Moments, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Measured:
    """The moments of a whole image as mean and variance [..., 1, 1]; shape: of the image, [..., H, W]."""
    count = float(moments.positions)
    dtype = dtype if dtype.itemsize >= 4 else torch.float32
    values = (moments.mean, moments.squares / max(count, 1e-300))
    mean, variance = (torch.from_numpy(each).reshape(*shape[:-2], 1, 1).to(device, dtype) for each in values)
    return Measured(count, mean, variance)


class CellStatistics:
    """The mean and the deviation of cells, interpolated between their centres.

    moments: of cells [rows, columns]; size: height and width of the image that they were taken of; like: an empty tensor of it
    """

    def __init__(self, moments: Moments, cells: Size, size: Size, like: Tensor, device: torch.device) -> None:
        self.cells, self.size, self.count = cells, size, float(moments.positions.sum()) / max(1, moments.positions.size)
        there = moments.positions.reshape(*cells, 1)
        common = merged(moments)
        deviation = np.sqrt(moments.squares.reshape(*cells, -1) / np.maximum(there, 1e-300))
        whole = np.sqrt(common.squares / max(float(common.positions), 1e-300))
        # A cell without positions, or without weight, has the statistics of the image.
        grids = np.where(there > 0, moments.mean.reshape(*cells, -1), common.mean), np.where(there > 0, deviation, whole)
        dtype = like.dtype if like.dtype.itemsize >= 4 else torch.float32
        self.front, self.dtype = tuple(like.shape[:-2]), dtype
        self.mean, self.deviation = (torch.from_numpy(grid).permute(2, 0, 1).to(device, dtype) for grid in grids)  # [C, rows, columns]

    def __call__(self, region: Region) -> Measured:
        """For the positions of a region: mean and variance [..., h, w]."""
        mean, deviation = (self._interpolated(grid, region).unflatten(0, self.front) for grid in (self.mean, self.deviation))
        return Measured(self.count, mean, deviation.square())

    def _interpolated(self, grid: Tensor, region: Region) -> Tensor:
        for axis, (span, size, cells) in enumerate(zip(region, self.size, self.cells, strict=True), 1):
            place = ((torch.arange(span.start, span.stop, dtype=torch.float64) + 0.5) * cells / size - 0.5).clamp(0, cells - 1)
            below = place.floor().long().clamp(max=max(0, cells - 2))
            share = (place - below).to(grid)
            share = share[:, None] if axis == 1 else share
            above = (below + 1).clamp(max=cells - 1).to(grid.device)
            grid = torch.lerp(grid.index_select(axis, below.to(grid.device)), grid.index_select(axis, above), share)
        return grid
