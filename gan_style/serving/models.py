"""The models that a server has loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from gan_style.bundles.file import BundleInfo, digest
from gan_style.conditions import Noise
from gan_style.errors import UserError, nearest
from gan_style.machine.batches import Batches
from gan_style.machine.device import Precision
from gan_style.serving.request import Translating
from gan_style.translation.pipeline import batch_of, translate_together
from gan_style.translation.predictor import Predictor


@dataclass(frozen=True)
class Model:
    """A loaded bundle. sha256: of the file that was loaded, whatever has become of it since; batch_size: None chooses as infer does"""

    name: str
    predictor: Predictor
    sha256: str
    batch_size: int | None = None

    @classmethod
    def load(cls, name: str, path: Path, device: str, precision: Precision, batch_size: int | None) -> "Model":
        """`UserError` if the bundle is damaged, translates no pictures, or is replaced meanwhile."""
        sha256 = digest(path)
        predictor = Predictor.load(path, device, precision)
        if digest(path) != sha256:
            raise UserError(f"--model {path}: was replaced while it was loaded; start again")
        if isinstance(predictor.condition, Noise):
            raise UserError(f"--model {path}: makes pictures from noise, and serve translates pictures; take infer --samples N")
        return cls(name, predictor, sha256, batch_size)

    @property
    def info(self) -> BundleInfo:
        return self.predictor.info

    def most(self, request: Translating) -> int:
        """The most pictures in one forward with this request's."""
        assert request.translator is not None
        options = request.options
        size = self.batch_size or batch_of(self.predictor, options.resize, options.keep_resized)
        return 1 if request.translator.one_by_one else min(size, self.batches.size)

    @cached_property
    def batches(self) -> Batches[Translating, Tensor]:
        """Runs requests of one kind; remembers that memory ran out."""

        def run(batch: Sequence[Translating]) -> Sequence[Tensor]:
            translator = batch[0].translator
            assert translator is not None
            return translate_together(translator, [request.original for request in batch])

        return Batches(run, 4096)

    def in_short(self) -> dict[str, Any]:
        """What a client needs to ask for a translation."""
        info, condition = self.info, self.predictor.condition
        return {
            "name": self.name,
            "method": info.method,
            "direction": info.direction,
            "step": info.step,
            "in_channels": info.in_channels,
            "out_channels": info.out_channels,
            "takes": condition.kind,
            "names": list(getattr(condition, "names", ())),
            "sha256": self.sha256,
        }

    def in_full(self) -> dict[str, Any]:
        """The metadata of the bundle, and how it runs here."""
        return {
            **self.in_short(),
            "device": self.predictor.device.type,
            "precision": self.predictor.precision,
            "bundle": self.info.model_dump(mode="json"),
        }


def model_called(models: Mapping[str, Model], name: str | None) -> Model | str:
    """The model of a name, or why there is none, in words. None: the only model."""
    known = ", ".join(models)
    if name is None:
        return next(iter(models.values())) if len(models) == 1 else f"model: give one of {known}"
    return models.get(name) or f"model {name!r}: no such model{nearest(name, models)}; there are {known}"
