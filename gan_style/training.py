"""The Python interface to training: `gan_style.train`."""

import json
import signal
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from gan_style import build
from gan_style.config.load import config_of, load_config
from gan_style.config.schema import RunConfig
from gan_style.engine.checkpoint import is_complete
from gan_style.methods import CONFIGS
from gan_style.report.record import read_record
from gan_style.translation.trained import TrainedTranslator, load


class TrainedRun:
    """A run folder after training. folder: its path

    The log is read once, and again when it has changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp: tuple[int, int] | None = None  # of the log as it was read
        self._lines: list[dict[str, Any]] = []

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, each with `step`, `time`, `loss/<name>`, `lr/<player>`, `val/<metric>` and more."""
        return [dict(line) for line in self._read()]

    @property
    def last(self) -> dict[str, Any]:
        """The newest value of each metric, by name."""
        return {name: value for line in self._read() for name, value in line.items()}

    @property
    def step(self) -> int:
        """The step of the log's last line."""
        lines = self._read()
        return int(lines[-1].get("step", 0)) if lines else 0

    @property
    def steps(self) -> int | None:
        """The length of the run in steps; None if no training has begun, or while `train.minutes` is measured."""
        return read_record(self.folder).steps

    @property
    def finished(self) -> bool:
        """Does the checkpoint of the run's last step exist?"""
        return self.steps is not None and is_complete(self.folder, self.steps)

    def load(
        self,
        direction: Literal["a2b", "b2a"] | None = None,
        *,
        device: str = "auto",
        precision: Literal["fp32", "bf16", "fp16"] = "fp32",
        compile: bool = False,
    ) -> TrainedTranslator:
        """The translator of the newest checkpoint, see `gan_style.load`."""
        return load(self.folder, direction=direction, device=device, precision=precision, compile=compile)

    def _read(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        path = self.folder / "metrics.jsonl"
        stamp = (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None
        if stamp != self._stamp:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if stamp else []
            self._stamp, self._lines = stamp, [values for line in lines if (values := _parsed(line))]
        return self._lines

    def __repr__(self) -> str:
        return f"<run {self.folder}, step {self.step} of {self.steps or '?'}>"


def train(config: str | PathLike[str] | Mapping[str, Any], overrides: Mapping[str, Any] | Sequence[str] = ()) -> TrainedRun:
    """Train as `gan-style train` does, and return the run; the same call goes on with a run that was stopped.

    config: the path of a YAML file, the name of a recipe (`cyclegan`), or a mapping of the same keys
    overrides: {"train.steps": 1000} or ["train.steps=1000"], laid over it

    It may be called in any thread, in a notebook and repeatedly, but one training at a time. In the main thread Ctrl-C ends the training
    after the present step, saves a checkpoint and raises `KeyboardInterrupt`; SIGTERM raises `SystemExit`. In other threads only
    `train.max_minutes` stops it. `UserError`, in one line, for every mistake of the user.
    """
    resolved = _resolved(config, overrides)
    code = build.train(resolved)
    if code == 128 + signal.SIGINT:
        raise KeyboardInterrupt(f"{resolved.run_dir}: a checkpoint is saved, and the same call goes on")
    if code:
        raise SystemExit(code)
    return TrainedRun(Path(resolved.run_dir))


def _resolved(config: str | PathLike[str] | Mapping[str, Any], overrides: Mapping[str, Any] | Sequence[str]) -> RunConfig[Any]:
    if isinstance(overrides, str):
        raise TypeError("overrides are a mapping or a list of 'dotted.key=value', not one text")
    if isinstance(config, Mapping):
        return config_of(config, overrides, CONFIGS, given_in="overrides")
    return load_config(Path(config), overrides, CONFIGS, given_in="overrides")


def _parsed(line: str) -> dict[str, Any] | None:
    """A line of the log; None for one that is torn."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
