"""Whatever ends a run is told in run.json and report.html; what is not worth a training does not end it."""

import json
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import warm
from runs import networks
from tiny import make_run, tiny_config

from gan_style.engine.run import Run
from gan_style.errors import UserError


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def before_step(run: Run, number: int, action: Any) -> None:
    """`action()` instead of step `number` (from 0) or, where it returns, ahead of it."""
    step = run.trainer.step

    def step_or_not(at: int, *rest: Any) -> Any:
        if at == number:
            action()
        return step(at, *rest)

    run.trainer.step = step_or_not


# As the system's memory killer ends a run: before its third step.
KILLED = """
import os, signal, sys
from pathlib import Path

folder, tests = sys.argv[1:]
sys.path.append(tests)
from tiny import make_run, tiny_config

run = make_run(tiny_config("pix2pix", Path(folder), train={"checkpoint_every": 1}))
step = run.trainer.step
run.trainer.step = lambda at, *rest: os.kill(os.getpid(), signal.SIGKILL) if at == 2 else step(at, *rest)
run.fit()
"""


def raising(problem: BaseException) -> Any:
    def action() -> None:
        raise problem

    return action


def ended(run_dir: Path) -> list[str]:
    return [start["ended"] for start in json.loads((run_dir / "run.json").read_text())["starts"]]


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (UserError("x.png: is broken; mend it"), "x.png: is broken; mend it"),
        (ZeroDivisionError("by nothing"), "a fault of gan_style, ZeroDivisionError: by nothing"),
        (RuntimeError("Connection closed by peer"), "a fault of gan_style, RuntimeError: Connection closed by peer"),
        (KeyboardInterrupt(), "interrupted at once, by a second Ctrl-C"),
    ],
)
def test_what_ends_a_training_is_told(problem: BaseException, told: str, tmp_path: Path) -> None:
    run = make_run(tiny_config("pix2pix", tmp_path))
    before_step(run, 2, raising(problem))
    with pytest.raises(type(problem)):
        run.fit()
    assert ended(tmp_path) == [told]
    assert f"The run ended early: {told}" in (tmp_path / "report.html").read_text(encoding="utf-8")

    assert make_run(tiny_config("pix2pix", tmp_path)).fit() == 0
    assert ended(tmp_path) == [told, ""]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "ended early" not in page and told in page, "it stays with its start"


def test_a_stop_is_told(tmp_path: Path) -> None:
    run = make_run(tiny_config("pix2pix", tmp_path))
    before_step(run, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert run.fit() == 143
    (told,) = ended(tmp_path)
    assert told.startswith("stopped: after step 2 of 4, in ") and told.endswith("; a checkpoint is saved")
    assert make_run(tiny_config("pix2pix", tmp_path, train={"max_minutes": 1e-9})).fit() == 0
    assert ended(tmp_path)[1].startswith("not finished: 2 of 4 steps are done in the minutes that train.max_minutes allows")


def test_a_start_that_ended_without_a_word_is_told_by_the_next_one(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    assert warm.start([script, tmp_path, Path(warm.__file__).parent], tmp_path).wait() == -signal.SIGKILL
    assert ended(tmp_path) == [""]
    assert make_run(tiny_config("pix2pix", tmp_path)).fit() == 0
    assert ended(tmp_path) == ["without a word: killed, or the machine went down", ""]
    assert make_run(tiny_config("pix2pix", tmp_path, train={"steps": 5})).fit() == 0
    assert ended(tmp_path) == ["without a word: killed, or the machine went down", "", ""], "a finished start ended well"


class Failing:
    """A sample grid that cannot be drawn."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def draw(self, path: Path, weights: Any) -> None:
        raise self.problem


@pytest.mark.parametrize(
    "problem",
    [
        UserError("samples: cannot be written (No space left on device); free the disk"),
        FileNotFoundError(2, "No such file or directory"),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes"),
        ZeroDivisionError("a fault of ours"),
    ],
)
def test_a_sample_grid_that_fails_ends_no_training_and_changes_nothing(problem: Exception, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The .grad attribute of a Tensor")  # of torch's compiler, which silences it itself
        assert make_run(tiny_config("pix2pix", tmp_path / "straight")).fit() == 0
    run: Any = make_run(tiny_config("pix2pix", tmp_path / "run", logging={"every": 1, "samples": 0, "samples_every": 2}))
    run.grid = Failing(problem)
    with pytest.warns(UserWarning, match=r"^step \d: no sample grid \(.*\); training goes on$") as warned:
        assert run.fit() == 0
    assert [str(warning.message)[:6] for warning in warned] == ["step 2", "step 4"]
    assert networks(tmp_path / "run", 4) == networks(tmp_path / "straight", 4)
