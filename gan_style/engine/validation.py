"""Validation during training: all processes together measure the translators, with the weights of bundles, on the validation images."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_style.datasets.survey import Source
from gan_style.engine.agreement import Agreement
from gan_style.errors import UserError
from gan_style.evaluation.cases import Cases, describe_reals, translations
from gan_style.evaluation.suite import Row, Suite
from gan_style.files.bounded import TooLarge
from gan_style.machine.memory import OutOfMemory, room_for
from gan_style.terminal.progress import Progress, say
from gan_style.types import Direction

_SMALLER = "take a smaller data.load_size, or train.validate_every=null"

MetricScores = dict[Direction, dict[str, float]]


@dataclass(frozen=True)
class Subject:
    """One direction: its translator, as `methods.serving.serving_network` returns it, its images, and its metrics."""

    translator: nn.Module
    cases: Cases
    suite: Suite


class Validation:
    """Measures every `every` steps. The processes share the images, each image counts once, and all processes get the same scores.

    Training is not affected: the translators are separate networks. As in `infer`, they see one image at a time without autocast, and
    their results are rounded to 8 bits. The networks of metrics stay on the CPU between two measurements.
    """

    def __init__(
        self, every: int, subjects: Mapping[Direction, Subject], device: torch.device, agreement: Agreement, process: int, processes: int
    ):
        self.every, self.subjects, self.device, self.agreement = every, subjects, device, agreement
        self.process, self.processes = process, processes
        self._real: dict[Direction, dict[int, Tensor]] = {}  # features of the real images, which do not change; on the main process
        self._described = False  # have the features of the real images been computed?

    @property
    def source(self) -> Source:
        """The source of the validation images."""
        return next(iter(self.subjects.values())).cases.validation.source

    @property
    def networks(self) -> dict[str, str]:
        """metric -> its network, in words."""
        return next(iter(self.subjects.values())).suite.words()

    def due(self, step: int) -> bool:
        """Is validation due after `step` steps?"""
        return step % self.every == 0

    def run(self, weights: Mapping[Direction, Mapping[str, Tensor]]) -> MetricScores:
        """Measure translators with these weights: direction -> metric -> value. Called by every process.

        If a process cannot read an image, it raises a `UserError` and the others return no scores. An image that is too large for the
        memory is told, and all return no scores: training can go on.
        """
        rows: dict[Direction, dict[int, Row]] = {}
        real: dict[Direction, dict[int, Tensor]] = {}
        mistake = None
        left_out = False
        try:
            total = sum(len(subject.cases.places[self.process :: self.processes]) for subject in self.subjects.values())
            with Progress("validation", "images", total, brief=True, shown=self.process == 0) as progress:
                for direction, subject in self.subjects.items():
                    subject.translator.load_state_dict(weights[direction])
                    with room_for("no memory to measure the validation images", _SMALLER):
                        rows[direction], real[direction] = self._measure(subject, progress)
        except (OutOfMemory, TooLarge) as own:
            say(f"validation left out, training goes on: {own}", sys.stderr)
            left_out = True
        except UserError as own:
            mistake = own
        if self.agreement.largest(left_out or mistake is not None):
            if mistake:
                raise mistake
            return {}
        everyones = self.agreement.to_main((rows, real))
        scores = self._combine(everyones) if everyones is not None else None
        self._described = True
        return self.agreement.from_main(scores)

    def _measure(self, subject: Subject, progress: Progress) -> tuple[dict[int, Row], dict[int, Tensor]]:
        """The rows of this process, and, the first time, the features of its real images."""
        cases, suite = subject.cases, subject.suite.to(self.device)
        rows: dict[int, Row] = {}
        real: dict[int, Tensor] = {}
        try:
            places = cases.places[self.process :: self.processes]
            for place, case in translations(cases, places, subject.translator, self.device, _SMALLER):
                rows[place] = suite.measure(case)
                progress.update()
            if suite.compares("domain") and not self._described:
                real = describe_reals(cases, cases.reals[self.process :: self.processes], suite)
        finally:
            suite.to("cpu")
        return rows, real

    def _combine(self, everyones: list[tuple[dict[Direction, dict[int, Row]], dict[Direction, dict[int, Tensor]]]]) -> MetricScores:
        """Combine the rows of all processes into scores, on the main process."""
        scores: MetricScores = {}
        for direction, subject in self.subjects.items():
            rows = {place: row for own, _ in everyones for place, row in own[direction].items()}
            self._real.setdefault(direction, {place: features for _, own in everyones for place, features in own[direction].items()})
            scores[direction] = subject.suite.combine(rows, self._real[direction])
        return scores


def named_scores(scores: MetricScores) -> dict[str, float]:
    """Flatten scores: the first direction's metrics keep their names, a second direction's are called `b2a_fid` and so on."""
    return {
        metric if number == 0 else f"{direction}_{metric}": value
        for number, (direction, values) in enumerate(scores.items())
        for metric, value in values.items()
    }
