"""infer.py on pictures that it translates by regions: command lines, results, kills."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from smoke import ROOT

from gan_style.files import images

Main = Callable[..., int]


def command(*options: str, model: str = "a.safetensors", input: str = "in", output: str = "out") -> list[str]:
    return ["--model", model, "--input", input, "--output", output, "--device", "cpu", *options]


def read(path: str, channels: int = 3) -> np.ndarray:
    return images.read(Path(path), channels).pixels.astype(int)


def differ(one: str, other: str, channels: int = 3) -> int:
    return int(np.abs(read(one, channels) - read(other, channels)).max())


def error(captured: pytest.CaptureFixture[str]) -> str:
    lines = captured.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def kill_within(options: list[str], reached: Callable[[], bool]) -> None:
    """Start infer and kill it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(ROOT / "infer.py"), *options], env=environment)
    while process.poll() is None and not reached():
        time.sleep(0.002)
    process.kill()
    assert process.wait() != 0, "it ended before it was killed"
