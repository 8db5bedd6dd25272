"""The real command, interrupted: the same bits come out, whatever loads the data and wherever the run is cut."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import warm
from runs import STEPS, arguments, bundles, metrics, networks
from smoke import ROOT
from warm import WarmProcess

from gan_style.commands.train import train_command
from gan_style.datasets import resized
from gan_style.errors import UserError
from gan_style.methods import METHODS


def test_stopped_twice_equals_uninterrupted(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    for steps in (2, 3, STEPS):
        assert train_command(arguments(name, data, tmp_path / "run", "data.workers=0", f"train.steps={steps}")) == 0
    assert networks(tmp_path / "run") == networks(expected)
    final = [[line for line in metrics(run) if line["step"] % 2 == 0] for run in (tmp_path / "run", expected)]
    assert final[0] == final[1]
    assert bundles(tmp_path / "run") == bundles(expected)
    sample = f"samples/step_{STEPS:07d}.png"
    assert (tmp_path / "run" / sample).read_bytes() == (expected / sample).read_bytes()


def test_data_loading_processes_change_nothing(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    for steps in (3, STEPS):
        assert train_command(arguments(name, data, tmp_path / "run", "data.workers=2", f"train.steps={steps}")) == 0
    assert networks(tmp_path / "run") == networks(expected)


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_cached_images_change_nothing(kind: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that begins without the cache goes on with it, while it is filled and when it is full."""
    monkeypatch.setattr(resized, "_SETTLED", 0)  # the images may have been drawn just now
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    command = arguments("pix2pix", data, tmp_path / "straight", "data.workers=0")
    assert train_command(command) == 0
    for steps, cache in ((1, "off"), (3, kind), (STEPS, kind)):
        workers = "data.workers=2" if steps == 3 else "data.workers=0"
        assert train_command(arguments("pix2pix", data, tmp_path / "run", f"data.cache={cache}", workers, f"train.steps={steps}")) == 0
    assert networks(tmp_path / "run") == networks(tmp_path / "straight")
    assert (tmp_path / "cache" / "images").exists() == (kind == "disk")


def test_a_finished_run_is_left_alone(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    shutil.copytree(expected, tmp_path / "run")
    assert train_command(arguments(name, data, tmp_path / "run", "data.workers=0")) == 0
    assert networks(tmp_path / "run") == networks(expected)


def test_a_damaged_file_is_named_and_loses_no_step(straight: tuple[str, Path], data: Path, tmp_path: Path) -> None:
    name, expected = straight
    workers = 2 if METHODS[name].needs == "pairs" else 0
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    damaged = copied / "trainA" / "003.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    # The data folder is part of a run's configuration: both runs must call it by the same name.
    command = arguments(name, copied, tmp_path / "run", f"data.workers={workers}")
    with pytest.raises(UserError, match=r"003\.png"):
        train_command(command)
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert json.loads((checkpoint / "manifest.json").read_text())["step"] <= 2, "each epoch of 5 pairs shows each of them"
    damaged.write_bytes(whole)
    assert train_command(command) == 0
    assert networks(tmp_path / "run") == networks(expected)


ENDLESS = 100000  # steps


@contextmanager
def started(data: Path, folder: Path, *overrides: str, ignored: Sequence[str] = ()) -> Iterator[WarmProcess]:
    """The command, in a session of its own, once it has logged its first step; what it says goes to folder/log."""
    command = [ROOT / "train.py", *arguments("pix2pix", data, folder / "run", "data.workers=2", f"train.steps={ENDLESS}", *overrides)]
    process = warm.start(command, folder, stdout=folder / "log", stderr=folder / "log", ignored=ignored)
    with warm.ended(process):
        wait_for_steps(folder / "run", 1, process)
        yield process


def wait_for_steps(run_dir: Path, lines: int, process: WarmProcess, seconds: float = 240) -> None:
    """Until the log has so many lines, the process has ended, or the time is over."""
    log, give_up = run_dir / "metrics.jsonl", time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < give_up and not (log.exists() and len(metrics(run_dir)) >= lines):
        time.sleep(0.1)


def newest_step(run_dir: Path) -> int:
    (checkpoint,) = (run_dir / "checkpoints").iterdir()
    return json.loads((checkpoint / "manifest.json").read_text())["step"]


@pytest.mark.parametrize(
    ("signal_sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGUSR1, 143)]
)
def test_a_signal_saves_first_and_the_same_command_goes_on(signal_sent: int, code: int, data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path) as process:
        os.killpg(process.pid, signal_sent)  # the whole group, as a terminal's Ctrl-C does
        assert process.wait(timeout=120) == code, (tmp_path / "log").read_text()[-2000:]
    assert "Traceback" not in (tmp_path / "log").read_text()
    step = newest_step(tmp_path / "run")
    assert 0 < step < ENDLESS

    cut = step + 2
    assert train_command(arguments("pix2pix", data, tmp_path / "run", "data.workers=2", f"train.steps={cut}")) == 0
    assert train_command(arguments("pix2pix", data, tmp_path / "straight", "data.workers=2", f"train.steps={cut}")) == 0
    assert networks(tmp_path / "run", cut) == networks(tmp_path / "straight", cut)


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path, ignored=("SIGINT", "SIGHUP")) as process:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGHUP):
            os.killpg(process.pid, number)
        wait_for_steps(tmp_path / "run", len(metrics(tmp_path / "run")) + 3, process)
        assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=120) == 143
    assert 0 < newest_step(tmp_path / "run") < ENDLESS
