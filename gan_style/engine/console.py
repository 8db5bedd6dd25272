"""The console output of training: progress, events, and five lines at the end that name the results and the next command."""

import math
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_style.conditions import Alone, Condition, Exemplar, Label, Mix, Noise
from gan_style.engine.best import BestBundles
from gan_style.errors import UserError
from gan_style.report.log import RunLog
from gan_style.report.writer import FILE
from gan_style.terminal.progress import Pace, Progress, duration, say, say_at, watched

Outcome = Literal["finished", "not finished", "stopped", "failed"]


@dataclass(frozen=True)
class Ending:
    """The end of a training.

    step: steps done, of `steps`, if these are known; saved: the step of the newest checkpoint
    extend: how to go on with a finished run, in words
    """

    outcome: Outcome
    step: int
    steps: int | None
    saved: int | None
    extend: str


# Condition -> the options of infer
_OPTIONS: dict[type[Condition], str] = {
    Alone: "--input PATH --output DIR",
    Label: "--input PATH --output DIR --to NAME",
    Mix: "--input PATH --output DIR --style NAME",
    Exemplar: "--input PATH --output DIR --style PICTURE",
    Noise: "--samples 16 --output DIR",
}
_SHOWN_LOSSES = 4  # losses in a progress bar
_LINE_LOSSES = 12  # losses on a line; of more, the sum for each player


def in_words(end: BaseException) -> str:
    """An exception that ended something, in words."""
    if isinstance(end, UserError):
        return str(end)
    if isinstance(end, KeyboardInterrupt):
        return "interrupted at once, by a second Ctrl-C"
    return f"a fault of gan_style, {type(end).__name__}: {end}"


