"""What a check of a data set tells of files of measurements: their types, their values, and those that are not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, mode

import numpy as np

from gan_style.datasets.histogram import Histogram, histogram_of, summed
from gan_style.files.scale import present, thinned
from gan_style.terminal.counted import counted

_SHARES = (0.5, 25, 50, 75, 99.5)  # percent of the values below the numbers of a histogram
_SAMPLED = 2**16  # values of a file
_ODD = 20  # times the usual spread of values


@dataclass(frozen=True)
class MeasuredValues:
    """The values of one file.

    low, high: the least and the greatest value that is there; None if none is
    quantiles: the values below which `_SHARES` of them lie; missing: how many are not there
    histogram: of those that are there
    """

    dtype: str
    channels: int
    low: float | None
    high: float | None
    quantiles: tuple[float, ...]
    missing: int
    histogram: Histogram | None = None


def measured_values(values: np.ndarray, nodata: float | None) -> MeasuredValues:
    """The values [H, W, C] of one file. nodata: its value of no data"""
    there = present(values, nodata)
    name, channels, missing = values.dtype.name, values.shape[2], values.size - there.size
    if not there.size:
        return MeasuredValues(name, channels, None, None, (), missing)
    some = thinned(there, _SAMPLED, channels).astype(np.float64)
    quantiles = tuple(float(each) for each in np.percentile(some, _SHARES))
    low, high = float(there.min()), float(there.max())
    return MeasuredValues(name, channels, low, high, quantiles, missing, histogram_of(some, low, high, there.size / some.size))


def all_measured(parts: Sequence[MeasuredValues]) -> MeasuredValues:
    """The values of a file from those of its slices; its quantiles are the medians of theirs."""
    there = [each for each in parts if each.quantiles]
    first, missing = parts[0], sum(each.missing for each in parts)
    if not there:
        return MeasuredValues(first.dtype, first.channels, None, None, (), missing)
    quantiles = tuple(np.median([each.quantiles for each in there], axis=0).tolist())
    low, high = min(each.low or 0.0 for each in there), max(each.high or 0.0 for each in there)
    histogram = summed([each.histogram for each in there if each.histogram])
    return MeasuredValues(first.dtype, first.channels, low, high, quantiles, missing, histogram)


def measured_notes(where: str, found: Sequence[MeasuredValues], domain: str) -> tuple[list[str], list[str]]:
    """(lines worth knowing, warnings) about the files of domain "a" or "b". where: what the lines begin with"""
    if not found:
        return [], []
    notes, warnings = [], []
    key = f"data.domain_{domain}"
    types = sorted({each.dtype for each in found})
    there = [each for each in found if each.low is not None and each.high is not None]
    if there:
        low, high = min(each.low or 0.0 for each in there), max(each.high or 0.0 for each in there)
        middle = np.median([each.quantiles for each in there], axis=0)
        shares = ", ".join(f"{share:g} % below {value:.6g}" for share, value in zip(_SHARES, middle, strict=True))
        notes.append(f"{where}: {'/'.join(types)} values {low:g}..{high:g} ({shares}); train with {key}.range=auto or two numbers")
    if len(types) > 1:
        warnings.append(f"{where}: files of {len(types)} types ({', '.join(types)}): do their values have one unit?")
    if missing := [each for each in found if each.missing]:
        total = sum(each.missing for each in missing)
        warnings.append(f"{where}: {total} values in {counted(len(missing), 'file')} are not there; set {key}.missing")
    return notes, warnings


def odd_channels(found: Mapping[str, Sequence[MeasuredValues]]) -> list[str]:
    """A line for each file of a domain that has other channels than most. found: file -> its values, none for a file that was not read"""
    counts = {name: values[0].channels for name, values in found.items() if values}
    if len(set(counts.values())) < 2:
        return []
    usual = mode(counts.values())
    return [
        f"{name}: has {counted(count, 'channel')}, and most files beside it {usual}; add what it lacks, or remove it"
        for name, count in counts.items()
        if count != usual
    ]


def odd_units(found: Mapping[str, Sequence[MeasuredValues]]) -> list[str]:
    """A line about the first file of a domain whose values spread over much more, or much less, than those of most, and how many are such.

    found: as in `odd_channels`
    """
    spreads = {name: values[0].quantiles[-1] - values[0].quantiles[0] for name, values in found.items() if values and values[0].quantiles}
    usual = median(spreads.values()) if spreads else 0.0
    odd = [name for name, spread in spreads.items() if spread > _ODD * usual or spread * _ODD < usual] if usual else []
    if not odd:
        return []
    values = found[odd[0]][0]
    more = f" (and {len(odd) - 1} more files)" if len(odd) > 1 else ""
    return [
        f"{odd[0]}{more}: values {values.low:g}..{values.high:g} spread over {spreads[odd[0]]:g}, those of most files beside it over "
        f"{usual:g}; has it another unit? Convert it, or remove it"
    ]
