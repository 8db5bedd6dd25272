"""From numbers over steps to the geometry of a small chart: scales, ticks and SVG paths; engine/report.html draws them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# (step, value) in order of steps; a value that is not finite leaves a gap
Series = Sequence[tuple[int, float]]

# A chart's plane: x to the right and y down, both in [0, PLANE], stretched to whatever size the page has.
PLANE = 1000

_SMOOTH_FROM = 60  # shorter curves are drawn as they are
_LOG_FROM = 30.0  # largest over small value from which a logarithmic axis shows more
_PALETTE = 8  # colours in report.html, used in turn


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis; `place` in per cent of it, from the left or from the top."""

    place: float
    label: str


@dataclass(frozen=True)
class Curve:
    """One line of a chart. raw, smooth: SVG path data; `smooth` is empty where the line is too short to be smoothed."""

    name: str
    colour: int
    raw: str
    smooth: str
    last: str


@dataclass(frozen=True)
class Chart:
    """A chart ready to be drawn; `end` is the step at its right edge, 0 at its left."""

    title: str
    scale: str
    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    end: int


@dataclass(frozen=True)
class _Axis:
    """The vertical axis: values [low, high] -> [PLANE, 0]."""

    low: float
    high: float
    log: bool

    def place(self, value: float) -> float:
        low, high, value = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return PLANE * (1 - (value - low) / (high - low))


def chart(title: str, series: Mapping[str, Series], end: int, percent: bool = False, from_zero: bool = False) -> Chart | None:
    """Draw curves by name over the steps [0, end]; None where there is no finite value to draw.

    The axis is logarithmic where the values are positive and span far; else linear, from 0 where that wastes no room or
    `from_zero` says so. percent: values in [0, 1], on an axis from 0 % to 100 %.
    """
    values = sorted(value for points in series.values() for _, value in points if math.isfinite(value))
    if not values:
        return None
    end = max(end, 1)
    axis = _Axis(0.0, 1.0, False) if percent else _axis(values, from_zero)
    written = per_cent if percent else number
    curves = [
        Curve(
            name=name,
            colour=place % _PALETTE,
            raw=_path(points, end, axis),
            smooth=_path(smoothed(points), end, axis) if len(points) >= _SMOOTH_FROM else "",
            last=written(points[-1][1]) if points else "",
        )
        for place, (name, points) in enumerate(series.items())
    ]
    y_ticks = [Tick(round(axis.place(value) / PLANE * 100, 2), written(value)) for value in _ticks(axis)]
    x_ticks = [Tick(round(value / end * 100, 2), short(value)) for value in linear_ticks(0, end, 5) if value == int(value)]
    return Chart(title, "log scale" if axis.log else "", curves, x_ticks, y_ticks, end)


def smoothed(points: Series) -> list[tuple[int, float]]:
    """Each value replaced by the mean of the finite ones around it: a window of 1/20 of the curve, cut off at its ends."""
    reach = max(1, len(points) // 40)
    sums, counts = [0.0], [0]
    for _, value in points:
        finite = math.isfinite(value)
        sums.append(sums[-1] + (value if finite else 0.0))
        counts.append(counts[-1] + finite)
    result = []
    for place, (step, value) in enumerate(points):
        first, last = max(0, place - reach), min(len(points), place + reach + 1)
        inside = counts[last] - counts[first]
        result.append((step, (sums[last] - sums[first]) / inside if inside and math.isfinite(value) else math.nan))
    return result


def linear_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten) in [low, high]."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first = math.ceil(low / width - 1e-9)
    return [float(f"{place * width:.12g}") for place in range(first, math.floor(high / width + 1e-9) + 1)]


def number(value: float) -> str:
    """A value in four digits: 0.01234, 12.3, 2e-4."""
    text = f"{value:.4g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        text = f"{mantissa}e{int(exponent)}"
    return text


def per_cent(share: float) -> str:
    """A share in [0, 1] as `12.3 %`."""
    return f"{share * 100:.3g} %"


def short(value: float) -> str:
    """A count of steps for an axis: 500, 20k, 1.5M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _axis(values: Sequence[float], from_zero: bool) -> _Axis:
    """The axis for sorted finite values."""
    low, high = values[0], values[-1]
    small = values[len(values) // 20]
    if low > 0 and high / small > _LOG_FROM:
        return _Axis(low / 1.1, high * 1.1, True)
    if low >= 0 and high > 0 and (from_zero or low <= high / 2):
        return _Axis(0.0, high * 1.05, False)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return _Axis(low - room, high + room, False)


def _ticks(axis: _Axis) -> list[float]:
    if not axis.log:
        return linear_ticks(axis.low, axis.high, 5)
    first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    every = max(1, (last - first) // 5)  # powers of ten between two ticks
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    candidates = [factor * 10.0**power for power in range(first, last + 1, every) for factor in factors]
    return [value for value in candidates if axis.low <= value <= axis.high]


def _path(points: Series, end: int, axis: _Axis) -> str:
    """SVG path data; a value that is not finite ends a stretch, a point alone becomes a dot."""
    stretches: list[list[str]] = [[]]
    for step, value in points:
        if math.isfinite(value):
            stretches[-1].append(f"{step / end * PLANE:.1f},{axis.place(value):.1f}")
        elif stretches[-1]:
            stretches.append([])
    return "".join(f"M{'L'.join(stretch)}" if len(stretch) > 1 else f"M{stretch[0]}h0" for stretch in stretches if stretch)
