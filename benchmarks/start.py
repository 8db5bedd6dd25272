"""The start: python benchmarks/start.py [--repeats 5].

Measures each verb's --help, a mistake in a configuration of each kind, `gan-style keys`, and a smoke run until its first step is logged.
Each is a fresh process in a folder of its own, and they take turns. Prints a table: processor seconds (user and system), which other
work on the machine changes little, and seconds on the wall. PYTHONPATH chooses the package that is measured. Linux only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

SMOKE = ("train", "--config", "smoke/pix2pix")
COMMANDS = {
    "--help": ("--help",),
    **{f"{verb} --help": (verb, "--help") for verb in ("train", "infer", "evaluate", "report", "prepare")},
    "keys": ("keys",),
    "no such recipe": ("train", "--config", "smoke/pix2pixx"),
    "broken override": (*SMOKE, "optim.lr=["),
    "unknown key": (*SMOKE, "optim.lrx=1"),
    "first step": (*SMOKE, "run_dir=run"),
}
LOG = Path("run/metrics.jsonl")
POLL = 0.005  # seconds between two looks at the log

Seconds = tuple[float, float]  # of the processors, on the wall


def main() -> None:
    """Draw the demo data, measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    measured: dict[str, list[Seconds]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        to_the_end(("prepare", "demo", "smoke"), home)
        for number in range(repeats):
            for name, command in COMMANDS.items():
                place = home / f"{number} {name}"
                place.mkdir()
                (place / "data").symlink_to(home / "data")
                measured[name].append((to_first_step if name == "first step" else to_the_end)(command, place))
    print("| command | processor, s: least, median, most | wall, s: least, median, most |")
    print("|---|---|---|")
    for name, seconds in measured.items():
        print(f"| {name} | " + " | ".join(spread(each) for each in zip(*seconds, strict=True)) + " |")


def spread(seconds: Sequence[float]) -> str:
    """Least, median, most."""
    return f"{min(seconds):.2f}, {statistics.median(seconds):.2f}, {max(seconds):.2f}"


def to_the_end(command: tuple[str, ...], folder: Path) -> Seconds:
    """The seconds of a process until it ends."""
    begun = time.perf_counter()
    process = start(command, folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 2):
        raise SystemExit(f"gan-style {' '.join(command)} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begun


def to_first_step(command: tuple[str, ...], folder: Path) -> Seconds:
    """The seconds of a training until its first step is logged. The process is killed then."""
    begun = time.perf_counter()
    process = start(command, folder)
    log = folder / LOG
    try:
        while not (log.is_file() and log.stat().st_size):
            if process.poll() is not None:
                raise SystemExit(f"gan-style {' '.join(command)} ended before its first step")
            time.sleep(POLL)
        wall = time.perf_counter() - begun
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]  # utime and stime, proc_pid_stat(5)
    finally:
        process.kill()
        process.wait()
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), wall


def start(command: tuple[str, ...], folder: Path) -> "subprocess.Popen[bytes]":
    """Start `gan-style COMMAND...` in a folder, without its output."""
    return subprocess.Popen([sys.executable, "-m", "gan_style", *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
