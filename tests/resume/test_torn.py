"""Files torn, lost or refused by the disk: the run goes on from what is whole, to the same bits, and nothing whole is overwritten."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import warm
from runs import STEPS, arguments, bundles, metrics, networks
from smoke import ROOT

from gan_style.commands.train import train_command
from gan_style.engine import run as engine_run
from gan_style.errors import UserError

Started = Callable[[str, Path], list[str]]


@pytest.fixture
def started(data: Path, trained: Callable[..., Path]) -> Started:
    """A function that makes a run of 5 of 7 steps with checkpoints after 2, 4 and 5, and returns the command that goes on."""

    def start(name: str, run_dir: Path) -> list[str]:
        shutil.copytree(trained(name, "train.checkpoint_every=2", "train.steps=5"), run_dir)
        assert sorted(path.name for path in (run_dir / "checkpoints").iterdir()) == ["step_0000002", "step_0000004", "step_0000005"]
        return arguments(name, data, run_dir, "data.workers=0", "train.checkpoint_every=2")

    return start


def test_torn_newest_checkpoints_are_named_and_cost_only_their_steps(
    straight: tuple[str, Path], started: Started, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    name, expected = straight
    run_dir = tmp_path / "run"
    command = started(name, run_dir)
    file = run_dir / "checkpoints/step_0000005/training.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    (run_dir / "checkpoints/step_0000004/networks.safetensors").unlink()
    recwarn.clear()
    assert train_command(command) == 0
    assert [name for name in ("step_0000005", "step_0000004") if any(name in str(warning.message) for warning in recwarn.list)] == [
        "step_0000005",
        "step_0000004",
    ]
    assert networks(run_dir) == networks(expected)
    assert bundles(run_dir) == bundles(expected)
    steps = [line["step"] for line in metrics(run_dir)]
    assert [step for step in steps if step % 2 == 0] == [2, 4, 6]
    assert len(set(steps)) == len(steps), "a step was logged twice"


def test_none_whole_is_an_error_and_changes_nothing(largest: tuple[str, Path], started: Started, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    command = started(largest[0], run_dir)
    for folder in (run_dir / "checkpoints").iterdir():
        (folder / "manifest.json").write_text("{}")
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.warns(UserWarning), pytest.raises(UserError, match="no complete checkpoint among 3"):
        train_command(command)
    assert {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file() and path.name != ".lock"} == before


def test_bundles_lost_after_the_last_checkpoint_are_written_again(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    """A kill between the last checkpoint and its bundles: the same command has nothing to train, but much to finish."""
    name, expected = straight
    shutil.copytree(expected, tmp_path / "run")
    command = arguments(name, data, tmp_path / "run", "data.workers=0")
    for bundle in (tmp_path / "run/bundles").iterdir():
        bundle.unlink()
    (tmp_path / f"run/samples/step_{STEPS:07d}.png").unlink()
    assert train_command(command) == 0
    assert bundles(tmp_path / "run") == bundles(expected)
    assert (tmp_path / f"run/samples/step_{STEPS:07d}.png").read_bytes() == (expected / f"samples/step_{STEPS:07d}.png").read_bytes()


def test_what_a_killed_writer_left_behind_is_swept(largest: tuple[str, Path], started: Started, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    command = started(largest[0], run_dir)
    left = [run_dir / "bundles/.a2b.77.tmp.safetensors", run_dir / "samples/.step_0000001.77.tmp.png", run_dir / ".config.77.tmp.yaml"]
    for file in left:
        file.write_bytes(b"half")
    assert train_command(command) == 0
    assert not any(file.exists() for file in left)


def test_a_full_disk_stops_the_run_and_keeps_what_was_saved(straight: tuple[str, Path], started: Started, tmp_path: Path) -> None:
    """No file may grow beyond 20 000 bytes: checkpoints fail."""
    name, expected = straight
    check_full_disk(started(name, tmp_path / "run"), 20_000, expected, tmp_path)


def test_a_disk_that_takes_no_line_more_stops_the_run(
    largest: tuple[str, Path], data: Path, trained: Callable[..., Path], tmp_path: Path
) -> None:
    """Beyond 150 bytes nothing is written."""
    name, expected = largest
    shutil.copytree(trained(name, "train.steps=2"), tmp_path / "run")
    check_full_disk(arguments(name, data, tmp_path / "run", "data.workers=0"), 150, expected, tmp_path)


def check_full_disk(command: list[str], largest_file: int, expected: Path, folder: Path) -> None:
    run_dir = folder / "run"
    before = {path: path.read_bytes() for path in (run_dir / "checkpoints").rglob("*") if path.is_file()}
    done = warm.run([ROOT / "train.py", *command], folder, largest_file=largest_file)
    assert done.returncode == 2, done.stderr[-2000:]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "make room" in line or "cannot be written" in line
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in (run_dir / "checkpoints").rglob("*") if path.is_file()} == before
    assert train_command(command) == 0
    assert networks(run_dir) == networks(expected)
    assert [line["step"] for line in metrics(run_dir) if line["step"] % 2 == 0] == [2, 4, 6]


def test_a_line_that_could_not_be_logged_is_never_skipped(
    largest: tuple[str, Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for one line and free again for the checkpoint: the line comes back when its steps do."""
    name, expected = largest
    write = engine_run.MetricsLog.write

    def refuse_once(log: engine_run.MetricsLog, step: int, values: dict) -> None:
        if step == 4:
            monkeypatch.setattr(engine_run.MetricsLog, "write", write)
            raise OSError(28, "No space left on device")
        write(log, step, values)

    monkeypatch.setattr(engine_run.MetricsLog, "write", refuse_once)
    command = arguments(name, data, tmp_path / "run", "data.workers=0")
    with pytest.raises(UserError, match=r"metrics\.jsonl: cannot be written \(No space left on device\)"):
        train_command(command)
    assert train_command(command) == 0
    assert networks(tmp_path / "run") == networks(expected)
    assert metrics(tmp_path / "run") == metrics(expected)


def test_the_time_allowed_ends_a_run_unfinished(
    largest: tuple[str, Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, expected = largest
    command = arguments(name, data, tmp_path / "run", "data.workers=0")
    assert train_command([*command, "train.max_minutes=0.0000001"]) == 0
    said = capsys.readouterr()
    assert "not finished: 0 of 7 steps" in said.out + said.err
    manifest = json.loads(next((tmp_path / "run/checkpoints").iterdir()).joinpath("manifest.json").read_text())
    assert manifest["step"] < STEPS
    assert train_command([*command, "train.max_minutes=60"]) == 0
    assert networks(tmp_path / "run") == networks(expected)


def test_a_folder_in_use_is_refused_by_the_command(largest: tuple[str, Path], started: Started, tmp_path: Path) -> None:
    """The second of two runs at once is told so; the first one's files are left alone."""
    run_dir = tmp_path / "run"
    command = started(largest[0], run_dir)
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    from gan_style.files.lock import FileLock

    lock = FileLock(run_dir / ".lock")
    lock.acquire()
    try:
        done = warm.run([ROOT / "train.py", *command], tmp_path)
    finally:
        lock.release()
    assert done.returncode == 2
    assert f"in use by process {os.getpid()} on" in done.stderr
    assert {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file() and path.name != ".lock"} == {
        path: content for path, content in before.items() if path.name != ".lock"
    }
