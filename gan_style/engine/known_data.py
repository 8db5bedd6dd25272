"""The training set as checkpoints know it: a run that goes on trains on the same one, or says that it does not."""

from typing import Any

from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet
from gan_style.datasets.fingerprint import Fingerprint, changes, fingerprint
from gan_style.errors import UserError


class KnownData:
    """The data set of this start. Of the main process alone."""

    def __init__(self, training: TrainingSet, config: RunConfig[Any]) -> None:
        self.training, self.config = training, config
        self.fingerprint = fingerprint(training.source)

    def compare(self, stored: Fingerprint | None, step: int) -> str:
        """What to tell of the data set of a run that goes on after `step` steps; `UserError` for another one that nobody accepted.

        stored: its fingerprint in the checkpoint; None in one that was saved before there were fingerprints
        """
        root = " and ".join(place for place in (self.config.data.root, self.config.data.root_b) if place)
        if stored is None:
            return f"it does not say what it was trained on, which is taken to be {root}"
        seen = self.training.seen(step * self.config.train.batch_size)
        change = changes(stored, self.fingerprint, seen) if step else ""
        if not change:
            return ""
        if self.config.data.changed == "accept":
            return f"from step {step + 1} on it trains on a changed data set: {change}"
        raise UserError(
            f"data.root: {root} is not what the first {step} steps were trained on: {change}; put it back, take another run_dir, "
            f"or set data.changed=accept, which trains on it from step {step + 1} on"
        )
