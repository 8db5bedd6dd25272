"""The geometry of the report's charts, against hand-derived places."""

import itertools
import math

import pytest

from gan_style.engine.charts import chart, linear_ticks, number, per_cent, short, smoothed


def test_a_straight_line_goes_from_corner_to_corner() -> None:
    drawn = chart("loss", {"l1": [(0, 0.0), (50, 1.0), (100, 2.0)]}, 100)
    assert drawn is not None
    # The axis reaches from 0 to 2 * 1.05: the value 2 lies at 1 - 2 / 2.1 of the height.
    assert drawn.curves[0].raw == "M0.0,1000.0L500.0,523.8L1000.0,47.6"
    assert (drawn.scale, drawn.curves[0].last, drawn.curves[0].smooth) == ("", "2", "")
    assert [(tick.place, tick.label) for tick in drawn.y_ticks] == [(100.0, "0"), (76.19, "0.5"), (52.38, "1"), (28.57, "1.5"), (4.76, "2")]
    assert [(tick.place, tick.label) for tick in drawn.x_ticks] == [
        (0.0, "0"),
        (20.0, "20"),
        (40.0, "40"),
        (60.0, "60"),
        (80.0, "80"),
        (100.0, "100"),
    ]


def test_positive_values_that_span_far_get_a_logarithmic_axis() -> None:
    drawn = chart("loss", {"l1": [(0, 1.0), (1, 1000.0)]}, 1)
    assert drawn is not None
    assert drawn.scale == "log scale"
    assert [tick.label for tick in drawn.y_ticks] == ["1", "10", "100", "1000"]
    places = [tick.place for tick in drawn.y_ticks]
    gaps = [first - second for first, second in itertools.pairwise(places)]
    assert gaps == pytest.approx([gaps[0]] * 3, abs=0.02)


def test_one_spike_among_alike_values_is_not_far() -> None:
    drawn = chart("loss", {"l1": [(step, 1.0 + step % 2) for step in range(100)]}, 100)
    assert drawn is not None and drawn.scale == ""


def test_values_far_from_zero_use_the_whole_height_unless_told() -> None:
    series = {"x": [(0, 100.0), (1, 101.0)]}
    near, whole = chart("x", series, 1), chart("x", series, 1, from_zero=True)
    assert near is not None and whole is not None
    assert near.curves[0].raw == "M0.0,954.5L1000.0,45.5"  # 5 % of room on both sides of a range of 1
    assert whole.y_ticks[0].label == "0"


def test_values_that_are_not_finite_leave_a_gap_and_a_point_alone_is_a_dot() -> None:
    drawn = chart("x", {"x": [(0, 1.0), (1, math.nan), (2, 1.0), (3, 0.0), (4, math.inf)]}, 4)
    assert drawn is not None
    first, second = drawn.curves[0].raw.split("M")[1:]
    assert first.endswith("h0") and first.startswith("0.0,")
    assert second.startswith("500.0,") and second.count("L") == 1
    assert drawn.curves[0].last == "inf"


def test_nothing_finite_is_no_chart() -> None:
    assert chart("x", {}, 10) is None
    assert chart("x", {"x": [(1, math.nan)]}, 10) is None


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-38, 3e38, -3e38])
def test_a_constant_is_drawn_inside(value: float) -> None:
    drawn = chart("x", {"x": [(0, value), (10, value)]}, 10)
    assert drawn is not None
    heights = [float(point.split(",")[1]) for point in drawn.curves[0].raw[1:].split("L")]
    assert all(0 <= height <= 1000 for height in heights)


def test_shares_are_on_an_axis_of_per_cent() -> None:
    drawn = chart("wait", {"wait": [(0, 0.25), (4, 0.25)]}, 4, percent=True)
    assert drawn is not None
    assert drawn.curves[0].raw == "M0.0,750.0L1000.0,750.0"
    assert [tick.label for tick in drawn.y_ticks] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    assert drawn.curves[0].last == "25 %"


def test_long_curves_are_smoothed_too() -> None:
    drawn = chart("x", {"x": [(step, float(step % 2)) for step in range(80)]}, 80)
    assert drawn is not None and drawn.curves[0].smooth.count("L") == 79


def test_smoothed_is_the_mean_of_the_window() -> None:
    # 80 points: two neighbours on either side.
    points = [(step, float(step**2)) for step in range(80)]
    result = smoothed(points)
    assert result[0] == (0, pytest.approx((0 + 1 + 4) / 3))
    assert result[10] == (10, pytest.approx((64 + 81 + 100 + 121 + 144) / 5))
    assert result[79] == (79, pytest.approx((77**2 + 78**2 + 79**2) / 3))


def test_smoothed_leaves_out_what_is_not_finite() -> None:
    points = [(step, math.nan if step == 5 else 3.0) for step in range(80)]
    result = smoothed(points)
    assert math.isnan(result[5][1])
    assert [value for step, value in result if step != 5] == pytest.approx([3.0] * 79)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 3, [-2, 0, 2]),
        (0.1, 0.3, [0.1, 0.15, 0.2, 0.25, 0.3]),
        (7, 8, [7, 7.2, 7.4, 7.6, 7.8, 8]),
    ],
)
def test_linear_ticks(low: float, high: float, expected: list[float]) -> None:
    assert linear_ticks(low, high, 5) == expected


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.0, 1.0, 12.3456, 0.0001234, 1e-5, 2e-8, 123456.0, -0.5)] == [
        *("0", "1", "12.35", "0.0001234", "1e-5", "2e-8", "1.235e5", "-0.5")
    ]
    assert [per_cent(share) for share in (0.0, 0.0123, 1.0)] == ["0 %", "1.23 %", "100 %"]
    assert [short(value) for value in (0, 999, 1000, 25_500, 2_000_000)] == ["0", "999", "1k", "25.5k", "2M"]
