"""The training loop: resume, step, log, validate, draw, save, stop."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor

from gan_style.bundles.file import BundleInfo
from gan_style.config.schema import RunConfig
from gan_style.engine.agreement import Agreement
from gan_style.engine.best import BestBundles
from gan_style.engine.bundles import RunBundles
from gan_style.engine.checkpoint import Checkpointer
from gan_style.engine.console import Console, Ending, Outcome, in_words
from gan_style.engine.folder import claimed, write_config
from gan_style.engine.frozen import check_weights_known, weight_hashes
from gan_style.engine.health import Alarms, NonFinite
from gan_style.engine.known_data import KnownData
from gan_style.engine.metrics import LossMeans, MetricsLog, Stopwatch
from gan_style.engine.micro_batches import Loader, check_size, room_for_step, step_advice
from gan_style.engine.minutes import WARM_UP, Timing
from gan_style.engine.plan import Plan, how_to_extend, resume_plan
from gan_style.engine.samples import SampleGrid, draw_or_warn
from gan_style.engine.signals import StopRequest
from gan_style.engine.trackers import Trackers
from gan_style.engine.trainer import Trainer
from gan_style.engine.validation import Validation, named_scores
from gan_style.errors import UserError
from gan_style.files import atomic
from gan_style.machine.memory import room_for
from gan_style.report.writer import Report
from gan_style.terminal.progress import say
from gan_style.types import Batch, Direction, Kept


class Run:
    """One training run in its folder. It goes on from the newest complete checkpoint.

    A `UserError` of one process (a file that cannot be read or written) is stored in `mistake`; before the next step all processes agree
    to stop.
    """

    def __init__(
        self,
        config: RunConfig[Any],
        plan: Plan,
        trainer: Trainer,
        accelerator: Accelerator,
        agreement: Agreement,
        loader: Loader,
        slots: frozenset[int],
        bundles: Mapping[Direction, BundleInfo],
        grid: SampleGrid | None,
        validation: Validation | None = None,
        data: KnownData | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.config, self.trainer, self.accelerator, self.agreement = config, trainer, accelerator, agreement
        self.loader, self.slots, self.grid, self.validation = loader, slots, grid, validation
        self.data, self.kept = data, kept or Kept()  # data: on the main process
        self.frozen = weight_hashes(trainer.method.frozen) if accelerator.is_main_process else {}
        self.folder = Path(config.run_dir)
        self.checkpointer = Checkpointer(self.folder, accelerator, self.agreement, config.train.keep)
        self.log, self.report, self.means = MetricsLog(self.folder / "metrics.jsonl"), Report(self.folder), LossMeans()
        train = config.train
        self.nonfinite = NonFinite(train.on_nonfinite, train.max_skips, self.agreement, scaled=train.mixed_precision == "fp16")
        self.alarms = Alarms(config.logging.alarm_after)
        self.best = BestBundles.of(self.folder / "bundles", config.validation, validation if accelerator.is_main_process else None)
        self.bundles = RunBundles(self.folder / "bundles", bundles, trainer, self.best)
        self.plan, self.step = plan, 0  # step: steps done
        self.saved: int | None = None  # the step of the newest checkpoint
        self.mistake: UserError | None = None
        self.line_lost = False  # is a line missing from the log?
        self.console = Console(self.folder, trainer.method.condition, accelerator.is_main_process)
        self.timing = Timing(self.console.started, accelerator.device)
        self.trackers = Trackers(config, config.logging.trackers if accelerator.is_main_process else ())

    def fit(self) -> int:
        """Train up to the configured number of steps.

        Returns 0, 130 after SIGINT, or 143 after SIGTERM, SIGHUP or SIGUSR1; a checkpoint is saved. After a `UserError` only the steps
        since the newest checkpoint are lost; none if a training image was the reason.
        """
        divisible = self.trainer.method.divisible
        alone = claimed(self.folder, self.config, self.agreement, divisible, self.kept.earlier or ())
        stopping = StopRequest(self.agreement, self.config.train.max_minutes, self.console.started)
        with alone, self.trackers, stopping as stop, self._ending(stop), room_for("no memory to go on", step_advice(True, divisible)):
            self._resume()
            if self.step < self.plan.end:
                self.trackers.start(self.step)
                self._train(stop)
            # No checkpoint after a lost line of the log, or the gap would stay for ever. None before the first step either: it would hold
            # nothing, but bind the folder to this configuration.
            if not self.agreement.largest(self.line_lost or (self.step == 0 and self.mistake is not None)):
                self._save()
            if self.step >= self.plan.end:
                self._draw(again=False)
            with self.agreement.together():
                if self.mistake:
                    raise self.mistake
        self.accelerator.end_training()
        return stop.exit_code

    def _train(self, stop: StopRequest) -> None:
        """Run steps until the last one, a request to stop, or a mistake."""
        train, logging = self.config.train, self.config.logging
        if self.accelerator.is_main_process:
            self.report.start(self.step, self.plan.total)
        watch, warm = Stopwatch(), self.step + WARM_UP
        with closing(self.loader(self.step, self.plan.end)) as batches, self.console.training(self.step, self.plan.total):

            def fetch() -> list[Batch]:
                return [check_size(next(batches), self.trainer.method.smallest_size) for _ in range(train.accumulate)]

            while self.step < self.plan.end:
                before = time.perf_counter()
                micro_batches: list[Batch] = []
                with self._noting_mistakes():
                    micro_batches = stop.interruptibly(fetch) or []
                watch.waited += time.perf_counter() - before
                if stop.agreed(self.mistake is not None):
                    return
                last = self.plan.minutes is not None and self.step + 1 == self.plan.end  # `validate_every` cannot divide measured steps
                validated = self.validation is not None and (last or self.validation.due(self.step + 1))
                logged = (self.step + 1) % logging.every == 0 or self.step + 1 in (1, self.plan.end) or validated
                with room_for_step(self.step, micro_batches, self.accelerator.device, self.saved, self.trainer.method.divisible):
                    result = self.trainer.step(self.step, micro_batches, logged)
                self.means.add({f"loss/{name}": loss for name, loss in result.losses.items()})
                self.nonfinite.note(self.step + 1, micro_batches, result)
                watch.images += train.batch_size
                self.step += 1
                self.console.advance()
                if logged or self.accelerator.device.type == "cpu":  # on a GPU the check would wait for the device
                    self._check_finite()
                scores = self._validate(watch) if validated else {}
                if logged:
                    self._log(watch, result.measures, scores)
                if self.plan.total is None and not self.agreement.largest(self.line_lost):
                    self._measure(warm)
                if self.step % logging.samples_every == 0 and self.step < self.plan.end:
                    self._draw()
                    self._report()
                if self.step % train.checkpoint_every == 0 and self.step < self.plan.end and not self.agreement.largest(self.line_lost):
                    self._save()
                    self._report()

    def _measure(self, warm: int) -> None:
        """Rehearse what comes beside steps after step `warm`, then measure, then fix the length. Called by every process."""
        if self.step == warm:
            if self.validation:
                with self.timing.beside("validation"), self._noting_mistakes():
                    self.validation.run(self.bundles.weights())
            self._draw()
            self._save()
            self.timing.measure(self.step)
        if steps := self.agreement.from_main(self.timing.fitting(self.step, self.config)):
            self.plan = self.plan.fixed(steps, self.agreement.from_main(self.timing.fastest))
            self.trainer.planned_steps, self.trainer.warm_up = self.plan.length, self.plan.warm_up
            self.console.fixed(self.step, steps)
            self._save()
            self._report()

    def _check_finite(self) -> None:
        for line in self.nonfinite.check(self.saved):
            self.console.say(line)

    def _validate(self, watch: Stopwatch) -> dict[str, float]:
        """Measure the translators with the weights that bundles would hold; keep those that are the best. Called by every process."""
        assert self.validation
        scores: dict[Direction, dict[str, float]] = {}
        better: list[Direction] = []
        with self.timing.beside("validation"), self._noting_mistakes():
            scores = self.validation.run(self.bundles.weights())
            if self.accelerator.is_main_process:
                better = self.bundles.offer(self.step, scores)
        watch.leave_out(self.timing.costs["validation"])
        values = named_scores(scores)
        if values:
            of = f" of {' and '.join(better)}" if len(self.bundles.infos) > 1 else ""
            self.console.validated(self.step, values, f"{self.best.metric}{of}" if better else "")
        return {f"val/{name}": value for name, value in values.items()}

    def _log(self, watch: Stopwatch, measures: Mapping[str, Tensor], scores: Mapping[str, float]) -> None:
        """Log the means of the losses since the last regular line, and the health of this step's translations.

        Other lines (the first, the last, those of validation) do not reset the means.
        """
        health = LossMeans()
        health.add({f"health/{name}": value for name, value in measures.items()})
        step, means = self.step, self.means.means(self.accelerator) | health.means(self.accelerator)
        values: dict[str, Any] = {**means, **scores}
        if self.config.train.on_nonfinite == "skip":
            values["health/skipped"] = self.nonfinite.skipped
        if step % self.config.logging.every == 0:
            self.means.reset()
            adversaries = {player.name: self.trainer.terms.get(player.name, ()) for player in self.trainer.method.adversaries}
            for alarm in self.alarms.update(self.config.logging.every, means, adversaries):
                self.console.say(f"alarm: step {step}: {alarm}")
        if raised := self.alarms.raised:  # updated at regular lines, written in every line: a line without the alarm means that it is over
            values["alarms"] = raised
        if not self.accelerator.is_main_process:
            return
        rates = {player.name: self.trainer.learning_rate(step - 1, player) for player in self.trainer.method.players}
        values |= {f"lr/{name}": rate for name, rate in rates.items()} | watch.read()
        try:
            self.log.write(step, values)
        except OSError as refusal:
            self.line_lost = True
            self.mistake = UserError(f"{self.log.path}: cannot be written ({refusal.strerror}); make room, then the same command goes on")
        self.trackers.log(step, values)
        losses = {name.removeprefix("loss/"): value for name, value in means.items() if name.startswith("loss/")}
        self.console.line(step, losses, self.trainer.terms, rates, values["images_per_second"])

    def _draw(self, again: bool = True) -> None:
        """Draw the sample grid of this step. again: draw it even if its file exists"""
        if self.grid and self.accelerator.is_main_process:
            with self.timing.beside("samples"):
                self.trackers.picture(self.step, draw_or_warn(self.grid, self.folder, self.step, self.bundles.weights(), again))

    def _report(self, ended: str = "", last: bool = False) -> None:
        if self.accelerator.is_main_process:
            self.report.write(self.plan.total, self.trainer.terms, ended, last)

    def _save(self) -> None:
        """Save a checkpoint, unless this step has one; then write the bundles of the same weights."""
        step = self.step
        self._check_finite()
        with self.timing.beside("checkpoint"):
            if self.saved != step:
                training = {
                    **self.trainer.state(),
                    "plan": asdict(self.plan),
                    "spent": self.timing.elapsed if self.plan.total is None else None,
                    **(self.data.state() if self.data else {}),
                    "frozen": self.frozen,
                    "nonfinite": self.nonfinite.state(),
                    "alarms": self.alarms.state(),
                    "best": self.best.state(),
                }
                own = {"method": self.trainer.method.extra_state(), "means": self.means.state()}
                self.checkpointer.save(step, step * self.config.train.batch_size, self.trainer.networks, training, own, self.kept.now)
                self.saved = step
            with self.agreement.together():
                if self.accelerator.is_main_process:
                    self.bundles.save(step)

    def _resume(self) -> None:
        """Load the newest complete checkpoint if there is one, then print the length of the run, which the checkpoint may change."""
        checkpoint = self.checkpointer.newest()
        if checkpoint is not None:
            self.step = self.saved = checkpoint.step
            training = checkpoint.training_state()
            self.plan, change = resume_plan(training.get("plan"), self.plan, self.step, self.config.optim, self.agreement, self.folder)
            self.trainer.planned_steps, self.trainer.warm_up = self.plan.length, self.plan.warm_up
            self.timing.spent = training.get("spent") or 0.0
            told = [f"{checkpoint.folder}: going on after step {self.step}", change, *self.kept.missed]
            with self.agreement.together():
                if self.accelerator.is_main_process:
                    check_weights_known(training.get("frozen") or {}, self.frozen)
                if self.data:
                    told.append(self.data.check(training, self.step))
                checkpoint.load_networks(self.trainer.networks)
            self.trainer.load_state(training)
            self.nonfinite.load_state(training["nonfinite"])
            self.alarms.load_state(training["alarms"])
            if change := self.best.load_state(training.get("best") or self.best.state()):
                told.append(f"{change}: the best bundles begin anew")
            owns = checkpoint.process_states()
            for own in owns:
                self.trainer.method.load_extra_state(own["method"], self.slots)
            process, processes = self.accelerator.process_index, self.accelerator.num_processes
            self.means.load_state([own["means"] for own in owns], process, processes, self.accelerator.device)
            self.console.going_on(told, self.step < self.plan.end)
        with self.agreement.together():
            if self.accelerator.is_main_process:
                atomic.sweep(self.folder, self.folder / "bundles", self.folder / "samples")
                write_config(self.folder, self.config)
                self.log.rewind(self.step)
                if self.data:
                    say(f"length      {self.plan.in_words(self.config.train.batch_size, len(self.data.training))}")

    @contextmanager
    def _ending(self, stop: StopRequest) -> Iterator[None]:
        """Report how the training ended, in the report and on the console; nothing is reported of a training that never began."""
        try:
            yield
        except BaseException as problem:
            if self.report.record:
                self._end("failed" if isinstance(problem, Exception) else "stopped", in_words(problem))
            raise
        self._end("stopped" if stop.exit_code else "finished" if self.step >= self.plan.end else "not finished")

    def _end(self, outcome: Outcome, problem: str = "") -> None:
        ending = Ending(outcome, self.step, self.plan.total, self.saved, how_to_extend(self.plan, self.config.optim))
        self._report("" if outcome == "finished" else problem or self.console.in_words(ending), last=True)
        self.console.close(ending, self.bundles.paths, self.best, self.report.log)

    @contextmanager
    def _noting_mistakes(self) -> Iterator[None]:
        """Store a `UserError`, which other processes may not have met, until all processes agree to stop."""
        try:
            yield
        except UserError as mistake:
            self.mistake = mistake
