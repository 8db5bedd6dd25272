"""What the report reads of metrics.jsonl: every line once, in bounded memory, patient with torn files."""

import json
import math
from pathlib import Path

import pytest

from gan_style.report import log as log_module
from gan_style.report.log import MAX_ALARMS, MAX_CURVES, MAX_POINTS, Curve, RunLog


def write(path: Path, *lines: object, mode: str = "w") -> None:
    with path.open(mode, encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def points(curve: Curve) -> list[tuple[float, float]]:
    return [(point.step, point.value) for point in curve.points]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_a_short_log_is_taken_as_it_is(path: Path) -> None:
    write(path, {"step": 10, "loss/l1": 0.5}, {"step": 20, "loss/l1": 1, "val/psnr": 30.0}, {"step": 30, "loss/l1": 1.5})
    log = RunLog(path).read()
    assert log.step == 30
    assert points(log.curves["loss/l1"]) == [(10, 0.5), (20, 1.0), (30, 1.5)]
    assert points(log.under("val/")["psnr"]) == [(20, 30.0)]
    assert log.curves["loss/l1"].last == 1.5
    assert log.curves["loss/l1"].lowest == (0.5, 10) and log.curves["loss/l1"].highest == (1.5, 30)


@pytest.mark.parametrize("kind", ["absent", "empty", "folder"])
def test_no_log_is_an_empty_one(path: Path, kind: str) -> None:
    if kind == "empty":
        path.touch()
    if kind == "folder":
        path.mkdir()
    assert (RunLog(path).read().curves, RunLog(path).read().step) == ({}, 0)


@pytest.mark.parametrize("count", [MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS + 7])
def test_a_long_curve_is_means_and_extremes_of_its_neighbours(count: int) -> None:
    curve = Curve()
    for step in range(1, count + 1):
        curve.add(step, float(step**2))
    assert MAX_POINTS / 2 <= len(curve.points) <= MAX_POINTS
    assert sum(point.lines for point in curve.points) == sum(point.finite for point in curve.points) == count
    first = 1
    for point in curve.points:
        inside = range(first, first + point.lines)
        assert point.step == pytest.approx(sum(inside) / len(inside))
        assert point.value == pytest.approx(sum(step**2 for step in inside) / len(inside))
        assert (point.low, point.high) == (inside[0] ** 2, inside[-1] ** 2)
        first += point.lines
    sizes = {point.lines for point in curve.points[:-1]}
    assert len(sizes) == 1 and sizes.pop().bit_count() == 1


def test_a_spike_in_a_long_run_is_not_lost() -> None:
    curve = Curve()
    for step in range(20_000):
        curve.add(step, 1e6 if step == 12_345 else 1.0)
    assert max(point.high for point in curve.points) == 1e6
    assert curve.highest == (1e6, 12_345)


def test_what_is_not_finite_is_counted_and_left_out_of_means() -> None:
    curve = Curve()
    for step in range(2 * MAX_POINTS):
        curve.add(step, math.nan if step in (0, 1, 3) else float(step))
    first, second = curve.points[:2]
    assert (first.finite, first.lines) == (0, 2) and math.isnan(first.value)
    assert (second.finite, second.lines, second.value) == (1, 2, 2.0)
    assert (curve.bad, curve.first_bad) == (3, 0)


def test_null_and_what_is_too_large_are_not_finite(path: Path) -> None:
    path.write_text(
        '{"step": 1, "a": NaN, "b": -Infinity, "c": 1e39, "d": 1%s, "e": "x", "f": null, "g": 2, "h": true, "i": [1]}' % ("0" * 400),
        encoding="utf-8",
    )
    curves = RunLog(path).read().curves
    assert set(curves) == set("abcdfg")
    assert {name for name, curve in curves.items() if curve.bad} == set("abcdf")
    assert curves["g"].last == 2.0


def test_torn_and_foreign_lines_are_left_out(path: Path) -> None:
    bad = ["", "{", "[1]", "5", '{"loss/l1": 1}', '{"step": "7"}', '{"step": true}', '{"step": -1}', '{"step": 1e3}', "[" * 100_000]
    bad.append('{"step": 1%s}' % ("0" * 30))
    lines = ['{"step": 1, "x": 1}', *bad, '{"step": 5, "x": 2}', '{"step": 5, "x": 3}', '{"step": 3, "x": 4}', '{"step": 9, "x']
    path.write_bytes("\n".join(lines).encode() + b"\xff\xfe\x00")
    log = RunLog(path).read()
    assert points(log.curves["x"]) == [(1, 1.0), (5, 2.0)]
    assert log.step == 5


def test_further_metrics_of_a_step_may_come_in_a_line_of_their_own(path: Path) -> None:
    write(path, {"step": 5, "loss/x": 1.0}, {"step": 5, "val/psnr": 20.0})
    assert points(RunLog(path).read().curves["val/psnr"]) == [(5, 20.0)]


def test_only_what_was_appended_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, *({"step": step, "x": step} for step in range(1, 101)))
    log = RunLog(path).read()
    parsed = []
    decode = json.JSONDecoder().decode
    monkeypatch.setattr(log_module.json, "loads", lambda raw: parsed.append(raw) or decode(raw.decode()))
    assert len(log.read().curves["x"].points) == 100 and parsed == []
    write(path, {"step": 101, "x": 101}, {"step": 102, "x": 102}, mode="a")
    assert len(log.read().curves["x"].points) == 102 and len(parsed) == 2


