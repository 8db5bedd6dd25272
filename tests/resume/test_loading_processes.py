"""The real command whose loading processes are killed, stopped, or given little shared memory."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from runs import arguments, metrics, networks
from smoke import ROOT
from test_interrupted import newest_step, started, wait_for_steps
from warm import WarmProcess

from gan_style.commands.train import train_command


def loading_processes(process: WarmProcess) -> list[int]:
    """The command's children that run Python code of ours, oldest first."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sorted(map(int, children))


def test_a_killed_loading_process_ends_the_run_in_one_line_and_loses_no_step(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path, "logging.every=1") as process:
        os.kill(loading_processes(process)[0], signal.SIGKILL)
        assert process.wait(timeout=120) == 2, (tmp_path / "log").read_text()[-2000:]
    said = (tmp_path / "log").read_text()
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: a loading process was killed (by the system's memory killer?); lower data.workers")
    assert "Traceback" not in said
    step = newest_step(tmp_path / "run")
    assert step == metrics(tmp_path / "run")[-1]["step"], "every step that was trained is saved"

    cut = step + 2
    for name in ("run", "straight"):
        assert train_command(arguments("pix2pix", data, tmp_path / name, "data.workers=2", "logging.every=1", f"train.steps={cut}")) == 0
    assert networks(tmp_path / "run", cut) == networks(tmp_path / "straight", cut)


def test_the_first_signal_ends_a_run_whose_loading_processes_hang(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path) as process:
        hanging = loading_processes(process)
        for child in hanging:
            os.kill(child, signal.SIGSTOP)
        before = -1
        while before != len(metrics(tmp_path / "run")):  # until it waits for them
            before = len(metrics(tmp_path / "run"))
            wait_for_steps(tmp_path / "run", before + 1, process, seconds=1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 143, (tmp_path / "log").read_text()[-2000:]
    assert newest_step(tmp_path / "run") > 0
    assert not any(Path(f"/proc/{child}").exists() for child in hanging)


def test_large_batches_need_no_shared_memory(tmp_path: Path) -> None:
    """2 MB of /dev/shm and two batches of 2 x 3 MB on their way, as in a container that has 64 MB."""
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], check=False).returncode
    ):
        pytest.skip("only who may mount file systems can make /dev/shm small")
    from PIL import Image

    for domain in "AB":
        (tmp_path / f"data/train{domain}").mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (260, 260), (9 * number, 60, 90)).save(tmp_path / f"data/train{domain}/{number}.png")
    large = ["train.steps=2", "data.workers=2", "train.batch_size=4", "data.load_size=260", "data.crop_size=256"]
    command = [sys.executable, str(ROOT / "train.py"), *arguments("pix2pix", tmp_path / "data", tmp_path / "run", *large)]
    small = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=2M tmpfs /dev/shm; exec "$@"', "sh"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*small, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
