"""The learning rate as a pure function of the step: it needs no saved state and does not depend on the number of processes."""

import math

from gan_style.config.schema import OptimConfig

ENDLESS = 2**52  # the steps of a schedule whose length is not known yet


def learning_rate(config: OptimConfig, step: int, planned_steps: int, player: str = "") -> float:
    """The learning rate of `player` in step `step` (from 0) of a schedule of `planned_steps` steps.

    linear:  constant until the share `decay_start` of the run, then linear to 0, which it would reach one step after the last
    cosine:  the same, but along half a cosine
    step:    multiplied by `step_gamma` after each share `step_every` of the run
    Steps beyond the schedule have the rate of its last step, which is never 0. All steps of an ENDLESS schedule have the rate of the first.
    """
    lr = config.player_lr.get(player, config.lr)
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


def _fallen(config: OptimConfig, step: int, planned_steps: int) -> float:
    """The share of the decay before this step, in [0, 1]."""
    start = config.decay_start * planned_steps
    return min(1.0, max(0.0, (step - start) / max(1.0, planned_steps - start)))
