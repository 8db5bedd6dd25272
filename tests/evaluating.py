"""`gan-style evaluate` in this process, with networks of random weights; trainings whose validation measured the same."""

import json
from pathlib import Path
from typing import Any

from smoke import smoke_arguments

from gan_style.__main__ import run
from gan_style.commands.train import train_command

RANDOM = {"features": "random", "structure": "random", "lpips": "random"}
NETWORKS = [argument for name, value in RANDOM.items() for argument in (f"--{name}", value)]
SETTINGS = [f"validation.{name}={value}" for name, value in RANDOM.items()]


def train(name: str, data: Path, run_dir: Path, metrics: str, *overrides: str) -> dict[str, float]:
    """Train two steps; returns what validation measured after the second."""
    changes = ["train.steps=2", "train.validate_every=2", f"validation.metrics=[{metrics}]", "logging.samples=0", *SETTINGS, *overrides]
    assert train_command(smoke_arguments(name, data, run_dir, *changes)) == 0
    last = json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])
    return {key.removeprefix("val/"): value for key, value in last.items() if key.startswith("val/")}


def evaluate(*arguments: object) -> dict[str, Any]:
    path = Path("scores.json")
    path.unlink(missing_ok=True)
    assert run(["evaluate", *map(str, arguments), "--json", str(path)]) == 0
    return json.loads(path.read_text())
