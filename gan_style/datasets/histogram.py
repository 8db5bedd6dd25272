"""Histograms of files, each over its own values, and their sum. So a set is looked at once, and of each file a few numbers are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_style.terminal.bars import bars

_BINS = 64  # of a file
_DRAWN = 16  # of a set
_NARROW = 1e-9  # the least width of a file's values, as a share of those of the set


@dataclass(frozen=True)
class Histogram:
    """How many values lie in each of equal parts of low..high. counts: [parts]"""

    low: float
    high: float
    counts: np.ndarray


def histogram_of(values: np.ndarray, low: float, high: float, weight: float) -> Histogram:
    """The histogram of some of the values of a file, in one row. low, high: the least and the greatest of all; weight: counts of each"""
    half = high / 2 - low / 2  # high - low may be infinite
    places = (values / 2 - low / 2) / half * _BINS if half else np.zeros(len(values))
    counts = np.bincount(places.astype(np.int64).clip(0, _BINS - 1), minlength=_BINS)
    return Histogram(low, high, (counts * weight).astype(np.float32))


def summed(files: Sequence[Histogram], bins: int = _BINS) -> Histogram:
    """The histogram of all files, in which the values of each part of a file's lie evenly."""
    low, high = min(each.low for each in files), max(each.high for each in files)
    half, total, edges = high / 2 - low / 2, np.zeros(bins), np.linspace(0, 1, bins + 1)
    for each in files:
        ends = [(end / 2 - low / 2) / half if half else 0.0 for end in (each.low, each.high)]
        start = min(ends[0], 1 - _NARROW)
        own = np.linspace(start, max(ends[1], start + _NARROW), len(each.counts) + 1)
        total += np.diff(np.interp(edges, own, np.concatenate([[0.0], each.counts.cumsum(dtype=np.float64)])))
    return Histogram(low, high, total)


def drawn(files: Sequence[Histogram]) -> str:
    """The least value, a bar for each part, the greatest value of all files; `-` for none. Heights are square roots of the counts."""
    if not files:
        return "-"
    whole = summed(files, _DRAWN)
    if whole.low == whole.high:
        return f"{whole.low:g}"
    return f"{whole.low:g} {bars(np.sqrt(whole.counts / whole.counts.max()).tolist())} {whole.high:g}"
