"""The bundles of a run: of the present weights after each checkpoint, and of the best ones so far."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from gan_style.bundles.file import BundleInfo, save_bundle
from gan_style.engine.best import BestBundles
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError
from gan_style.types import Direction


class RunBundles:
    """Writes bundles into the folder `bundles` of a run.

    infos: direction -> the metadata of its bundle, all but the step
    step: the number of steps that the weights have; the run sets it
    """

    def __init__(self, folder: Path, infos: Mapping[Direction, BundleInfo], trainer: Trainer, best: BestBundles) -> None:
        self.folder, self.infos, self.trainer, self.best = folder, infos, trainer, best
        self.step = 0

    @property
    def paths(self) -> list[Path]:
        """The file of each direction."""
        return [self.path(direction) for direction in self.infos]

    def path(self, direction: Direction) -> Path:
        """The file of the newest weights of a direction."""
        return self.folder / f"{direction}.safetensors"

    def weights(self) -> dict[Direction, dict[str, Tensor]]:
        """The weights that serve each direction now: the moving average where there is one."""
        return {direction: self._of(direction) for direction in self.infos}

    def offer(self, scores: Mapping[Direction, Mapping[str, float]]) -> list[Direction]:
        """Keep each direction's weights that are the best so far; returns these directions."""
        return [direction for direction, values in scores.items() if self.best.offer(direction, self.step, values, self.write)]

    def save(self) -> None:
        """Write the bundle of each direction, and give the best ones their names. The checkpoint of this step is complete."""
        for direction in self.infos:
            self.write(self.path(direction), direction, {})
        self.best.publish(self.step, self.write)

    def write(self, path: Path, direction: Direction, scores: Mapping[str, float]) -> None:
        """Write the present weights of a direction. `UserError` where the disk refuses them."""
        info = self.infos[direction].model_copy(update={"step": self.step, "scores": dict(scores)})
        try:
            save_bundle(path, info, self._of(direction))
        except (OSError, SafetensorError) as refusal:
            raise UserError(f"{path}: cannot be written ({refusal}); make room, then the same command goes on") from None

    def _of(self, direction: Direction) -> dict[str, Tensor]:
        return self.trainer.served_weights(self.trainer.method.translators[direction])
