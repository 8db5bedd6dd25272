"""The numbers that a run logs: running means of the losses, and metrics.jsonl."""

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import atomic


class LossMeans:
    """Means of the steps' scalars since the last line of the log. Sums stay on the device: `add` does not wait for it, `means` does.

    A value that is not finite does not count: it belongs to a step that was skipped or that ends the run.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], Tensor] = {}  # names that came together -> [2, names]: sums and counts

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step's scalars, in a number of operators that does not depend on how many they are."""
        if not values:
            return
        names, stacked = tuple(values), torch.stack(list(values.values()))
        finite = stacked.isfinite()
        counted = torch.stack([torch.where(finite, stacked, 0.0), finite.to(stacked)])
        self._sums[names] = self._sums[names] + counted if names in self._sums else counted

    def means(self, accelerator: Accelerator) -> dict[str, float]:
        """Means over the steps and the processes, read in one transfer; NaN if no value counted. Called by every process."""
        pairs = self.state()
        if not pairs:
            return {}
        over_processes: Any = accelerator.reduce(torch.stack(list(pairs.values())), reduction="mean")
        return {name: total / count if count else math.nan for name, (total, count) in zip(pairs, over_processes.tolist(), strict=True)}

    def reset(self) -> None:
        """Drop all sums."""
        self._sums = {}

    def state(self) -> dict[str, Tensor]:
        """This process's sums and counts: name -> [sum, count]."""
        pairs: dict[str, Tensor] = {}
        for names, sums in self._sums.items():
            for name, pair in zip(names, sums.unbind(dim=1), strict=True):
                pairs[name] = pairs[name] + pair if name in pairs else pair
        return pairs

    def load_state(self, states: Sequence[Mapping[str, Tensor]], process: int, processes: int, device: torch.device) -> None:
        """Restore the `state`s of the processes that saved. If the number of processes has changed, each one takes their average."""
        if len(states) == processes:
            pairs = {name: pair.to(device) for name, pair in states[process].items()}
        else:
            pairs = {name: torch.stack([state[name] for state in states]).mean(dim=0).to(device) for name in states[0]}
        self._sums = {tuple(pairs): torch.stack(list(pairs.values()), dim=1)} if pairs else {}


class Stopwatch:
    """Throughput, and the share of time that was spent waiting for data, since the last line of the log."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.waited = 0.0
        self.images = 0

    def leave_out(self, seconds: float) -> None:
        """Exclude `seconds` that were not spent on training."""
        self.start += seconds

    def read(self) -> dict[str, float]:
        """`images_per_second` over all processes and `data_wait` in [0, 1]. Restarts the watch."""
        elapsed = max(time.perf_counter() - self.start, 1e-9)
        result = {"images_per_second": self.images / elapsed, "data_wait": min(1.0, self.waited / elapsed)}
        self.__init__()
        return result


class MetricsLog:
    """metrics.jsonl: one JSON object for each logged step. Only the main process writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rewind(self, step: int) -> None:
        """Drop the lines after `step` and a torn last line; the resumed run writes them again."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                continue
        try:
            atomic.write_text(self.path, "".join(kept))
        except OSError as refusal:
            raise UserError(f"{self.path}: cannot be written ({refusal.strerror}); make room, then the same command goes on") from None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append one line and flush it to the disk. Numbers that JSON cannot hold become null."""
        values = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "time": time.time(), **values}) + "\n")
            file.flush()
            os.fsync(file.fileno())
