"""What a check of a data set tells of files of measurements: their types, their values, and those that are not there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_style.files.scale import present
from gan_style.terminal.counted import counted

_SHARES = (0.5, 25, 50, 75, 99.5)  # percent of the values below the numbers of a histogram
_SAMPLED = 2**16  # values of a file


@dataclass(frozen=True)
class MeasuredValues:
    """The values of one file.

    low, high: the least and the greatest value that is there; None if none is
    quantiles: the values below which `_SHARES` of them lie; missing: how many are not there
    """

    dtype: str
    channels: int
    low: float | None
    high: float | None
    quantiles: tuple[float, ...]
    missing: int


def measured_values(values: np.ndarray, nodata: float | None) -> MeasuredValues:
    """The values [H, W, C] of one file. nodata: its value of no data"""
    there = present(values, nodata)
    name, channels, missing = values.dtype.name, values.shape[2], values.size - there.size
    if not there.size:
        return MeasuredValues(name, channels, None, None, (), missing)
    some = there[:: max(1, there.size // _SAMPLED)].astype(np.float64)
    quantiles = tuple(float(each) for each in np.percentile(some, _SHARES))
    return MeasuredValues(name, channels, float(there.min()), float(there.max()), quantiles, missing)


def measured_notes(where: str, found: Sequence[MeasuredValues], domain: str) -> tuple[list[str], list[str]]:
    """(lines worth knowing, warnings) about the files of domain "a" or "b". where: what the lines begin with"""
    if not found:
        return [], []
    notes, warnings = [], []
    key = f"data.domain_{domain}"
    types, channels = sorted({each.dtype for each in found}), sorted({each.channels for each in found})
    there = [each for each in found if each.low is not None and each.high is not None]
    if there:
        low, high = min(each.low or 0.0 for each in there), max(each.high or 0.0 for each in there)
        middle = np.median([each.quantiles for each in there], axis=0)
        shares = ", ".join(f"{share:g} % below {value:.6g}" for share, value in zip(_SHARES, middle, strict=True))
        notes.append(f"{where}: {'/'.join(types)} values {low:g}..{high:g} ({shares}); train with {key}.range=auto or two numbers")
    if len(types) > 1:
        warnings.append(f"{where}: files of {len(types)} types ({', '.join(types)}): do their values have one unit?")
    if len(channels) > 1:
        warnings.append(f"{where}: files of {', '.join(map(str, channels))} channels; a domain has one number of them")
    if missing := [each for each in found if each.missing]:
        total = sum(each.missing for each in missing)
        warnings.append(f"{where}: {total} values in {counted(len(missing), 'file')} are not there; set {key}.missing")
    return notes, warnings
