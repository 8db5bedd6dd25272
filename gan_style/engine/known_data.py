"""The check that a resumed run trains on the same data set, read in the same way: checkpoints hold its fingerprint, and what was sought."""

from collections.abc import Mapping
from typing import Any

from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet
from gan_style.datasets.fingerprint import Fingerprint, changes, fingerprint
from gan_style.engine.run_values import check_sought
from gan_style.errors import UserError


class KnownData:
    """The fingerprint of this start's data set. Only the main process uses it.

    sought: the keys whose values are found in the training files, as they were given (`run_values.sought_keys`)
    """

    def __init__(self, training: TrainingSet, config: RunConfig[Any], sought: Mapping[str, str]) -> None:
        self.training, self.config, self.sought = training, config, dict(sought)
        self.fingerprint = fingerprint(training.source)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"data": self.fingerprint, "sought": self.sought}

    def check(self, state: Mapping[str, Any], step: int) -> str:
        """Compare with a checkpoint after `step` steps, and keep how its values were found. Returns a line for the user, or "".

        state: the checkpoint's; that of an earlier version has no fingerprint, or does not say how values were found
        `UserError` if a key seeks values in another way, or if the data set has changed and `data.changed` is not `accept`.
        """
        if (sought := state.get("sought")) is not None:
            check_sought(self.config, sought, self.sought)
            self.sought |= sought
        return self._change(state.get("data"), step)

    def _change(self, stored: Fingerprint | None, step: int) -> str:
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
