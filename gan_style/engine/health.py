"""The health of a run: losses and gradients that are not finite, and alarms for the usual silent failures of a GAN."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gan_style.engine.agreement import Agreement
from gan_style.errors import UserError
from gan_style.methods.adversary import PENALTIES
from gan_style.types import Batch, Direction

# Alarm limits, of images in [-1, 1]. One 8-bit level is 2/255.
SATURATED_VALUE, SATURATED_SHARE = 0.99, 0.995
CONSTANT_DEVIATION = 0.01
EQUAL_DIFFERENCE = 2 / 255
ADVERSARY_NEAR_ZERO = 0.01  # least squares begin at about 0.5, cross-entropy at 0.7

_SHOWN = 8  # sample names in a message


@dataclass(frozen=True)
class StepResult:
    """The result of one step on this process: detached scalars on the device, for which nobody has waited.

    losses: weighted terms by name, not reduced over the processes
    measures: of the translations, see `measure`
    players: the players that were due
    bad: [players], 1 if a loss or gradient of the player was not finite, so that it did not move; equal on all processes
    """

    losses: dict[str, Tensor]
    measures: dict[str, Tensor]
    players: tuple[str, ...]
    bad: Tensor


def measure(translations: Mapping[Direction, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Scalar measures of translations {direction: (input, output)}, images [B, C, H, W] in [-1, 1].

    <direction>_saturated: the share of output values beyond SATURATED_VALUE
    <direction>_deviation: the standard deviation of the output over the pixels, averaged over images and channels
    <direction>_change: the mean absolute difference from the input, if both have the same shape
    """
    measures = {}
    for direction, (given, output) in translations.items():
        output = output.detach().float()
        measures[f"{direction}_saturated"] = (output.abs() > SATURATED_VALUE).float().mean()
        measures[f"{direction}_deviation"] = output.flatten(2).std(dim=2, correction=0).mean()
        if given.shape == output.shape:
            measures[f"{direction}_change"] = (output - given.float()).abs().mean()
    return measures


class NonFinite:
    """The policy for steps whose losses or gradients are not finite. `Trainer.step` has not moved their players.

    policy: `stop` ends the run; `skip` counts the step and names its samples, and ends the run after `patience` such steps in a row
    scaled: fp16's loss scale is in use; it has then fallen to 1
    `note` does not wait for the device; `check` does.
    """

    def __init__(self, policy: Literal["stop", "skip"], patience: int, agreement: Agreement, scaled: bool = False) -> None:
        self.policy, self.patience, self.agreement, self.scaled = policy, patience, agreement, scaled
        self.skipped = 0
        self.in_a_row = 0
        self._noted: list[tuple[int, list[str], StepResult]] = []

    def note(self, step: int, batches: Sequence[Batch], result: StepResult) -> None:
        """Keep the result of step `step` (from 1) until the next check."""
        samples = [key for batch in batches for sample in zip(*batch.keys.values(), strict=True) for key in dict.fromkeys(sample)]
        self._noted.append((step, samples, result))

    def check(self, saved: int | None = None) -> list[str]:
        """One line for each step that was skipped since the last check. `UserError` if the run must end. Called by every process.

        saved: the step of the newest checkpoint, which is older than these steps; None if there is none
        """
        noted, self._noted = self._noted, []
        if not noted:
            return []
        bad = torch.stack([result.bad.amax() for _, _, result in noted]).tolist()  # one transfer
        lines = []
        for (step, samples, result), is_bad in zip(noted, bad, strict=True):
            self.in_a_row = self.in_a_row + 1 if is_bad else 0
            if not is_bad:
                continue
            self.skipped += 1
            what = f"step {step}: {self._culprits(result)} not finite, on {self._named(samples)}"
            kept = "no checkpoint is saved yet" if saved is None else f"the newest checkpoint is sound (step {saved})"
            if self.policy == "stop":
                raise UserError(f"{what}; {kept}. {self._advice()}, or go on with train.on_nonfinite=skip")
            lines.append(f"{what}: skipped")
            if self.in_a_row >= self.patience:
                raise UserError(
                    f"{what}; {self.in_a_row} steps in a row were skipped (train.max_skips), which does not mend itself; {kept}. "
                    f"{self._advice()}"
                )
        return lines

    def _advice(self) -> str:
        if self.scaled:
            return "fp16 is too narrow for this run: take train.mixed_precision=bf16 or no in another run_dir"
        return "Lower optim.lr or set optim.clip_norm in another run_dir"

    def _culprits(self, result: StepResult) -> str:
        """The losses that are not finite on some process, in words; if all are finite, the players whose gradients are not."""
        terms = [name for name, term in result.losses.items() if not term.isfinite()]
        everywhere = sorted({name for names in self.agreement.gathered(terms) for name in names})
        if everywhere:
            return f"loss {', '.join(everywhere)} is"
        players = [player for player, bad in zip(result.players, result.bad.tolist(), strict=True) if bad]
        unscaled = ", with a loss scale of 1," if self.scaled else ""
        return f"the gradient of {' and '.join(players)}{unscaled} is"

    def _named(self, samples: list[str]) -> str:
        names = [name for names in self.agreement.gathered(samples) for name in names]
        return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")

    def state(self) -> dict[str, int]:
        """The state for a checkpoint."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row}

    def load_state(self, state: Mapping[str, int]) -> None:
        """Restore `state`."""
        self.skipped, self.in_a_row = state["skipped"], state["in_a_row"]


class Alarms:
    """Alarms: conditions that have held for at least `after` steps. after: 0 raises no alarm"""

    def __init__(self, after: int) -> None:
        self.after = after
        self.held: dict[str, int] = {}  # condition -> steps

    @property
    def raised(self) -> list[str]:
        """The conditions that hold now and have held for long enough."""
        return [condition for condition, steps in self.held.items() if self.after and steps >= self.after]

    def update(self, steps: int, means: Mapping[str, float], adversaries: Mapping[str, Sequence[str]]) -> list[str]:
        """Add `steps` steps with these means. Returns the conditions that are newly raised.

        adversaries: player that does not translate -> names of its losses
        """
        before = self.raised
        self.held = {condition: self.held.get(condition, 0) + steps for condition in _conditions(means, adversaries)}
        return [condition for condition in self.raised if condition not in before]

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        return dict(self.held)

    def load_state(self, state: Mapping[str, int]) -> None:
        """Restore `state`."""
        self.held = dict(state)


def _conditions(means: Mapping[str, float], adversaries: Mapping[str, Sequence[str]]) -> list[str]:
    found = [
        f"{player} loss near zero: it tells real from translated without effort, and teaches little"
        for player, terms in adversaries.items()
        if (judged := [term for term in terms if not term.endswith(PENALTIES)])
        and abs(sum(means.get(f"loss/{term}", 1.0) for term in judged)) < ADVERSARY_NEAR_ZERO
    ]
    for name, value in means.items():
        section, _, measured = name.partition("/")
        direction, _, kind = measured.rpartition("_")
        if section != "health":
            continue
        if kind == "saturated" and value > SATURATED_SHARE:
            found.append(f"{direction} output is saturated: nearly every value is -1 or 1")
        elif kind == "deviation" and value < CONSTANT_DEVIATION:
            found.append(f"{direction} output is constant: each image is nearly one colour")
        elif kind == "change" and value < EQUAL_DIFFERENCE:
            found.append(f"{direction} output equals its input to within one 8-bit level")
    return found
