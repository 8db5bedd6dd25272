"""train.py, in which the process of rank 1 is killed once, before step KILLED_BEFORE; the file KILLED is then there."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from gan_style.__main__ import run
from gan_style.commands.running import leave
from gan_style.engine.health import StepResult
from gan_style.engine.trainer import Trainer


def train() -> int:
    step, killed = Trainer.step, Path(os.environ["KILLED"])

    def step_or_die(trainer: Trainer, number: int, *rest: Any) -> StepResult:
        if number >= int(os.environ["KILLED_BEFORE"]) and trainer.accelerator.process_index == 1 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(trainer, number, *rest)

    Trainer.step = step_or_die  # type: ignore[method-assign]
    return run(["train", *sys.argv[1:]])


if __name__ == "__main__":
    leave(train())
