"""The geometry of the report's charts, against hand-derived places."""

import itertools
import math
import re

import pytest

from gan_style.report.charts import chart, in_digits, linear_ticks, per_cent, smoothed, step_label
from gan_style.report.log import Point


def curve(*values: float, every: int = 1) -> list[Point]:
    return [Point(place * every, value, value, value, 1, int(math.isfinite(value))) for place, value in enumerate(values)]


def test_a_straight_line_goes_from_corner_to_corner() -> None:
    drawn = chart("loss", {"l1": curve(0.0, 1.0, 2.0, every=50)}, 100)
    assert drawn is not None
    # The axis reaches from 0 to 2 * 1.05: the value 2 lies at 1 - 2 / 2.1 of the height.
    (line,) = drawn.lines
    assert line.raw == "M0 1000l500 -476 500 -476"
    assert (drawn.log, line.last, line.smooth, line.band, line.bad) == (False, "2", "", "", "")
    assert (line.steps, line.values) == ([0, 50, 100], [0.0, 1.0, 2.0])
    assert [(tick.place, tick.label) for tick in drawn.y_ticks] == [(100.0, "0"), (76.19, "0.5"), (52.38, "1"), (28.57, "1.5"), (4.76, "2")]
    assert [(tick.place, tick.label) for tick in drawn.x_ticks] == [(float(place), str(place)) for place in range(0, 101, 20)]


def test_a_chart_is_told_in_words() -> None:
    one = chart("loss", {"l1": curve(0.0, 1.0)}, 1)
    two = chart("loss", {"a": curve(0.0, 1.0), "b": curve(5.0)}, 1)
    assert one and one.described == "loss over steps 0 to 1; newest: 1"
    assert two and two.described == "loss over steps 0 to 1; newest: a 1, b 5"


def test_positive_values_that_span_far_get_a_logarithmic_axis() -> None:
    drawn = chart("loss", {"l1": curve(1.0, 1000.0)}, 1)
    assert drawn is not None
    assert drawn.log
    assert [tick.label for tick in drawn.y_ticks] == ["1", "10", "100", "1000"]
    places = [tick.place for tick in drawn.y_ticks]
    gaps = [first - second for first, second in itertools.pairwise(places)]
    assert gaps == pytest.approx([gaps[0]] * 3, abs=0.02)


def test_one_spike_among_alike_values_is_not_far() -> None:
    drawn = chart("loss", {"l1": curve(*(1.0 + step % 2 for step in range(100)))}, 100)
    assert drawn is not None and not drawn.log


def test_values_far_from_zero_use_the_whole_height_unless_told() -> None:
    series = {"x": curve(100.0, 101.0)}
    near, whole = chart("x", series, 1), chart("x", series, 1, from_zero=True)
    assert near is not None and whole is not None
    assert near.lines[0].raw == "M0 955l1000 -910"  # 5 % of room on both sides of a range of 1
    assert whole.y_ticks[0].label == "0"


def test_values_that_are_not_finite_leave_a_gap_and_a_mark_and_a_point_alone_is_a_dot() -> None:
    drawn = chart("x", {"x": curve(1.0, math.nan, 1.0, 0.0, math.inf)}, 4)
    assert drawn is not None
    (line,) = drawn.lines
    first, second = line.raw.split("M")[1:]
    assert first.startswith("-4 ") and first.endswith("h8")
    assert second.startswith("500 ") and second.count("l") == 1
    assert line.bad == "M250 1000v-50M1000 1000v-50"
    assert line.values == [1.0, None, 1.0, 0.0, None]
    assert line.last == "not finite"


def test_nothing_finite_is_no_chart() -> None:
    assert chart("x", {}, 10) is None
    assert chart("x", {"x": curve(math.nan)}, 10) is None


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-38, 3e38, -3e38])
def test_a_constant_is_drawn_inside(value: float) -> None:
    drawn = chart("x", {"x": curve(value, value)}, 10)
    assert drawn is not None
    height, fall = re.fullmatch(r"M0 (\d+)l100 (-?\d+)", drawn.lines[0].raw).groups()  # type: ignore[union-attr]
    assert 0 <= int(height) <= 1000 and int(fall) == 0


