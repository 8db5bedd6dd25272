"""The plan of a run: its length, the length of its learning rate schedule, and how both change when a run resumes with other keys.

A plan counts steps. It is made from its keys at the first start and stored in each checkpoint. Only a change of its keys changes it.
The plan of `train.minutes` is open at first, without a length and an end; `engine.minutes` fixes them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.agreement import Agreement
from gan_style.engine.folder import written_training
from gan_style.engine.schedules import ENDLESS, learning_rate, warm_up_steps
from gan_style.errors import UserError


@dataclass(frozen=True)
class Plan:
    """The plan of a run. length: steps of the schedule; end: steps of the run; steps, epochs, minutes: the keys of `train` behind them

    pace: steps in a minute, if they were measured; warm_up: steps in which the learning rate rises to that of the schedule
    """

    length: int
    end: int
    steps: int | None
    epochs: float | None
    minutes: float | None = None
    pace: float | None = None
    warm_up: int = 0

    @property
    def keys(self) -> dict[str, float | None]:
        return {"steps": self.steps, "epochs": self.epochs, "minutes": self.minutes}

    @property
    def total(self) -> int | None:
        """Steps of the run; None if the plan is open."""
        return None if self.end == ENDLESS else self.end

    def fixed(self, steps: int, fastest: float = math.inf) -> "Plan":
        """This open plan with an end. Its schedule ends there too, unless a run that was extended holds an older one.

        fastest: steps in a minute without anything beside them: minutes that hold not even the measured steps tell no pace
        """
        assert self.minutes
        length = steps if self.length == ENDLESS else self.length
        return replace(self, end=steps, length=length, pace=min(steps / self.minutes, fastest))

    def in_words(self, batch_size: int, epoch_length: int) -> str:
        """The length of the run. epoch_length: samples of an epoch"""
        if self.total is None:
            return f"{_counted(self)}; the first steps are measured"
        rising = f"; the learning rate rises to the end, for optim.warmup is {self.warm_up} steps" if self.warm_up > self.end else ""
        return f"{self.end} steps of {batch_size} samples ({self.end * batch_size / epoch_length:.1f} epochs of {epoch_length}){rising}"


def make_plan(train: TrainConfig, optim: OptimConfig, epoch_length: int) -> Plan:
    """Make the plan of the keys. epoch_length: samples of an epoch

    `UserError` if `train.steps` exceeds a schedule that falls and `optim.extend` is `refuse`.
    """
    if train.minutes is not None:
        return Plan(ENDLESS, ENDLESS, None, None, train.minutes, warm_up=warm_up_steps(optim, ENDLESS))
    length = train.steps or 0
    if train.epochs is not None:
        length = math.ceil(train.epochs * epoch_length / train.batch_size)
    end = train.steps or length
    if end > length and not _steady(optim, length, length):
        if optim.extend == "refuse":
            raise UserError(
                f"train.steps: {end} steps are more than the {length} of the schedule (train.epochs), at whose end the learning rate "
                f"has fallen: raise train.epochs, lower train.steps, or take {_choices(optim, length, Plan(end, end, end, None), length)}"
            )
        length = end if optim.extend == "stretch" else length
    return Plan(length, end, train.steps, train.epochs, warm_up=warm_up_steps(optim, length))


def continue_plan(old: Plan, asked: Plan, step: int, optim: OptimConfig) -> tuple[Plan, str]:
    """The new plan of a run that has done `step` steps under `old` and whose keys now ask for `asked`; and a line for the user, or "".

    The new schedule is taken if all steps so far would have had the same rate under it: the run then equals one that had it from the
    start. Otherwise the old schedule is kept to its end. What follows after its end is chosen by `optim.extend`; `refuse` is a
    `UserError`. If fewer steps are asked for than are done, the run ends where it is. An open schedule has not fallen, and any other
    may follow it. Minutes become steps at the pace that was measured. The warm-up keeps its steps.
    """
    if step > 0:
        asked = replace(asked, warm_up=old.warm_up)
    held = old.end > old.length  # it may be stretched later
    if old.pace:
        asked = asked.fixed(max(1, round(old.pace * asked.minutes))) if asked.minutes else replace(asked, pace=old.pace)
    if old.keys == asked.keys and step > 0 and not (held and optim.extend == "stretch"):
        return old, ""
    if asked.end < step:
        return replace(asked, length=old.length, end=step), f"{asked.end} steps are asked for, and {step} are done"
    if step == 0 or old.length in (asked.length, ENDLESS) or all(_steady(optim, step, plan.length) for plan in (old, asked)):
        return asked, _told(old, asked)
    kept = replace(asked, length=old.length)
    if asked.end <= old.length:
        return (
            kept,
            f"{_told(old, kept)}; its schedule keeps {old.length} steps, for in a shorter one steps done would have had a lower rate",
        )
    if optim.extend == "hold":
        return kept, f"{_told(old, kept)}; from step {old.length} on the learning rate stays at {_rate(optim, old.length, old.length)}"
    if optim.extend == "stretch":
        before, after = _rate(optim, step - 1, old.length), _rate(optim, step, asked.length)
        jump = "" if before == after or step == asked.end else f"the learning rate jumps from {before} in step {step} to {after}"
        return asked, "; ".join(filter(None, (_told(old, asked), jump)))
    changed = ", ".join(
        f"train.{key}: {_shown(old.keys[key])} -> {_shown(value)}" for key, value in asked.keys.items() if value != old.keys[key]
    )
    raise UserError(
        f"{changed}: asks for {_counted(asked)}, but the schedule of {old.length} has begun to fall, to "
        f"{_rate(optim, step - 1, old.length)} in step {step}: take the old value, or {_choices(optim, old.length, asked, step)}"
    )


def resume_plan(
    stored: Mapping[str, Any] | None, asked: Plan, step: int, optim: OptimConfig, agreement: Agreement, folder: Path
) -> tuple[Plan, str]:
    """`continue_plan` with the plan of a checkpoint. The main process decides for all; every process calls it.

    stored: None in a checkpoint of an earlier version without plans; the configuration in the run's `folder` is used instead
    """
    decided = asked, f"it does not say how long its schedule was, which is taken to have {asked.length} steps"
    with agreement.together():
        if agreement.main:
            old = Plan(**stored) if stored else _plan_of(written_training(folder), asked)
            decided = continue_plan(old, asked, step, optim) if old else decided
    return agreement.from_main(decided)


def _plan_of(train: Mapping[str, Any], asked: Plan) -> Plan | None:
    """The plan of a run whose checkpoint has none, from the keys of its configuration; None if they do not determine it."""
    steps, epochs = train.get("steps"), train.get("epochs")
    length = steps
    if epochs is not None:  # their length in steps follows from the requested plan
        length = round(asked.length * epochs / asked.epochs) if asked.epochs else None
    return Plan(length, steps or length, steps, epochs) if length else None


def how_to_extend(plan: Plan, optim: OptimConfig) -> str:
    """The keys to raise to go on with a finished run, in words."""
    beyond = plan.end >= plan.length
    keys = {
        "train.steps": plan.steps is not None,
        "train.epochs": plan.epochs is not None and (beyond or plan.steps is None),
        "train.minutes": plan.minutes is not None,
    }
    named = " and ".join(key for key, given in keys.items() if given)
    falls = beyond and not _steady(optim, plan.length, plan.length)
    return f"raise {named} to go on" + (" (optim.extend says at which learning rate)" if falls and optim.extend == "refuse" else "")


def _steady(optim: OptimConfig, steps: int, length: int) -> bool:
    """Have the first `steps` steps of a schedule all the initial rate, without a warm-up? Schedules never rise: the last one decides."""
    return steps == 0 or learning_rate(optim, steps - 1, length) == optim.lr


def _choices(optim: OptimConfig, old: int, new: Plan, step: int) -> str:
    """The values of `optim.extend` beside `refuse`, in words. old: length of the schedule; step: steps done before the change"""
    return (
        f"optim.extend=hold, which trains the steps after {old} at the last rate, {_rate(optim, old, old)}, or optim.extend=stretch, "
        f"which makes the schedule {_counted(new)} long, with a rate of {_rate(optim, step, new.length)} in step {step + 1}"
    )


def _counted(plan: Plan) -> str:
    if plan.total:
        return f"{plan.total} steps"
    return "as many steps as 1 minute holds" if plan.minutes == 1 else f"as many steps as {plan.minutes:g} minutes hold"


def _told(old: Plan, new: Plan) -> str:
    parts = []
    if new.end != old.end:
        parts.append(f"the run now has {_counted(new)} instead of {old.total or _counted(old)}")
    if new.length != old.length and ENDLESS not in (new.length, old.length):
        parts.append(f"its schedule has {new.length} instead of {old.length}")
    return ", ".join(parts)


def _rate(optim: OptimConfig, step: int, length: int) -> str:
    return f"{learning_rate(optim, step, length):.3g}"


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
