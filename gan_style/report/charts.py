"""The geometry of a small chart: scales, ticks and SVG paths computed from curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from gan_style.report.log import Point

# A chart's plane: x to the right and y down, both in [0, PLANE]. The page stretches it to its own size.
PLANE = 1000
COLOURS = 12  # colours of style.css, used in turn: six plain and six dashed

_SMOOTH_FROM = 60  # points from which a curve is smoothed
_LOG_FROM = 30.0  # largest over small value from which a logarithmic axis shows more
_DOT = 4  # half the width of a single point
_SMALLEST_SHARE = 0.1  # smallest upper end of an axis of shares


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis. place: in per cent of the axis, from the left or from the top"""

    place: float
    label: str


@dataclass(frozen=True)
class Line:
    """One curve of a chart, as SVG path data.

    raw: a line through all values
    smooth: a line through their running means; empty if the curve is too short
    band: the area between the smallest and the largest value of each point; empty if each point is one value
    bad: places of values that were not finite
    last: the newest value
    steps, values: of the points, None for a gap
    """

    name: str
    colour: int
    raw: str
    smooth: str
    band: str
    bad: str
    last: str
    steps: list[int]
    values: list[float | None]


@dataclass(frozen=True)
class Chart:
    """A chart ready to be drawn. end: the step at its right edge; its left edge is step 0"""

    title: str
    unit: str
    log: bool
    percent: bool
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    end: int

    @property
    def described(self) -> str:
        """The chart in words."""
        newest = ", ".join(line.last if len(self.lines) == 1 else f"{line.name} {line.last}" for line in self.lines)
        return f"{self.title} over steps 0 to {self.end}; newest: {newest}"


@dataclass(frozen=True)
class _Axis:
    """The vertical axis: maps values [low, high] to [PLANE, 0]. A value outside is drawn at the edge."""

    low: float
    high: float
    log: bool

    def place(self, value: float) -> float:
        low, high, value = (math.log10(x) if self.log else x for x in (self.low, self.high, min(max(value, self.low), self.high)))
        return PLANE * (1 - (value - low) / (high - low))


def chart(
    title: str,
    curves: Mapping[str, Sequence[Point]],
    end: int,
    unit: str = "",
    percent: bool = False,
    from_zero: bool = False,
    smooth: bool = True,
    bands: bool = True,
    colours: Sequence[int] | None = None,
) -> Chart | None:
    """Draw curves by name over the steps [0, end]; None if there is no finite value to draw.

    The axis is logarithmic if all values are positive and span far, else linear.
    from_zero: let a linear axis begin at 0; it does so anyway where that wastes little room
    percent: values are shares in [0, 1], written as per cent
    smooth: draw running means of long curves; bands: draw the extremes behind each curve
    colours: one for each curve; None takes them in turn
    """
    finite = [point for points in curves.values() for point in points if point.finite]
    if not finite:
        return None
    end = max(end, 1)
    axis = _axis(finite, from_zero or percent, percent)
    written = per_cent if percent else in_digits
    lines = [
        Line(
            name=name,
            colour=(colours[place] if colours else place) % COLOURS,
            raw=_path([(point.step, point.value) for point in points], end, axis),
            smooth=_path(smoothed(points), end, axis) if smooth and len(points) >= _SMOOTH_FROM else "",
            band=_band(points, end, axis) if bands else "",
            bad="".join(f"M{_across(point.step, end)} {PLANE}v-50" for point in points if point.finite < point.lines),
            last=written(points[-1].value) if points else "",
            steps=[round(point.step) for point in points],
            values=[float(f"{point.value:.4g}") if math.isfinite(point.value) else None for point in points],
        )
        for place, (name, points) in enumerate(curves.items())
    ]
    y_ticks = [Tick(round(axis.place(value) / PLANE * 100, 2), written(value)) for value in _ticks(axis)]
    x_ticks = [Tick(round(value / end * 100, 2), step_label(value)) for value in linear_ticks(0, end, 5) if value == int(value)]
    return Chart(title, unit, axis.log, percent, lines, x_ticks, y_ticks, end)


