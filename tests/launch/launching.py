"""Launches of real trainings, as small as can be, on the CPU.

A launcher is a warm process: it is the library's, and what it starts are interpreters.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import warm
from children import heeding
from smoke import ROOT, smoke_arguments

LAUNCH = ROOT / "configs" / "launch"
ENDLESS = 100000  # steps
ACCELERATE = ["-m", "accelerate.commands.launch"]
TORCHRUN = ["-m", "torch.distributed.run"]


def arguments(data: Path, run_dir: Path, *overrides: str) -> list[str]:
    """train.py's arguments."""
    return smoke_arguments("pix2pix", data, run_dir, "logging.samples=0", "logging.every=1", *overrides)


def environment(*first: Path, **variables: str) -> dict[str, str]:
    """One thread on the CPU, with this tree's package and this Python's commands, and before them the folders `first`, on the path."""
    path = [*map(str, first), str(Path(sys.executable).parent), os.environ["PATH"]]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ACCELERATE_", "PET_", "SLURM_", "TORCH"))}
    ours = {"PATH": os.pathsep.join(path), "PYTHONPATH": warm.PYTHONPATH, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    return {**inherited, **ours, **variables}


@contextmanager
def started(command: list[str], log: Path, env: dict[str, str], cwd: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """A command running in the repository, or in `cwd`, with its output in `log`; what is left of it at the end is killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True, preexec_fn=heeding)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()


def wait_for(path: Path, process: subprocess.Popen[bytes] | warm.WarmProcess, log: Path) -> None:
    """Until `path` is there; an error where the process ends before."""
    give_up = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < give_up, log.read_text()[-3000:]
        time.sleep(0.05)


def newest(run_dir: Path) -> dict[str, int]:
    """The manifest of the newest checkpoint."""
    return json.loads((max((run_dir / "checkpoints").glob("step_*")) / "manifest.json").read_text())


def free_port(first: int = 20000, last: int = 29999) -> int:
    """A port that nobody listens on."""
    for port in range(first + os.getpid() % (last - first), last):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port up to {last}")
