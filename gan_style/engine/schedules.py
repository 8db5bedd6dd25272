"""The learning rate as a pure function of the step: it needs no saved state and does not depend on the number of processes."""

import math

from gan_style.config.schema import OptimConfig
from gan_style.errors import UserError

ENDLESS = 2**52  # the steps of a schedule whose length is not known yet


def learning_rate(config: OptimConfig, step: int, planned_steps: int, player: str = "", warm_up: int = 0) -> float:
    """The learning rate of `player` in step `step` (from 0) of a schedule of `planned_steps` steps.

    In the first `warm_up` steps it is the share (step + 1) / warm_up of the schedule's rate:

    linear:  constant until the share `decay_start` of the run, then linear to 0, which it would reach one step after the last
    cosine:  the same, but along half a cosine
    step:    multiplied by `step_gamma` after each share `step_every` of the run
    Steps beyond the schedule have the rate of its last step, which is never 0. All steps of an ENDLESS schedule have the rate of the first.
    """
    lr = config.player_lr.get(player, config.lr)
    if step < warm_up:
        lr *= (step + 1) / warm_up
    step = 0 if planned_steps == ENDLESS else min(step, planned_steps - 1)
    match config.schedule:
        case "constant":
            return lr
        case "step":
            drops = math.floor(step / (config.step_every * planned_steps) + 1e-9)
            return lr * config.step_gamma**drops
        case "linear":
            return lr * (1.0 - _fallen(config, step, planned_steps))
        case "cosine":
            return lr * 0.5 * (1.0 + math.cos(math.pi * _fallen(config, step, planned_steps)))


def warm_up_steps(config: OptimConfig, planned_steps: int) -> int:
    """The steps of the warm-up that `optim.warmup` asks for. `UserError` for a share of an ENDLESS schedule."""
    if config.warmup >= 1:
        return int(config.warmup)
    if config.warmup and planned_steps == ENDLESS:
        raise UserError(
            f"optim.warmup: {config.warmup:g} is a share of the schedule, whose length train.minutes does not tell at first; give the "
            "number of steps, such as optim.warmup=500"
        )
    return math.ceil(config.warmup * planned_steps - 1e-9)


def _fallen(config: OptimConfig, step: int, planned_steps: int) -> float:
    """The share of the decay before this step, in [0, 1]."""
    start = config.decay_start * planned_steps
    return min(1.0, max(0.0, (step - start) / max(1.0, planned_steps - start)))
