"""Kills trainings at random moments and compares the results with uninterrupted ones: python benchmarks/crash_campaign.py --kills 50.

For pix2pix and cyclegan, 0 and 2 data loading processes, one process and two under torchrun: one run is left alone, another
is killed with SIGKILL again and again and started again with the same command. In the end both must have the same bits in every
network, bundle and sample grid, and the same lines in metrics.jsonl, each step once. A kill comes

  start   at a random moment after the start, mostly before the first step
  step    at a random moment of training
  save    inside a save of a checkpoint or bundle, which is made slow on purpose
  orphan  to the training process alone, whose data loading processes outlive it for a while

Prints a table; exits with 1 where anything differs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import psutil
from tqdm import tqdm

from gan_style.demo.sets import draw_paired

ROOT = Path(__file__).parents[1]
STEPS = 60
CLOCKS = {"time", "images_per_second", "data_wait"}  # what no two runs have in common


@dataclass
class Scenario:
    """One method in one setting, and what its kills met."""

    method: str
    workers: int
    processes: int
    kills: Counter[str] = field(default_factory=Counter)
    inside_saves: int = 0  # kills that left a half-written file behind
    runs: int = 0
    differences: list[str] = field(default_factory=list)

    def command(self, data: Path, run_dir: Path, program: str = "train.py") -> list[str]:
        """The training's command line."""
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"] if self.processes == 2 else []
        return [
            sys.executable,
            *launcher,
            str(ROOT / program),
            f"--config={ROOT}/configs/smoke/{self.method}.yaml",
            f"run_dir={run_dir}",
            f"data.root={data}",
            f"data.workers={self.workers}",
            f"train.steps={STEPS}",
            "train.checkpoint_every=7",
            "train.ema_decay=0.9",
            "logging.every=3",
            "logging.samples_every=20",
            "logging.alarm_after=6",
        ]


def main() -> int:
    """Run the campaign; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="over all settings (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    scenarios = [Scenario(*setting) for setting in product(("pix2pix", "cyclegan"), (0, 2), (1, 2))]
    with tempfile.TemporaryDirectory() as folder, tqdm(total=options.kills, unit="kill", disable=None) as bar:
        data = Path(folder, "data")
        draw_paired(data, train=9, val=2, size=40)
        for number, scenario in enumerate(scenarios):
            count = options.kills // len(scenarios) + (number < options.kills % len(scenarios))
            campaign(scenario, count, data, Path(folder, f"setting_{number}"), chance, bar)
    print(table(scenarios))
    return 1 if any(scenario.differences for scenario in scenarios) else 0


def campaign(scenario: Scenario, kills: int, data: Path, folder: Path, chance: random.Random, bar: tqdm) -> None:
    """Kill `kills` times, over as many runs as that takes, each compared with one that was left alone."""
    folder.mkdir()
    straight = folder / "run"  # the name stands in the bundle's neighbours: both runs get the same
    finish(scenario, data, straight, folder / "straight.log")
    expected = result(straight)
    straight.rename(folder / "straight")
    moments = ["step", "save", "start", *(["orphan"] if scenario.processes == 1 and scenario.workers else [])]
    while kills > 0:
        scenario.runs += 1
        log = folder / f"killed_{scenario.runs}.log"
        for attempt in range(kills):
            moment = moments[attempt % len(moments)]
            if not kill(scenario, moment, data, folder / "run", log, chance):
                break  # it was finished before the kill came
            kills -= 1
            scenario.kills[moment] += 1
            scenario.inside_saves += any((folder / "run").glob("*/.saving_*")) or any((folder / "run").glob("**/.*.tmp*"))
            bar.update()
        finish(scenario, data, folder / "run", log)
        scenario.differences += different(expected, result(folder / "run"))
        (folder / "run").rename(folder / f"killed_{scenario.runs}")


def finish(scenario: Scenario, data: Path, run_dir: Path, log: Path) -> None:
    """Run the training to its end."""
    process = start(scenario.command(data, run_dir), log)
    if process.wait() != 0:
        raise SystemExit(f"{scenario}: ended with {process.returncode}:\n{log.read_text()[-4000:]}")


def kill(scenario: Scenario, moment: str, data: Path, run_dir: Path, log: Path, chance: random.Random) -> bool:
    """Start the training and kill it; False where it ended before."""
    program = "benchmarks/tools/slow_saves.py" if moment == "save" else "train.py"
    done = logged(run_dir)
    process = start(scenario.command(data, run_dir, program), log)
    if moment == "start":
        wait(process, chance.uniform(0, 8))
    elif moment == "save":
        while process.poll() is None and not any((run_dir / "checkpoints").glob(".saving_*")):
            time.sleep(0.005)
        wait(process, chance.uniform(0, 3))
    else:
        lines = chance.randint(1, 4)
        while process.poll() is None and logged(run_dir) < done + lines:
            time.sleep(0.005)
        wait(process, chance.uniform(0, 0.3))
    if process.poll() is not None:
        return False
    victims = [psutil.Process(process.pid)]
    if moment != "orphan":
        victims += victims[0].children(recursive=True)
    for victim in victims:
        try:
            victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    process.wait()
    return True


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a training with one thread a process on the CPU."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)}
    with log.open("a") as file:
        return subprocess.Popen(command, env=environment, cwd=log.parent, stdout=file, stderr=file)


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait, but not longer than the process lives."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


def logged(run_dir: Path) -> int:
    """Lines in the log."""
    path = run_dir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def result(run_dir: Path) -> dict[str, object]:
    """Everything that two equal runs have in common, by name."""
    files = [*run_dir.glob("bundles/*"), *run_dir.glob("samples/*"), run_dir / f"checkpoints/step_{STEPS:07d}/networks.safetensors"]
    found: dict[str, object] = {str(path.relative_to(run_dir)): path.read_bytes() for path in files}
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    found["steps in metrics.jsonl"] = [line["step"] for line in lines]
    found["metrics.jsonl"] = [{key: value for key, value in line.items() if key not in CLOCKS} for line in lines]
    return found


def different(expected: dict[str, object], got: dict[str, object]) -> list[str]:
    """The names of what differs."""
    return [name for name in sorted(expected.keys() | got.keys()) if expected.get(name) != got.get(name)]


def table(scenarios: list[Scenario]) -> str:
    """The outcome as a Markdown table."""
    lines = ["| method | workers | processes | kills | of them inside a save | runs | result |", "|---|---|---|---|---|---|---|"]
    for scenario in scenarios:
        kinds = ", ".join(f"{count} {moment}" for moment, count in sorted(scenario.kills.items()))
        outcome = f"differs: {', '.join(scenario.differences)}" if scenario.differences else "equal bits"
        lines.append(
            f"| {scenario.method} | {scenario.workers} | {scenario.processes} | {scenario.kills.total()} ({kinds}) "
            f"| {scenario.inside_saves} | {scenario.runs} | {outcome} |"
        )
    total, equal = sum(s.kills.total() for s in scenarios), sum(s.kills.total() for s in scenarios if not s.differences)
    return "\n".join([*lines, "", f"{equal} of {total} kills in runs that ended with equal bits"])


if __name__ == "__main__":
    sys.exit(main())
