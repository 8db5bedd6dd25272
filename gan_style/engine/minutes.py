"""The length of a run in minutes: its first steps are measured, then the number of steps that fits is fixed (docs/decisions/0033).

    warm-up      WARM_UP steps, then once each of what a run does beside steps: a validation, a sample grid, a checkpoint
    measurement  the further steps, until MEASURED of the minutes is over; at least one
    the rest     as many steps as fit, at the mean time of the measured ones, with what comes beside them at the cost of its newest time

Until the number is fixed every step has the first learning rate of the schedule, or its part in a warm-up. A step does not depend on the
time, so the run has the weights of one that was given this number as `train.steps`, if its schedule is constant at first.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from gan_style.config.schema import RunConfig
from gan_style.machine.device import wait_for

# The first steps choose kernels, reserve memory, compile, and find batches that were loaded before they were needed.
WARM_UP = 5
# The share of the minutes that is measured: long enough for a disturbance to count little, short enough for the schedule, which by default
# is constant for half of the run.
MEASURED = 0.1
_LEAST = 1e-9  # seconds; a step of a clock that stands still


class Timing:
    """The time that a run has taken, and that of its parts.

    started: a value of `clock`; device: is waited for before its time is read
    spent: seconds of training before this start; costs: seconds of the newest occurrence of what came beside steps, by its name
    fastest: steps in a minute without anything beside them, once they are measured
    """

    def __init__(self, started: float, device: torch.device, clock: Callable[[], float] = time.monotonic) -> None:
        self.started, self.device, self.clock = started, device, clock
        self.spent, self.fastest = 0.0, math.inf
        self.costs: dict[str, float] = {}
        self._aside = 0.0
        self._first: tuple[int, float] | None = None  # the step after the warm-up, and the time of steps until then

    @property
    def elapsed(self) -> float:
        """Seconds of training, over all starts."""
        return self.spent + self.clock() - self.started

    @contextmanager
    def beside(self, name: str) -> Iterator[None]:
        """While entered: the run does something beside steps."""
        began = self.clock()
        try:
            yield
        finally:
            self.costs[name] = self.clock() - began
            self._aside += self.costs[name]

    def measure(self, step: int) -> None:
        """The warm-up is over after `step`."""
        wait_for(self.device)
        self._first = step, self.elapsed - self._aside

    def fitting(self, step: int, config: RunConfig[Any]) -> int:
        """The number of steps that fits `train.minutes`, at least step + 1; 0 while the measurement goes on. step: steps done"""
        train = config.train
        allowed = 60 * (train.minutes or 0.0)
        if self._first is None or self._first[0] == step or self.elapsed < MEASURED * allowed:
            return 0
        wait_for(self.device)
        first, before = self._first
        every = {"validation": train.validate_every, "samples": config.logging.samples_every, "checkpoint": train.checkpoint_every}
        seconds = max(_LEAST, (self.elapsed - self._aside - before) / (step - first))
        self.fastest = 60 / seconds
        # The plan is saved now. At its end the run validates, saves and draws once more.
        left = allowed - self.elapsed - sum(self.costs.get(name, 0.0) for name in ("checkpoint", "validation", "checkpoint", "samples"))

        def taken(more: int) -> float:
            times = {name: (step + more) // each - step // each for name, each in every.items() if each}
            return more * seconds + sum(times[name] * self.costs.get(name, 0.0) for name in times)

        return step + max(1, bisect_right(range(max(0, int(left / seconds)) + 1), left, key=taken) - 1)
