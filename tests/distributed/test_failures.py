"""What happens to one of two processes is dealt with by both: killed, signalled, or fed a broken file."""

import json
import signal
import time
from pathlib import Path

import pytest
import warm
from pictures import draw_folders
from runs import bundles, metrics, networks
from smoke import ROOT, smoke_arguments

EXACT = ["method.generator.norm=instance", "method.discriminator.norm=instance", "method.generator.dropout=false", "logging.samples=0"]


def arguments(data: Path, run_dir: Path, *overrides: str) -> list[str]:
    return [str(ROOT / "train.py"), *smoke_arguments("pix2pix", data, run_dir, *EXACT, "logging.every=5", *overrides)]


def torchrun(command: list[str], folder: Path) -> int:
    """The exit code of torchrun with two processes; what they say goes to folder/log."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    log = folder / "log"
    process = warm.start([*launch, *command], folder, {"ACCELERATE_USE_CPU": "true"}, stdout=log, stderr=log)
    with warm.ended(process):
        return process.wait()


def wait_for(path: Path, process: warm.WarmProcess) -> None:
    give_up = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    assert path.exists(), (path.parents[1] / "log").read_text()[-3000:]


def test_a_killed_process_is_recovered_from(tmp_path: Path) -> None:
    """Both end, and start anew from the newest checkpoint: the result is the uninterrupted one's. tests/launch has torchrun."""
    data = draw_folders(tmp_path / "data")
    steps = ["train.steps=20", "train.checkpoint_every=13"]  # in the middle of a window of the log
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir()
    killed.mkdir()
    assert warm.run_ranks(arguments(data, straight / "run", *steps), 2, straight, straight / "log") == [0, 0]
    _, *options = arguments(data, killed / "run", *steps)
    mortal = [str(ROOT / "tests/mortal.py"), *options]
    deadly = {"KILLED": str(killed / "mark"), "KILLED_BEFORE": "17"}
    survivor, victim = warm.run_ranks(mortal, 2, killed, killed / "log", env=deadly)
    assert survivor > 0 and victim == -signal.SIGKILL
    assert warm.run_ranks(mortal, 2, killed, killed / "log", env=deadly) == [0, 0], (killed / "log").read_text()[-3000:]
    assert "going on after step 13" in (killed / "log").read_text()
    assert networks(killed / "run", 20) == networks(straight / "run", 20)
    assert bundles(killed / "run") == bundles(straight / "run")
    assert metrics(killed / "run") == metrics(straight / "run")


def test_a_signal_to_one_process_stops_both_with_a_checkpoint(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    said = tmp_path / "log"
    ranks = warm.start_ranks(arguments(data, tmp_path / "run", "train.steps=100000"), 2, tmp_path, stdout=said, stderr=said)
    with warm.ended(*ranks):
        wait_for(tmp_path / "run" / "metrics.jsonl", ranks[1])
        ranks[1].send_signal(signal.SIGUSR1)
        assert [rank.wait(timeout=120) for rank in ranks] == [143, 143], said.read_text()[-3000:]
    log = said.read_text()
    assert "; a checkpoint is saved" in log and "next: the same command goes on after step" in log
    assert f'File "{ROOT}/gan_style' not in log, "a traceback of ours"
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    assert json.loads((newest / "manifest.json").read_text())["processes"] == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_of_one_process_ends_both_and_loses_no_step(workers: int, tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data", train=5)
    broken = data / "trainA" / "003.png"
    whole = broken.read_bytes()
    command = arguments(data, tmp_path / "run", "train.steps=6", "train.checkpoint_every=100", f"data.workers={workers}")
    broken.write_bytes(whole[: len(whole) // 2])
    if workers:
        assert torchrun(command, tmp_path) != 0
        assert "exitcode  : 2" in (tmp_path / "log").read_text(), "the first to end has this code, though torchrun signals the other one"
    else:
        assert warm.run_ranks(command, 2, tmp_path, tmp_path / "log") == [2, 2]
    log = (tmp_path / "log").read_text()
    assert "error: " in log
    assert "003.png: damaged or cut short" in log
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()  # of the steps before the broken file
    assert json.loads((checkpoint / "manifest.json").read_text())["step"] <= 2

    broken.write_bytes(whole)
    (tmp_path / "straight").mkdir()
    straight = arguments(data, tmp_path / "straight" / "run", "train.steps=6", "train.checkpoint_every=100", f"data.workers={workers}")
    for again, folder in ((command, tmp_path), (straight, tmp_path / "straight")):
        assert warm.run_ranks(again, 2, folder, folder / "log") == [0, 0], (folder / "log").read_text()[-3000:]
    assert networks(tmp_path / "run", 6) == networks(tmp_path / "straight" / "run", 6)


def test_a_changed_data_set_ends_both_and_may_be_accepted_by_both(tmp_path: Path) -> None:
    """The main process alone compares; the other one hears of it, and neither waits."""
    data = draw_folders(tmp_path / "data", train=5)
    command = arguments(data, tmp_path / "run", "train.steps={}", "data.workers=0")
    start, again = ([part.format(steps) if part.startswith("train.steps") else part for part in command] for steps in (4, 6))
    said = tmp_path / "log"
    assert warm.run_ranks(start, 2, tmp_path, said) == [0, 0], said.read_text()[-3000:]
    for domain in "AB":
        (data / f"train{domain}" / "002.png").unlink()
    said.unlink()
    assert warm.run_ranks([*again, "optim.extend=hold"], 2, tmp_path, said) == [2, 2], said.read_text()[-3000:]
    log = said.read_text()
    assert sum("error: data.root: " in line for line in log.splitlines()) == 1, log[-3000:]
    assert "has changed since the first 4 steps" in log and "002" in log
    assert f'File "{ROOT}/gan_style' not in log, "a traceback of ours"
    assert [folder.name for folder in (tmp_path / "run" / "checkpoints").iterdir()] == ["step_0000004"]

    assert warm.run_ranks([*again, "optim.extend=hold", "data.changed=accept"], 2, tmp_path, said) == [0, 0], said.read_text()[-3000:]
    assert "from step 5 on it trains on a changed data set: " in (tmp_path / "log").read_text()
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    manifest = json.loads((newest / "manifest.json").read_text())
    assert (manifest["step"], manifest["processes"]) == (6, 2)