def test_a_line_that_is_being_written_is_taken_when_it_is_whole(path: Path) -> None:
    write(path, {"step": 1, "x": 1})
    log = RunLog(path).read()
    for torn, known in (('{"step": 2,', 1), (' "x": 2', 1), ("}", 2), ("\n", 2)):
        with path.open("a", encoding="utf-8") as file:
            file.write(torn)
        assert len(log.read().curves["x"].points) == known


def test_a_log_that_was_rewound_is_read_anew(path: Path) -> None:
    write(path, *({"step": step, "time": 1.0 * step, "x": 1} for step in range(1, 11)))
    log = RunLog(path).read()
    write(path, *({"step": step, "time": 1.0 * step, "x": 1} for step in range(1, 6)))
    assert log.read().step == 5
    write(path, *({"step": step, "time": 1.0 * step, "x": 2} for step in range(1, 21)))  # longer than what was read
    assert points(log.read().curves["x"]) == [(step, 2.0) for step in range(1, 21)]
    path.unlink()
    assert log.read().curves == {}


def test_a_line_of_any_length_takes_bounded_memory(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('{"step": 1, "x": 1}\n{"step": 2, "x": "' + "y" * (3 << 20) + '"}\n{"step": 3, "x": 3}\n')
    assert points(RunLog(path).read().curves["x"]) == [(1, 1.0), (3, 3.0)]


def test_curves_are_bounded_in_number_and_name(path: Path) -> None:
    write(path, {"step": 1, **{f"loss/{name}": 1.0 for name in range(2 * MAX_CURVES)}, "y" * 1000: 1.0})
    log = RunLog(path).read()
    assert len(log.curves) == MAX_CURVES
    assert 0 < len(log.left_out) <= MAX_CURVES


def test_alarms_have_a_first_and_a_last_step(path: Path) -> None:
    write(
        path,
        {"step": 10, "loss/x": 1, "alarms": ["flat", 5, None]},
        {"step": 20, "loss/x": 1, "alarms": ["flat", "equal"]},
        {"step": 30, "loss/x": 1, "alarms": "equal"},
        {"step": 40, "loss/x": 1, "alarms": ["equal"]},
    )
    log = RunLog(path).read()
    assert [(alarm.text, alarm.first, alarm.last) for alarm in log.alarms.values()] == [("flat", 10, 20), ("equal", 20, 40)]
    write(path, *({"step": step, "alarms": [f"{step}" * 100]} for step in range(1000)))
    alarms = log.read().alarms
    assert len(alarms) == MAX_ALARMS and all(len(text) <= 200 for text in alarms)


def test_time_in_which_the_run_was_stopped_does_not_count(path: Path) -> None:
    write(path, *({"step": step, "time": 100.0 * step + (1e6 if step > 5 else 0)} for step in range(1, 11)))
    log = RunLog(path).read()
    assert log.trained == pytest.approx(800)  # 8 of 9 gaps of 100 s
    assert log.pace == pytest.approx(100)


@pytest.mark.parametrize("time", ["1e400", '"x"', "null", "NaN", "-5", "1" + "0" * 400])
def test_absurd_times_are_no_obstacle(path: Path, time: str) -> None:
    path.write_text('{"step": 1, "time": 1}\n{"step": 2, "time": ' + time + '}\n{"step": 3, "time": 3}\n', encoding="utf-8")
    log = RunLog(path).read()
    assert log.step == 3 and math.isfinite(log.trained)


def test_the_first_line_is_no_measure_of_the_present() -> None:
    curve = Curve()
    assert curve.usual() is None
    curve.add(1, 1000.0)
    assert curve.usual() == 1000.0
    for step, value in ((2, 1.0), (3, 2.0), (4, 9.0)):
        curve.add(step, value)
    assert curve.usual() == 2.0
