"""The check that a resumed run trains on the same data set: checkpoints hold its fingerprint."""

from typing import Any

from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet
from gan_style.datasets.fingerprint import Fingerprint, changes, fingerprint
from gan_style.errors import UserError


class KnownData:
    """The fingerprint of this start's data set. Only the main process uses it."""

    def __init__(self, training: TrainingSet, config: RunConfig[Any]) -> None:
        self.training, self.config = training, config
        self.fingerprint = fingerprint(training.source)

    def check(self, stored: Fingerprint | None, step: int) -> str:
        """Compare with the data set of a checkpoint after `step` steps. Returns a line for the user, or "".

        stored: the fingerprint in the checkpoint; None in a checkpoint of an earlier version without fingerprints
        `UserError` if the data set has changed and `data.changed` is not `accept`.
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
            f"data.root: {root} has changed since the first {step} steps: {change}; restore it, take another run_dir, "
            f"or set data.changed=accept to train on it from step {step + 1} on"
        )