class Console:
    """The console output of one run. Messages go to stdout. Progress goes to stderr: a bar on a terminal, else one line for each log line.

    folder: of the run; condition: of its translators; shown: False on all processes but the main one, which print nothing
    """

    def __init__(self, folder: Path, condition: Condition, shown: bool) -> None:
        self.folder, self.shown = folder, shown
        infer = "python infer.py" if Path(sys.argv[0]).name == "train.py" else "gan-style infer"  # infer.py lies beside train.py alone
        self.next = f"{infer} --model {shlex.quote(str(folder))} {_OPTIONS[type(condition)]}"
        self.started = time.monotonic()
        self.first: int | None = None  # the step after which training went on; None: it did not begin
        self._pace = Pace()
        self._told = 0  # the step of the newest line
        self._steps: int | None = None  # the length of the run, if it is known
        self._progress: Progress | None = None

    def say(self, message: str) -> None:
        """Print one line, with the time unless stdout is a terminal."""
        if self.shown:
            (say if watched(sys.stdout) else say_at)(message, sys.stdout)

    def going_on(self, told: Sequence[str], more: bool) -> None:
        """Print one line about a resumed run. Empty parts are left out.

        told: its parts; the first one names the checkpoint. If there are no `more` steps, that part alone is not printed.
        """
        parts = [part for part in told if part]
        if more or len(parts) > 1:
            self.say("; ".join(parts))

    def training(self, step: int, steps: int | None) -> AbstractContextManager[object]:
        """A context for training from `step` to `steps`, if these are known, which shows the progress."""
        self.first = self._told = step
        self._steps = steps
        self._pace = Pace()
        self._progress = Progress("", "steps", steps, step, shown=self.shown, every=math.inf)
        return self._progress

    def fixed(self, step: int, steps: int) -> None:
        """The length of the run is known after `step`."""
        self._steps = steps
        if self._progress:
            self._progress.expect(steps)
        self.say(f"step {step}: the minutes hold {steps} steps; the learning rate's schedule ends with them")

    def advance(self) -> None:
        """One more step is done."""
        if self._progress:
            self._progress.update()

    def line(
        self,
        step: int,
        losses: Mapping[str, float],
        terms: Mapping[str, Sequence[str]],
        rates: Mapping[str, float],
        images_per_second: float,
    ) -> None:
        """Print the values that are logged for a step.

        losses: their means; terms: the names of the losses of each player; rates: the learning rate of each player
        """
        self._pace.measure(step - self._told)
        self._told = step
        if len(losses) > _LINE_LOSSES:
            losses = {player: sum(losses[name] for name in names if name in losses) for player, names in terms.items()}
        if self._progress:
            self._progress.tell("  ".join(_pairs(losses)[:_SHOWN_LOSSES]))
        if self.shown and not watched(sys.stderr):
            parts = [f"step {step}/{self._steps or '?'}", *_pairs(losses), _rate(rates), f"{images_per_second:.3g} images/s"]
            say_at("  ".join(part for part in [*parts, self._pace.left(self._steps - step if self._steps else 0)] if part), sys.stderr)

    def validated(self, step: int, values: Mapping[str, float], best: str) -> None:
        """Print the scores of a validation. best: the metric and directions that are the best so far, in words; else empty"""
        self.say(f"step {step}: validation: {_values(values)}" + (f"; the best {best} so far" if best else ""))

    def in_words(self, ending: Ending) -> str:
        """The first of the five lines: how the training ended."""
        return f"{ending.outcome}: {self._what_happened(ending)}"

    def close(self, ending: Ending, bundles: Sequence[Path], best: BestBundles, log: RunLog) -> None:
        """Print the five lines of the end. bundles: the paths of the bundles, which may not exist yet"""
        if not self.shown:
            return
        written = [str(path) for path in bundles if path.exists()]
        report = self.folder / FILE
        for line in (
            self.in_words(ending),
            f"{'bundles' if len(written) > 1 else 'bundle'}: {', '.join(written) or 'none yet, they come with the first checkpoint'}",
            f"report: {report if report.exists() else 'none could be written'}",
            self._best(best, log.read()),
            f"next: {self._what_to_do(ending)}",
        ):
            say(line)

    def _what_happened(self, ending: Ending) -> str:
        took = duration(time.monotonic() - self.started)
        done = f"{ending.step} of {ending.steps}" if ending.steps else f"{ending.step}"
        if ending.outcome == "finished":
            if self.first is None:
                return f"all {ending.step} steps were done before; {ending.extend}"
            return f"{done} steps, " + (f"the last {ending.step - self.first} of them in {took}" if self.first else f"in {took}")
        kept = "a checkpoint is saved" if ending.saved == ending.step else "no checkpoint is saved"
        if ending.saved not in (None, ending.step):
            kept = f"the newest checkpoint is of step {ending.saved}"
        if ending.outcome == "not finished":
            return f"{done} steps are done in the minutes that train.max_minutes allows; {kept}"
        return f"after step {done}, in {took}; {kept}"

    def _best(self, best: BestBundles, log: RunLog) -> str:
        """The scores of the best translators; else the newest validation, or the newest losses."""
        kept = []
        for direction, found in best.kept.items():
            path = best.path(direction)
            where = f", {path}" if path.exists() else ""
            kept.append(f"{best.metric} {found['scores'][best.metric]:.4g} at step {found['step']}{where}")
        if kept:
            return f"best: {'; '.join(kept)}"
        for name, prefix, advice in (("validation", "val/", "; validation.best=METRIC keeps the best translator"), ("losses", "loss/", "")):
            if curves := log.under(prefix):
                step = max(curve.step for curve in curves.values())
                shown = dict(list(curves.items())[:_LINE_LOSSES])
                more = f" and {len(curves) - len(shown)} more" if len(curves) > len(shown) else ""
                return f"{name}: {_values({key: curve.last for key, curve in shown.items()})}{more} at step {step}{advice}"
        return "losses: none were logged"

    def _what_to_do(self, ending: Ending) -> str:
        if ending.outcome == "finished":
            return self.next
        again = "the same command begins anew" if ending.saved is None else f"the same command goes on after step {ending.saved}"
        return f"put right what the error names; in this run_dir {again}" if ending.outcome == "failed" else again


def _pairs(values: Mapping[str, float]) -> list[str]:
    return [f"{name} {value:.4g}" for name, value in values.items()]


def _values(values: Mapping[str, float]) -> str:
    return ", ".join(_pairs(values))


def _rate(rates: Mapping[str, float]) -> str:
    """`lr 0.0002`, or the rate of each player if they differ."""
    if len(set(rates.values())) == 1:
        return f"lr {next(iter(rates.values())):.4g}"
    return "  ".join(f"lr {player} {rate:.4g}" for player, rate in rates.items())
