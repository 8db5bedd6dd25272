"""The loop around the step: resume, log, draw, save, stop when asked."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from gan_style import atomic
from gan_style.bundle import BundleInfo, save_bundle
from gan_style.config.load import differences, dump_config, flatten, parse_config, read_yaml
from gan_style.config.schema import RunConfig, TrainConfig
from gan_style.engine.checkpoint import Checkpointer
from gan_style.engine.metrics import LossMeans, MetricsLog, Stopwatch, Tracker
from gan_style.engine.report import write_report
from gan_style.engine.samples import SampleGrid
from gan_style.engine.signals import StopRequest
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.types import Batch, Direction

# (first step, last step + 1) -> this process's micro-batches of those steps, in order
Loader = Callable[[int, int], Iterable[Batch]]


def planned_steps(train: TrainConfig, epoch_length: int) -> int:
    """The length of the learning rate schedule: `epochs` where given, else `steps`."""
    if train.epochs is None:
        return train.steps or 0
    return math.ceil(train.epochs * epoch_length / train.batch_size)


class Run:
    """One training run in its folder; the same call goes on from the newest complete checkpoint."""

    def __init__(
        self,
        config: RunConfig[Any],
        trainer: Trainer,
        accelerator: Accelerator,
        loader: Loader,
        slots: frozenset[int],
        bundles: Mapping[Direction, BundleInfo],
        grid: SampleGrid | None,
    ) -> None:
        self.config, self.trainer, self.accelerator, self.loader, self.slots = config, trainer, accelerator, loader, slots
        self.bundles, self.grid = bundles, grid
        self.folder = Path(config.run_dir)
        self.checkpointer = Checkpointer(self.folder, accelerator, config.train.keep)
        self.log = MetricsLog(self.folder / "metrics.jsonl")
        self.losses = LossMeans()
        self.steps = config.train.steps or trainer.planned_steps
        self.step = 0  # steps done
        self.tracker: Tracker | None = None

    def fit(self) -> int:
        """Train up to the configured number of steps. Returns 0, or 130/143 after SIGINT/SIGTERM with a checkpoint saved."""
        self._claim_folder()
        self._resume()
        if self.step >= self.steps:
            self._say(f"{self.folder}: finished, {self.step} steps are done; raise train.steps to go on")
            return 0
        if self.config.logging.tensorboard:
            self.tracker = Tracker(self.accelerator, flatten(self.config.model_dump(mode="json")))
        with StopRequest() as stop:
            try:
                self._train(stop)
            except UserError:  # a file that cannot be read: the steps before it are not lost
                if self.accelerator.num_processes == 1:  # elsewhere the other processes wait in the next step
                    self._save()
                raise
            self._save()
        if stop.exit_code:
            self._say(f"{self.folder}: stopped after step {self.step}, a checkpoint is saved; the same command goes on")
        else:
            self._draw()
        self._report()
        self.accelerator.end_training()
        return stop.exit_code

    def _train(self, stop: StopRequest) -> None:
        """Run steps until the last one or a request to stop."""
        train, logging = self.config.train, self.config.logging
        batches = iter(self.loader(self.step, self.steps))
        watch = Stopwatch()
        # Smoothed over many steps: single ones vary with what else the machine does.
        with tqdm(total=self.steps, initial=self.step, unit="step", smoothing=0.05, disable=not self.accelerator.is_main_process) as bar:
            while self.step < self.steps:
                before = time.perf_counter()
                micro_batches = [next(batches) for _ in range(train.accumulate)]
                watch.waited += time.perf_counter() - before
                self.losses.add(self.trainer.step(self.step, micro_batches))
                watch.images += train.batch_size
                self.step += 1
                bar.update()
                if self.step % logging.every == 0 or self.step in (1, self.steps):
                    self._log(watch, bar)
                stopping = stop.agreed()
                if self.step % logging.samples_every == 0 and self.step < self.steps:
                    self._draw()
                    self._report()
                if stopping:
                    return
                if self.step % train.checkpoint_every == 0 and self.step < self.steps:
                    self._save()
                    self._report()

    def _log(self, watch: Stopwatch, bar: Any) -> None:
        """Write means since the last regular line; the lines of the first and last step do not end the window."""
        step, means = self.step, self.losses.means(self.accelerator)
        if step % self.config.logging.every == 0:
            self.losses.reset()
        if not self.accelerator.is_main_process:
            return
        rate = self.trainer.learning_rate(step - 1)
        values = {
            **{f"loss/{name}": value for name, value in means.items()},
            **{f"lr/{player.name}": rate for player in self.trainer.method.players},
            **watch.read(),
        }
        self.log.write(step, values)
        if self.tracker:
            self.tracker.log(step, values)
        bar.set_postfix({name: f"{value:.3g}" for name, value in list(means.items())[:4]})

    def _draw(self) -> None:
        if self.grid and self.accelerator.is_main_process:
            names = self.trainer.method.translators
            weights: dict[Direction, dict[str, Tensor]] = {
                direction: self.trainer.served_weights(names[direction]) for direction in self.bundles
            }
            self.grid.draw(self.folder / "samples" / f"step_{self.step:07d}.png", weights)

    def _report(self) -> None:
        if self.accelerator.is_main_process:
            write_report(self.folder, self.steps)

    def _save(self) -> None:
        """A checkpoint, then the bundles of the same weights."""
        step = self.step
        training = {**self.trainer.state(), "losses": self.losses.state(self.accelerator)}
        own = self.trainer.method.extra_state()
        self.checkpointer.save(step, step * self.config.train.batch_size, self.trainer.networks, training, own)
        if self.accelerator.is_main_process:
            for direction, info in self.bundles.items():
                weights = self.trainer.served_weights(self.trainer.method.translators[direction])
                save_bundle(self.folder / "bundles" / f"{direction}.safetensors", info.model_copy(update={"step": step}), weights)

    def _resume(self) -> None:
        """Load the newest complete checkpoint, where there is one."""
        checkpoint = self.checkpointer.newest()
        if checkpoint is not None:
            self.step = checkpoint.step
            checkpoint.load_networks(self.trainer.networks)
            training = checkpoint.training_state()
            self.trainer.load_state(training)
            self.losses.load_state(training["losses"], self.accelerator.device)
            for state in checkpoint.process_states():
                self.trainer.method.load_extra_state(state, self.slots)
            self._say(f"{checkpoint.folder}: going on after step {self.step}")
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.log.rewind(self.step)

    def _claim_folder(self) -> None:
        """Refuse a folder that holds another configuration; else write this one."""
        path = self.folder / "config.yaml"
        if path.exists():
            changed = differences(self._configuration_at(path), self.config.model_dump(mode="json"))
            if changed:
                raise UserError(
                    f"run_dir {self.folder} was made with another configuration: {'; '.join(changed)}; "
                    "take the old values or another run_dir"
                )
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            try:
                atomic.write_text(path, dump_config(self.config))
            except OSError as problem:
                raise UserError(f"run_dir {self.folder}: cannot be written ({problem.strerror}); choose another run_dir") from None

    def _configuration_at(self, path: Path) -> dict[str, Any]:
        """The folder's configuration, with today's defaults for keys that did not exist when it was made."""
        tree = read_yaml(path)
        try:
            return parse_config(tree, str(path), CONFIGS).model_dump(mode="json")
        except UserError:  # it holds keys that are gone: compare what is written
            return tree

    def _say(self, message: str) -> None:
        if self.accelerator.is_main_process:
            tqdm.write(message)
