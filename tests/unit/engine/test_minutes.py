"""A run of `train.minutes`, by a clock that the test moves."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import metrics, networks
from tiny import make_run, tiny_config

from gan_style.engine.agreement import Agreement
from gan_style.engine.checkpoint import Checkpointer
from gan_style.engine.minutes import MEASURED, WARM_UP, Timing
from gan_style.engine.run import Run
from gan_style.engine.validation import Validation

CPU = torch.device("cpu")


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Killed(Exception):
    """The end of a process in the middle of a step: nothing is saved."""


def timed(folder: Path, seconds: float = 1.0, killed_before: int | None = None, **train: Any) -> Run:
    """A run whose steps take `seconds` each, and nothing else takes time."""
    keys = {"steps": None, "minutes": 0.4, **train}
    run = make_run(tiny_config("pix2pix", folder, train=keys, optim={"schedule": "linear"}))
    clock, step = Clock(), run.trainer.step
    run.timing = Timing(0.0, CPU, clock)

    def slow(number: int, *rest: Any) -> Any:
        if number == killed_before:
            raise Killed
        clock.now += seconds
        return step(number, *rest)

    run.trainer.step = slow  # type: ignore[method-assign]
    return run


def rates(folder: Path) -> list[float]:
    return [line["lr/generator"] for line in metrics(folder)]


def recorded(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text())


def simulated(seconds: float, minutes: float, every: dict[str, int], costs: dict[str, float]) -> float:
    """The seconds that a run takes whose steps, validations, sample grids and checkpoints take their times."""
    clock = Clock()
    timing = Timing(0.0, CPU, clock)
    train = {"steps": None, "minutes": minutes, "validate_every": every.get("validation"), "checkpoint_every": every["checkpoint"]}
    config = tiny_config("pix2pix", Path("run"), train=train, logging={"samples_every": every["samples"]})

    def do(*names: str) -> None:
        for name in names:
            with timing.beside(name):
                clock.now += costs[name]

    step = end = 0
    while not end or step < end:
        step += 1
        clock.now += seconds
        do(*(name for name in every if step % every[name] == 0 and step != end))
        if step == WARM_UP:
            do(*costs)
            timing.measure(step)
        if not end and (end := timing.fitting(step, config)):
            assert clock.now >= MEASURED * 60 * minutes
            do("checkpoint")
    do("validation", "checkpoint", "samples")
    return clock.now


@pytest.mark.parametrize("validation", [30, 700])
@pytest.mark.parametrize("samples", [50, 100_000])
@pytest.mark.parametrize("seconds", [0.25, 3.0])
def test_as_many_steps_are_fixed_as_fit_with_what_comes_beside_them(validation: int, samples: int, seconds: float) -> None:
    every = {"validation": validation, "checkpoint": 40, "samples": samples}
    costs = {"validation": 11.0, "samples": 0.7, "checkpoint": 2.5}
    taken = simulated(seconds, 20.0, every, costs)
    assert 1200 - seconds - 2 * sum(costs.values()) < taken <= 1200, "one step more brings some of them, and the end others"


def test_the_warm_up_and_what_comes_beside_steps_do_not_count_as_steps() -> None:
    clock = Clock()
    timing = Timing(0.0, CPU, clock)
    config = tiny_config("pix2pix", Path("run"), train={"steps": None, "minutes": 10, "checkpoint_every": 10_000})
    clock.now = 50.0
    timing.measure(WARM_UP)
    clock.now += 10.0
    with timing.beside("report"):
        clock.now += 5.0
    assert timing.fitting(WARM_UP + 10, config) == WARM_UP + 10 + 600 - 65


def test_no_time_left_is_one_step_more() -> None:
    clock = Clock()
    timing = Timing(0.0, CPU, clock)
    config = tiny_config("pix2pix", Path("run"), train={"steps": None, "minutes": 1})
    clock.now = 70.0
    timing.measure(WARM_UP)
    clock.now = 80.0
    assert timing.fitting(WARM_UP, config) == 0, "no step was measured"
    assert timing.fitting(WARM_UP + 1, config) == WARM_UP + 2


def test_the_run_is_the_one_of_the_number_that_was_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert timed(tmp_path / "run").fit() == 0
    assert "step 6: the minutes hold 24 steps" in capsys.readouterr().out
    assert make_run(tiny_config("pix2pix", tmp_path / "straight", train={"steps": 24}, optim={"schedule": "linear"})).fit() == 0
    assert networks(tmp_path / "run", 24) == networks(tmp_path / "straight", 24)
    assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")
    assert rates(tmp_path / "run")[0] == rates(tmp_path / "run")[11] > rates(tmp_path / "run")[23] > 0
    assert recorded(tmp_path / "run")["steps"] == 24


@pytest.mark.parametrize("decay_start", [0.0, 0.1])
def test_the_steps_that_are_measured_have_the_first_rate(decay_start: float, tmp_path: Path) -> None:
    run = timed(tmp_path)
    run.trainer.optim_config = run.trainer.optim_config.model_copy(update={"decay_start": decay_start})
    assert run.fit() == 0
    found = rates(tmp_path)
    assert found[:6] == [2e-4] * 6
    assert found[6] < 2e-4, "the schedule of 24 steps has begun to fall"


@pytest.mark.parametrize("every", [100, 6, 4])
def test_a_run_that_was_killed_goes_on_with_the_number_that_was_fixed(every: int, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        timed(tmp_path / "run", killed_before=9, checkpoint_every=every).fit()
    assert timed(tmp_path / "run", seconds=7.0, checkpoint_every=every).fit() == 0
    assert timed(tmp_path / "straight").fit() == 0
    assert networks(tmp_path / "run", 24) == networks(tmp_path / "straight", 24)
    assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")


def test_a_run_that_was_killed_before_measures_again_and_its_time_counts(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        timed(tmp_path / "run", killed_before=4, checkpoint_every=3).fit()
    assert recorded(tmp_path / "run")["steps"] is None
    assert timed(tmp_path / "run", seconds=1.5).fit() == 0  # 3 s until step 3, then 14 steps of 1.5 s
    assert recorded(tmp_path / "run")["steps"] == 17
    assert make_run(tiny_config("pix2pix", tmp_path / "straight", train={"steps": 17}, optim={"schedule": "linear"})).fit() == 0
    assert networks(tmp_path / "run", 17) == networks(tmp_path / "straight", 17)
    assert metrics(tmp_path / "run") == metrics(tmp_path / "straight")
    told = [start["ended"] for start in recorded(tmp_path / "run")["starts"]]
    assert told == ["a fault of gan_style, Killed: ", ""]


def test_a_stop_while_the_run_is_measured_names_no_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = timed(tmp_path, max_minutes=1e-9)
    assert run.fit() == 0
    run = timed(tmp_path, killed_before=3)
    with pytest.raises(Killed):
        run.fit()
    told = capsys.readouterr()
    assert "not finished: 0 steps are done in the minutes that train.max_minutes allows" in told.out
    assert "failed: after step 3, in" in told.out
    assert "  step 3/?  " in told.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "step 3 · " not in page and "step 3" in page
    assert not any(str(run.plan.end) in text for text in (told.out, told.err, page))


def test_more_minutes_are_more_steps_at_the_pace_that_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Killed):
        timed(tmp_path / "run", killed_before=9).fit()
    assert timed(tmp_path / "run", seconds=5.0, minutes=0.5).fit() == 0
    assert "the run now has 30 steps instead of 24" in capsys.readouterr().out
    assert make_run(tiny_config("pix2pix", tmp_path / "straight", train={"steps": 30}, optim={"schedule": "linear"})).fit() == 0
    assert networks(tmp_path / "run", 30) == networks(tmp_path / "straight", 30)


def test_the_number_is_kept_before_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[int, Any]] = []
    save = Checkpointer.save

    def noting(checkpointer: Checkpointer, step: int, samples: int, nets: Any, training: Any, *rest: Any) -> None:
        kept.append((step, training["plan"]["minutes"] and training["plan"]["pace"]))
        save(checkpointer, step, samples, nets, training, *rest)

    monkeypatch.setattr(Checkpointer, "save", noting)
    assert timed(tmp_path).fit() == 0
    assert kept == [(WARM_UP, None), (WARM_UP + 1, 60.0), (24, 60.0)]


def test_the_last_step_is_validated_whatever_their_number_is(tmp_path: Path) -> None:
    run = timed(tmp_path, validate_every=100)
    validated: list[int] = []

    class Measuring(Validation):
        def run(self, weights: Any) -> Any:
            validated.append(run.step)
            return {}

    run.validation = Measuring(100, {}, CPU, Agreement(), 0, 1)
    assert run.fit() == 0
    assert validated == [WARM_UP, 24], "the rehearsal, whose time is measured, and the last step"
