"""What a run folder says: facts, notes, and which way a metric is better."""

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import CONFIG, make_run

from gan_style.config.metrics import METRICS, Metric
from gan_style.report.past import Past, better


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def log(run: Path, *lines: dict[str, Any]) -> Past:
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return Past(run)


def told(past: Past) -> list[tuple[str, str]]:
    return [(note.kind, note.text) for note in past.notes()]


def test_a_sound_run_needs_no_word(run: Path) -> None:
    assert told(Past(run)) == []


def test_the_recorded_length_goes_before_the_configured_one(run: Path) -> None:
    assert Past(run).progress == "step 2000 of 4000 · 50 %"
    for steps, progress in ((8000, "step 2000 of 8000 · 25 %"), (2000, "step 2000 of 2000 · finished")):
        (run / "run.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
        assert Past(run).progress == progress


def test_validation_metrics_are_shown_at_their_best(run: Path) -> None:
    past = log(run, *({"step": step, "val/fid": abs(step - 3) + 5.5, "val/psnr": step, "val/odd": 7.5} for step in range(1, 6)))
    assert past.facts() == [("fid, best at step 3", "5.5"), ("psnr, best at step 5", "5"), ("odd", "7.5")]


def test_values_that_are_not_finite_are_pointed_at_together(run: Path) -> None:
    lines = [{"step": step, **dict.fromkeys(("loss/l1", "loss/gan"), None if step >= 7 else 1.0), "loss/tv": 1.0} for step in range(1, 10)]
    assert told(log(run, *lines)) == [("hint", "Not a finite number at step 7 and 2 times more: l1, gan")]
    assert told(log(run, {"step": 4, "val/psnr": float("nan")})) == [("hint", "Not a finite number at step 4: val/psnr")]


def test_slow_data_is_pointed_at(run: Path) -> None:
    ((kind, text),) = told(log(run, *({"step": step, "loss/l1": 1, "data_wait": 0.3} for step in range(1, 10))))
    assert kind == "hint" and text.startswith("30 % of the time is spent waiting for data: raise data.workers")


def test_skipped_steps_are_counted(run: Path) -> None:
    assert told(log(run, {"step": 1, "health/skipped": 0})) == []
    assert told(log(run, {"step": 1, "health/skipped": 0}, {"step": 2, "health/skipped": 3})) == [
        ("hint", "3 steps were skipped: a loss or gradient was not finite")
    ]


def test_alarms_are_on_or_over(run: Path) -> None:
    def line(step: int, *alarms: str) -> dict[str, Any]:
        return {"step": step, "loss/l1": 1.0, **({"alarms": list(alarms)} if alarms else {})}

    lines = [line(50), line(100, "flat"), line(120, "flat"), line(150, "flat", "equal"), line(200, "equal")]
    over = ("past", "Alarm from step 100 to 150, over since: flat")
    assert told(log(run, *lines)) == [("alarm", "Alarm since step 150: equal"), over]
    assert told(log(run, *lines, {"step": 200, "val/psnr": 20.0})) == [("alarm", "Alarm since step 150: equal"), over]
    assert told(log(run, *lines, line(220))) == [over, ("past", "Alarm from step 150 to 200, over since: equal")]


def test_the_mistake_that_ended_the_newest_start_comes_first(run: Path) -> None:
    def start(step: int, ended: str) -> dict[str, Any]:
        return {"step": step, "time": 5.0, "hardware": {}, "ended": ended}

    (run / "run.json").write_text(json.dumps({"starts": [start(0, "no"), start(5, "loss is not finite")]}), encoding="utf-8")
    past = log(run, {"step": 5, "loss/l1": None, "alarms": ["flat"]})
    assert [kind for kind, _ in told(past)] == ["ended", "alarm", "hint"]
    assert told(past)[0][1] == "The run ended early: loss is not finite"
    (run / "run.json").write_text(json.dumps({"starts": [start(0, "no"), start(5, "")]}), encoding="utf-8")
    assert [kind for kind, _ in told(Past(run))] == ["alarm", "hint"]


def test_what_is_left_out_is_said(run: Path) -> None:
    ((kind, text),) = told(log(run, {"step": 1, **{f"x{place}": 1 for place in range(203)}}))
    assert (kind, text[:31]) == ("hint", "3 metrics or more are not shown")


@pytest.mark.parametrize("config", [b"", b"a: [", b"\xff\xfe", b"train: 5\nmethod: []", b"train: {steps: many}", b"train: {steps: -1}"])
def test_a_broken_configuration_is_no_obstacle(run: Path, config: bytes) -> None:
    (run / "config.yaml").write_bytes(config)
    past = Past(run)
    assert past.progress == "step 2000" and past.subtitle == ""


ENDLESS = '{"starts": [{"step": 0, "time": 1e400, "hardware": {}}]}'


@pytest.mark.parametrize("record", ["", "[]", "{", '{"steps": "many"}', ENDLESS, "[" * 100_000])
def test_a_broken_record_is_no_obstacle(run: Path, record: str) -> None:
    (run / "run.json").write_text(record, encoding="utf-8")
    assert Past(run).progress == "step 2000 of 4000 · 50 %"


@pytest.mark.parametrize(
    ("name", "way"),
    [("psnr", "higher"), ("a2b_psnr", "higher"), ("b2a_ms_ssim", "higher"), ("fid", "lower"), ("fidelity", ""), ("a2b", "")],
)
def test_which_way_a_metric_is_better(name: str, way: str) -> None:
    assert better(name) == way


def test_every_metric_is_better_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "sharpness", Metric("domain", True, "a metric of tomorrow"))
    for name, metric in METRICS.items():
        assert better(name) == better(f"b2a_{name}") == ("higher" if metric.higher_is_better else "lower")


def test_the_subtitle_names_method_and_data(run: Path) -> None:
    assert Past(run).subtitle == f"{CONFIG['method']['name']} on {CONFIG['data']['root']}"