def smoothed(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Running means of the finite values, over a window of 1/20 of the curve that is cut off at its ends."""
    reach = max(1, len(points) // 40)
    sums, counts = [0.0], [0]
    for point in points:
        finite = math.isfinite(point.value)
        sums.append(sums[-1] + (point.value if finite else 0.0))
        counts.append(counts[-1] + finite)
    result = []
    for place, point in enumerate(points):
        first, last = max(0, place - reach), min(len(points), place + reach + 1)
        inside = counts[last] - counts[first]
        result.append((point.step, (sums[last] - sums[first]) / inside if inside and math.isfinite(point.value) else math.nan))
    return result


def linear_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten) in [low, high]."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= 0.75 * rough)
    first = math.ceil(low / width - 1e-9)
    return [float(f"{place * width:.12g}") for place in range(first, math.floor(high / width + 1e-9) + 1)]


def in_digits(value: float) -> str:
    """A value with four digits, such as 0.01234, 12.3, 123400 or 2e-4; `not finite` if it is not. script.js does the same."""
    if not math.isfinite(value):
        return "not finite"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return f"{float(f'{value:.4g}'):.7f}".rstrip("0").rstrip(".")
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def per_cent(share: float) -> str:
    """A share in [0, 1] as `12.3 %`."""
    return f"{share * 100:.3g} %" if math.isfinite(share) else in_digits(share)


def step_label(value: float) -> str:
    """A number of steps as on an axis: 500, 20k, 1.5M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _axis(points: Sequence[Point], from_zero: bool, percent: bool) -> _Axis:
    """The axis for finite points. It holds all their values, and their extremes without the outermost fiftieth."""
    values = sorted(point.value for point in points)
    low = min(values[0], sorted(point.low for point in points)[len(points) // 50])
    high = max(values[-1], sorted(point.high for point in points)[-1 - len(points) // 50])
    if percent:
        return _Axis(0.0, min(1.0, max(_SMALLEST_SHARE, high * 1.05)), False)
    if values[0] > 0 and high / values[len(values) // 20] > _LOG_FROM:
        return _Axis(max(low, values[0] / 10) / 1.1, high * 1.1, True)
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


def _across(step: float, end: int) -> int:
    return round(step / end * PLANE)


def _path(points: Sequence[tuple[float, float]], end: int, axis: _Axis) -> str:
    """SVG path data. A value that is not finite leaves a gap; a single point between gaps becomes a dot."""
    stretches = [list(group) for finite, group in groupby(points, lambda point: math.isfinite(point[1])) if finite]
    return "".join(_stroke([(_across(step, end), round(axis.place(value))) for step, value in stretch]) for stretch in stretches)


def _band(points: Sequence[Point], end: int, axis: _Axis) -> str:
    """The area between the extremes of each point: along the upper edge, back along the lower."""
    if all(point.low == point.high or not point.finite for point in points):
        return ""
    path = ""
    for finite, group in groupby(points, lambda point: point.finite > 0):
        stretch = list(group)
        upper = [(_across(point.step, end), round(axis.place(point.high))) for point in stretch] if finite else []
        lower = [(_across(point.step, end), round(axis.place(point.low))) for point in reversed(stretch)] if finite else []
        path += _stroke([*upper, *lower]) + "z" if finite else ""
    return path


def _stroke(places: Sequence[tuple[int, int]]) -> str:
    """SVG path data of a polyline, in relative coordinates because these are shorter."""
    (x, y), *rest = places
    if not rest:
        return f"M{x - _DOT} {y}h{2 * _DOT}"
    path, previous = f"M{x} {y}l", (x, y)
    moves = []
    for place in rest:
        moves.append(f"{place[0] - previous[0]} {place[1] - previous[1]}")
        previous = place
    return path + " ".join(moves)