@pytest.mark.parametrize(("share", "top"), [(0.02, "10 %"), (0.25, "25 %"), (1.0, "100 %")])
def test_shares_are_on_an_axis_of_per_cent_from_zero(share: float, top: str) -> None:
    drawn = chart("wait", {"wait": curve(share, share)}, 4, percent=True)
    assert drawn is not None
    assert (drawn.y_ticks[0].label, drawn.y_ticks[-1].label) == ("0 %", top)
    assert drawn.lines[0].last == per_cent(share)


def test_the_extremes_behind_a_point_are_a_band_around_the_line() -> None:
    points = [Point(0, 1.0, 0.0, 2.0, 4, 4), Point(5, math.nan, math.nan, math.nan, 4, 0), Point(10, 1.0, 0.5, 1.5, 4, 3)]
    points.append(Point(20, 1.0, 0.5, 1.5, 4, 4))
    drawn = chart("x", {"x": points}, 20)
    assert drawn is not None
    (line,) = drawn.lines
    # The axis ends at 2 * 1.05. Along the upper edge and back along the lower; the gap parts the band.
    assert line.band == "M0 48l0 952zM500 286l500 0 0 476 -500 0z"
    assert line.bad == "M250 1000v-50M500 1000v-50"
    assert chart("x", {"x": points}, 20, bands=False).lines[0].band == ""  # type: ignore[union-attr]


def test_one_extreme_in_a_long_run_does_not_press_the_others_flat() -> None:
    points = [Point(step, 1.0, 0.9, 1e9 if step == 70 else 1.1, 8, 8) for step in range(200)]
    drawn = chart("x", {"x": points}, 200)
    assert drawn is not None and float(drawn.y_ticks[-1].label) < 1.2
    heights = [int(number) for number in re.findall(r"M\d+ (-?\d+)", drawn.lines[0].band)]
    assert all(0 <= height <= 1000 for height in heights)


def test_colours_go_in_turn_unless_given() -> None:
    curves = {name: curve(1.0, 2.0) for name in "abc"}
    in_turn, given = chart("x", curves, 1), chart("x", curves, 1, colours=[4, 2, 9])
    assert in_turn and [line.colour for line in in_turn.lines] == [0, 1, 2]
    assert given and [line.colour for line in given.lines] == [4, 2, 9]


def test_long_curves_are_smoothed_too_unless_told() -> None:
    points = curve(*(float(step % 2) for step in range(80)))
    drawn, rough = chart("x", {"x": points}, 80), chart("x", {"x": points}, 80, smooth=False)
    assert drawn is not None and len(drawn.lines[0].smooth.split(" ")) == len(drawn.lines[0].raw.split(" "))
    assert rough is not None and rough.lines[0].smooth == ""


def test_smoothed_is_the_mean_of_the_window() -> None:
    # 80 points: two neighbours on either side.
    result = smoothed(curve(*(float(step**2) for step in range(80))))
    assert result[0] == (0, pytest.approx((0 + 1 + 4) / 3))
    assert result[10] == (10, pytest.approx((64 + 81 + 100 + 121 + 144) / 5))
    assert result[79] == (79, pytest.approx((77**2 + 78**2 + 79**2) / 3))


def test_smoothed_leaves_out_what_is_not_finite() -> None:
    result = smoothed(curve(*(math.nan if step == 5 else 3.0 for step in range(80))))
    assert math.isnan(result[5][1])
    assert [value for step, value in result if step != 5] == pytest.approx([3.0] * 79)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
        (0.1, 0.3, [0.1, 0.15, 0.2, 0.25, 0.3]),
        (7, 8, [7, 7.2, 7.4, 7.6, 7.8, 8]),
    ],
)
def test_linear_ticks(low: float, high: float, expected: list[float]) -> None:
    assert linear_ticks(low, high, 5) == expected


def test_numbers_are_short() -> None:
    assert [in_digits(value) for value in (0.0, 1.0, 12.3456, 0.012345, 0.0002, 1e-5, 2e-8, 123456.0, 1e6, 12345678.0, -0.5, -2e-4)] == [
        *("0", "1", "12.35", "0.01235", "2e-4", "1e-5", "2e-8", "123500", "1000000", "1.235e7", "-0.5", "-2e-4")
    ]
    assert [in_digits(value) for value in (math.nan, math.inf)] == ["not finite"] * 2
    assert [per_cent(share) for share in (0.0, 0.0123, 1.0)] == ["0 %", "1.23 %", "100 %"]
    assert [step_label(value) for value in (0, 999, 1000, 25_500, 2_000_000)] == ["0", "999", "1k", "25.5k", "2M"]
