"""Real runs of the smallest size, and what of two of them must be equal to the bit."""

import json
from pathlib import Path

from safetensors.torch import load_file
from smoke import smoke_arguments

STEPS = 7  # of 2 samples from 5 pairs: every cut is in the middle of an epoch


def arguments(name: str, data: Path, run_dir: Path, *overrides: str) -> list[str]:
    """train.py's arguments."""
    log = ["logging.every=2", "logging.samples=1", "train.checkpoint_every=100", f"train.steps={STEPS}"]
    return smoke_arguments(name, data, run_dir, *log, *overrides)


def networks(run_dir: Path, step: int = STEPS) -> dict[str, bytes]:
    """Every tensor of the checkpoint as bytes."""
    stored = load_file(run_dir / "checkpoints" / f"step_{step:07d}" / "networks.safetensors")
    return {key: value.contiguous().numpy().tobytes() for key, value in stored.items()}


def metrics(run_dir: Path) -> list[dict[str, float]]:
    """The log without what a clock puts in."""
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key == "step" or "/" in key} for line in lines]


def bundles(run_dir: Path) -> dict[str, bytes]:
    """Every bundle's bytes."""
    return {path.name: path.read_bytes() for path in sorted((run_dir / "bundles").iterdir())}
