"""The best translator of each direction so far, by one validation metric, kept as bundles/best_a2b.safetensors.

The state of the best is part of the checkpoint, so a resumed run finds the state of that moment. The bundle of a new best therefore
waits under a hidden name until a checkpoint that includes it is complete, and is then renamed. If the run is killed before that, the
resumed run either publishes the waiting bundle or measures again.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from gan_style.config.metrics import metric_of
from gan_style.config.validation import ValidationConfig
from gan_style.datasets.fingerprint import Fingerprint, fingerprint, measured_changes
from gan_style.engine.validation import Validation
from gan_style.errors import UserError
from gan_style.evaluation.features import DIRECTIONS
from gan_style.files import atomic
from gan_style.types import Direction

# (path, direction, scores): writes the bundle of a direction with its scores to a path.
Write = Callable[[Path, Direction, Mapping[str, float]], None]


class BestBundles:
    """The best bundles. Only the main process uses it. kept: direction -> {"step": of the measurement, "scores": metric -> value}

    metric: the key `validation.best`; None keeps no bundle
    settings, images: keys and fingerprint of the validation images and their masks; images is None if no bundle is kept
    network: of the metric, in words; None if it has none
    Values are compared only if all three are equal. A state with others is dropped.
    """

    def __init__(
        self, folder: Path, metric: str | None, settings: Mapping[str, Any], images: Fingerprint | None = None, network: str | None = None
    ) -> None:
        self.folder, self.metric, self.settings, self.images, self.network = folder, metric, dict(settings), images, network
        self.kept: dict[Direction, dict[str, Any]] = {}
        self._carried: dict[str, Any] | None = None  # the state of an earlier start; checkpoints keep it while validation.best is off

    @classmethod
    def of(cls, folder: Path, config: ValidationConfig, validation: Validation | None) -> "BestBundles":
        """Make it from the configuration. validation: None if nothing is measured, or not by this process"""
        settings = config.model_dump(mode="json", exclude={"metrics", "best"})
        if validation is None or config.best is None:
            return cls(folder, None, settings)
        return cls(folder, config.best, settings, fingerprint(validation.source), validation.networks.get(config.best))

    def offer(self, direction: Direction, step: int, scores: Mapping[str, float], write: Write) -> bool:
        """If the translator of this step is better than the best so far, keep it: `write` writes its bundle. Returns whether it is."""
        value = scores.get(self.metric or "", math.nan)
        if not self._better(value, self.kept.get(direction)):
            return False
        finite = {name: value for name, value in scores.items() if math.isfinite(value)}
        write(self._waiting(direction, step), direction, finite)
        self.kept[direction] = {"step": step, "scores": finite}
        return True

    def publish(self, step: int, write: Write) -> None:
        """Rename the waiting bundles. Called when the checkpoint of `step` is complete; `write` writes bundles of its weights."""
        if self.metric is None:
            return
        for direction, best in list(self.kept.items()):
            waiting, final = self._waiting(direction, best["step"]), self.path(direction)
            if waiting.exists():
                try:
                    waiting.replace(final)
                    atomic.flush(self.folder)
                except OSError as refusal:
                    raise UserError(f"{final}: cannot be written ({refusal.strerror}); make room, then the same command goes on") from None
            elif not final.exists() and best["step"] == step:
                write(final, direction, best["scores"])
            elif not final.exists():
                warnings.warn(f"{final}: is gone; the best translator from now on takes its place", stacklevel=2)
                del self.kept[direction]
        for leftover in self.folder.glob(".best_*.safetensors"):
            leftover.unlink(missing_ok=True)

    def path(self, direction: Direction) -> Path:
        """The path of a direction's best bundle."""
        return self.folder / f"best_{direction}.safetensors"

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        own = {"metric": self.metric, "settings": self.settings, "images": self.images, "network": self.network, "kept": dict(self.kept)}
        return self._carried or own

    def load_state(self, state: Mapping[str, Any]) -> str:
        """Restore `state`. It is dropped if the metric, its network, settings or images differ; returns what differs in words, else ""."""
        if self.metric is None:
            self._carried = dict(state)
            return ""
        if state["kept"] and (change := self._change(state)):
            return change
        self.kept = {direction: state["kept"][direction] for direction in get_args(Direction) if direction in state["kept"]}
        return ""

    def _change(self, state: Mapping[str, Any]) -> str:
        """Why the values of `state` cannot be compared with new ones, in words; "" if they can."""
        if (self.metric, self.settings) != (state["metric"], state["settings"]):
            return "validation.{best, images, features, lpips, structure} changed"
        earlier = None if DIRECTIONS in (self.network or "") else self.network  # earlier versions, which did not tell, took one layer
        if (network := state.get("network", earlier)) != self.network:
            return f"{self.metric} is measured otherwise: by {network or 'a layer of the VGG'} before, now by {self.network}"
        before = state.get("images")  # None in checkpoints of earlier versions
        change = measured_changes(before, self.images) if before and self.images else ""
        return f"the validation images changed ({change})" if change else ""

    def _better(self, value: float, best: Mapping[str, Any] | None) -> bool:
        if self.metric is None or not math.isfinite(value):
            return False
        if best is None:
            return True
        kept, metric = best["scores"][self.metric], metric_of(self.metric)
        return value > kept if metric and metric.higher_is_better else value < kept

    def _waiting(self, direction: Direction, step: int) -> Path:
        return self.folder / f".best_{direction}_{step:07d}.safetensors"
