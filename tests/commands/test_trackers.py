"""Trackers get what metrics.jsonl and samples/ get, go on with the run that they know, and cannot stop or change a training."""

import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import runs
from tracking import NAMES, Noted

from gan_style.commands.train import train_command
from gan_style.engine import trackers
from gan_style.engine.tracker_kinds import FILE

ALL = "logging.trackers=[tensorboard, wandb, mlflow, trackio]"
CALLS = ("start", "log", "finish")


def train(data: Path, run_dir: Path, *overrides: str) -> int:
    return train_command(runs.arguments("pix2pix", data, run_dir, "logging.samples_every=4", *overrides))


def logged(run_dir: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def tensorboard(run_dir: Path) -> tuple[list[int], list[int]]:
    """The steps of loss/l1 and those of the sample grids, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run_dir / "tensorboard"), purge_orphaned_data=True).Reload()
    return [event.step for event in events.Scalars("loss/l1")], [event.step for event in events.Images("samples")]


def test_every_tracker_gets_every_line_and_every_sample_grid(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, run_dir = Noted().install(monkeypatch), tmp_path / "run"
    assert train(data, run_dir, ALL, "logging.project=horses") == 0
    assert tensorboard(run_dir) == (logged(run_dir), [4, 7])
    first = json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[0])
    for name in NAMES:
        assert noted.steps(name) == logged(run_dir)
        assert noted.values[name][0][1]["loss/l1"] == first["loss/l1"]
    assert [values["method.name"] for _, values in noted.settings] == ["pix2pix"] * 3
    assert sorted(noted.finished) == sorted(NAMES)
    assert noted.pictures["mlflow"] == [("samples", "step_0000004.png"), ("samples", "step_0000007.png")]
    assert [(step, Path(path).name) for step, path in noted.pictures["trackio"]] == [(4, "step_0000004.png"), (7, "step_0000007.png")]
    (step, [pixels]), _ = noted.pictures["wandb"]
    assert step == 4 and pixels.dtype == np.uint8 and pixels.shape[2] == 3
    assert noted.where["wandb"]["project"] == "horses" and noted.where["wandb"]["name"] == "run"


def test_trackers_change_nothing_in_the_training(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Noted().install(monkeypatch)
    assert train(data, tmp_path / "tracked", ALL) == train(data, tmp_path / "plain") == 0
    assert runs.bundles(tmp_path / "tracked") == runs.bundles(tmp_path / "plain")
    assert runs.metrics(tmp_path / "tracked") != [] and [line["loss/l1"] for line in runs.metrics(tmp_path / "tracked")] == [
        line["loss/l1"] for line in runs.metrics(tmp_path / "plain")
    ]


def test_a_run_that_goes_on_is_one_run_in_each_tracker(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, run_dir = Noted().install(monkeypatch), tmp_path / "run"
    assert train(data, run_dir, ALL, "train.steps=5") == 0
    identities = json.loads((run_dir / FILE).read_text())
    assert set(identities) == {"tensorboard", *NAMES} and identities["mlflow"] == "made-by-the-server"
    begun = dict(noted.begun)
    assert begun == {"wandb": identities["wandb"], "mlflow": None, "trackio": identities["trackio"]}
    noted.begun.clear()
    assert train(data, run_dir, ALL, "optim.extend=hold") == 0
    assert dict(noted.begun) == {name: identities[name] for name in NAMES}
    assert len(noted.settings) == 3  # the first start alone sent the configuration
    assert noted.steps("mlflow") == logged(run_dir)
    assert tensorboard(run_dir)[0] == logged(run_dir)


def test_tensorboard_shows_no_step_twice_after_a_run_was_killed(data: Path, tmp_path: Path) -> None:
    """The steps after the checkpoint are in its event files already, and come again."""
    run_dir = tmp_path / "run"
    assert train(data, run_dir, "logging.trackers=[tensorboard]", "train.checkpoint_every=4", "train.keep=9") == 0
    for newest in (run_dir / "checkpoints").glob("step_0000007"):
        newest.rename(tmp_path / "gone")
    assert train(data, run_dir, "logging.trackers=[tensorboard]", "train.checkpoint_every=4", "train.keep=9") == 0
    assert tensorboard(run_dir)[0] == logged(run_dir)


@pytest.mark.parametrize("call", CALLS)
def test_a_tracker_that_raises_is_told_once_and_left_out(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fault(tracker: str, now: str) -> None:
        if (tracker, now) == ("wandb", call):
            raise SystemExit("no network\nat all")

    noted, run_dir = Noted(fault).install(monkeypatch), tmp_path / "run"
    with pytest.warns(UserWarning, match=r"^logging\.trackers: wandb is off \(SystemExit: no network at all\)") as warned:
        assert train(data, run_dir, ALL) == 0
    assert len([each for each in warned if "logging.trackers" in str(each.message)]) == 1
    assert noted.steps("mlflow") == noted.steps("trackio") == logged(run_dir) and logged(run_dir)[-1] == runs.STEPS
    assert noted.steps("wandb") == (logged(run_dir) if call == "finish" else [])


@pytest.mark.parametrize("call", CALLS)
def test_a_tracker_that_hangs_is_told_once_and_left_out(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    released = threading.Event()

    def fault(tracker: str, now: str) -> None:
        if (tracker, now) == ("trackio", call):
            released.wait()

    monkeypatch.setattr(trackers, "PATIENCE", 3.0)
    noted, run_dir = Noted(fault).install(monkeypatch), tmp_path / "run"
    try:
        with pytest.warns(UserWarning, match=r"^logging\.trackers: trackio is off \(it has not answered for 3 seconds\)") as warned:
            assert train(data, run_dir, "logging.trackers=[wandb, trackio]") == 0
        assert noted.finished == ["wandb"]
    finally:
        released.set()
    assert len([each for each in warned if "logging.trackers" in str(each.message)]) == 1
    assert noted.steps("wandb") == logged(run_dir)
    assert (run_dir / "bundles/a2b.safetensors").exists()


@pytest.mark.parametrize("name", ["tensorboard", *NAMES])
def test_a_tracker_that_is_not_installed_is_told_with_its_extra(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.warns(UserWarning, match=rf"{name} is off \({name} is not installed \(pip install 'gan_style\[{name}\]'\)\)"):
        assert train(data, tmp_path / "run", f"logging.trackers=[{name}]", "train.steps=1") == 0
    assert (tmp_path / "run/metrics.jsonl").exists()


def test_a_damaged_record_of_identities_begins_new_runs(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, run_dir = Noted().install(monkeypatch), tmp_path / "run"
    run_dir.mkdir()
    (run_dir / FILE).write_text('{"mlflow": 3')
    assert train(data, run_dir, "logging.trackers=[mlflow]", "train.steps=1") == 0
    assert noted.begun == [("mlflow", None)]
    assert json.loads((run_dir / FILE).read_text()) == {"mlflow": "made-by-the-server"}


def test_no_tracker_starts_where_none_is_asked_for(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted().install(monkeypatch)
    assert train(data, tmp_path / "run", "train.steps=1") == 0
    assert noted.begun == [] and not (tmp_path / "run" / FILE).exists() and not (tmp_path / "run/tensorboard").exists()
