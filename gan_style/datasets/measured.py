"""What a check of a data set tells of files of measurements: their types, their values, and those that are not there."""

from collections import Counter
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
_AWAY = 2  # usual spreads between the values of a file and those of most


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


def measured_notes(where: str, named: Mapping[str, MeasuredValues], domain: str) -> tuple[list[str], list[str]]:
    """(lines worth knowing, warnings) about the files of domain "a" or "b". where: what the lines begin with; named: file -> its values"""
    found = list(named.values())
    if not found:
        return [], []
    notes, warnings = [], []
    key = f"data.domain_{domain}"
    counts = Counter(each.dtype for each in found)
    types = sorted(counts)
    there = [each for each in found if each.low is not None and each.high is not None]
    if there:
        low, high = min(each.low or 0.0 for each in there), max(each.high or 0.0 for each in there)
        middle = np.median([each.quantiles for each in there], axis=0)
        shares = ", ".join(f"{share:g} % below {value:.6g}" for share, value in zip(_SHARES, middle, strict=True))
        notes.append(f"{where}: {'/'.join(types)} values {low:g}..{high:g} ({shares}); train with {key}.range=auto or two numbers")
    if len(types) > 1:
        rare = min(types, key=lambda name: counts[name])
        first = next(name for name, each in named.items() if each.dtype == rare)
        warnings.append(
            f"{where}: files of {len(types)} types ({', '.join(types)}), such as {first} of {rare}: do their values have one unit? "
            "Convert those that do not"
        )
    if missing := [name for name, each in named.items() if each.missing]:
        total, more = sum(each.missing for each in found), f", and of {len(missing) - 1} more files" if len(missing) > 1 else ""
        warnings.append(
            f"{where}: {total} values of {missing[0]}{more} are not there (not a number, infinite, or no data); "
            f"set {key}.missing to the value that takes their place, or remove the {'files' if more else 'file'}"
        )
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
    """A line about the first file of a domain whose values have another scale than those of most: they spread over much more or much less,
    or lie far away; and how many are such.

    found: as in `odd_channels`
    """
    ends = {name: (values[0].quantiles[0], values[0].quantiles[-1]) for name, values in found.items() if values and values[0].quantiles}
    if not ends:
        return []
    low, high = (median(each[place] for each in ends.values()) for place in (0, 1))
    usual = median(above - below for below, above in ends.values())
    spread = {name: above - below for name, (below, above) in ends.items() if usual}
    wide = [name for name, own in spread.items() if own > _ODD * usual or own * _ODD < usual]
    away = [name for name in spread if max(low - ends[name][1], ends[name][0] - high) > _AWAY * usual and name not in wide]
    lines = []
    kinds = {
        "spread over {own:g}, those of most files beside it over {usual:g}": wide,
        "lie far from those of most files beside it": away,
    }
    for told, odd in kinds.items():
        if odd:
            values = found[odd[0]][0]
            more = f" (and {counted(len(odd) - 1, 'more file')})" if len(odd) > 1 else ""
            words = told.format(own=spread[odd[0]], usual=usual)
            lines.append(f"{odd[0]}{more}: values {values.low:g}..{values.high:g} {words}; has it another unit? Convert it, or remove it")
    return lines
