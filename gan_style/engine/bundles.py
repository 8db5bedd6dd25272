"""The bundles of a run: of the present weights after each checkpoint, and of the best ones so far."""

from collections.abc import Mapping
from functools import partial
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
    """

    def __init__(self, folder: Path, infos: Mapping[Direction, BundleInfo], trainer: Trainer, best: BestBundles) -> None:
        self.folder, self.infos, self.trainer, self.best = folder, infos, trainer, best

    @property
    def paths(self) -> list[Path]:
        """The file of each direction."""
        return [self.path(direction) for direction in self.infos]

    def path(self, direction: Direction) -> Path:
        """The file of the newest weights of a direction."""
        return self.folder / f"{direction}.safetensors"

    def weights(self) -> dict[Direction, dict[str, Tensor]]:
        """The weights that serve each direction now: the moving average if there is one."""
        return {direction: self._of(direction) for direction in self.infos}

    def offer(self, step: int, scores: Mapping[Direction, Mapping[str, float]]) -> list[Direction]:
        """Keep each direction's weights after `step` steps that are the best so far; returns these directions."""
        write = partial(self.write, step)
        return [direction for direction, values in scores.items() if self.best.offer(direction, step, values, write)]

    def save(self, step: int) -> None:
        """Write the bundle of each direction, and give the best ones their names. The checkpoint of `step` is complete."""
        write = partial(self.write, step)
        for direction in self.infos:
            write(self.path(direction), direction, {})
        self.best.publish(step, write)

    def write(self, step: int, path: Path, direction: Direction, scores: Mapping[str, float]) -> None:
        """Write the present weights of a direction. `UserError` if the disk refuses them."""
        info = self.infos[direction].model_copy(update={"step": step, "scores": dict(scores)})
        try:
            save_bundle(path, info, self._of(direction))
        except (OSError, SafetensorError) as refusal:
            raise UserError(f"{path}: cannot be written ({refusal}); make room, then the same command goes on") from None

    def _of(self, direction: Direction) -> dict[str, Tensor]:
        return self.trainer.served_weights(self.trainer.method.translators[direction])
