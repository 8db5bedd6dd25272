"""Values of inputs far beyond the range that the network knows: they are cut, and have probably another unit, which is told."""

import warnings
from pathlib import Path

import numpy as np

from gan_style.files.bounded import Encoded
from gan_style.files.scale import Scale
from gan_style.terminal.counted import percent

_LEAST = 0.02  # the least share that is told
_told: list[str] = []  # the first source, once a warning has named it


def inward(scale: Scale, values: np.ndarray, source: Path | Encoded | str, nodata: float | None = None) -> np.ndarray:
    """`Scale.inward`, with a warning about the first source of which many values lie more than the range's width beyond it.

    Nearer ones are usual: a range that was found inside masks leaves out what is around them.
    """
    made, outside = scale.inward(values, source, nodata)
    if outside > _LEAST and not _told and (far := _widened(scale).beyond(values, nodata)) > _LEAST:
        _told.append(str(source))
        ends = "" if isinstance(scale.low, tuple) or isinstance(scale.high, tuple) else f", {scale.low:g}..{scale.high:g},"
        warnings.warn(
            f"{source}: {percent(far)} of its values lie far beyond the range of the network{ends} and are cut; have they the unit of "
            "training? Other files like it are not named",
            stacklevel=2,
        )
    return made


def _widened(scale: Scale) -> Scale:
    """The range with its width added at each end."""
    low, high = np.broadcast_arrays(np.atleast_1d(scale.low), np.atleast_1d(scale.high))
    return Scale(tuple((2 * low - high).tolist()), tuple((2 * high - low).tolist()))
