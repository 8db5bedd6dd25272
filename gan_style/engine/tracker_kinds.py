"""What each tracker takes: how a run begins or goes on there, and how a sample grid is handed over.

The identity of the run there is kept in trackers.json of the run folder. With it a run that goes on is one run there too. The steps after
the checkpoint come a second time then: TensorBoard hides the earlier ones, wandb drops the later ones, MLflow and Trackio keep both.
"""

import json
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from accelerate.tracking import GeneralTracker, MLflowTracker, TensorBoardTracker, TrackioTracker, WandBTracker

from gan_style.files import atomic, images
from gan_style.files.opening import read_regular

FILE = "trackers.json"  # in the run folder: tracker -> the identity of the run there
_MAX_BYTES = 1 << 16
_WRITING = threading.Lock()  # trackers of one run start at the same time


@dataclass(frozen=True)
class Place:
    """What a tracker is told of the run. step: the steps done before this start; identity: of its run there, None before the first"""

    folder: Path
    project: str
    step: int
    identity: str | None


class Tracker(ABC):
    """One tracker, as its thread calls it. Any method may raise anything. known: does the run go on there?"""

    name: ClassVar[str]
    inner: Any  # accelerate's tracker, once it was made

    def __init__(self, place: Place) -> None:
        self.place, self.known = place, place.identity is not None

    @abstractmethod
    def make(self) -> GeneralTracker:
        """accelerate's tracker, not started."""

    @abstractmethod
    def identity(self) -> str:
        """The identity of the run there, once it has started."""

    @abstractmethod
    def picture(self, step: int, path: Path) -> None:
        """Send the sample grid of a step."""

    def start(self, values: Mapping[str, Any]) -> None:
        """Begin a run with the configuration `values`, or go on with one, which has them already."""
        self.inner = self.make()
        self.inner.start()
        _remember(self.place.folder, self.name, self.identity())
        if not self.known:
            self.inner.store_init_configuration(dict(values))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Send the numbers of a step."""
        self.inner.log(dict(values), step=step)

    def finish(self) -> None:
        """End the run there."""
        self.inner.finish()


class _TensorBoard(Tracker):
    """Event files in the folder tensorboard of the run. Those of a run that goes on hide what came after its checkpoint."""

    name = "tensorboard"

    def make(self) -> GeneralTracker:
        return TensorBoardTracker(self.name, self.place.folder, purge_step=self.place.step + 1 if self.known else None)

    def identity(self) -> str:
        return self.name

    def picture(self, step: int, path: Path) -> None:
        self.inner.log_images({"samples": _pixels(path)[None]}, step=step, dataformats="NHWC")


class _WandB(Tracker):
    name = "wandb"

    def make(self) -> GeneralTracker:
        self.run = self.place.identity or uuid.uuid4().hex[:12]
        folder = self.place.folder
        return WandBTracker(self.place.project, id=self.run, name=folder.resolve().name, dir=str(folder), resume="allow")

    def identity(self) -> str:
        return self.run

    def picture(self, step: int, path: Path) -> None:
        self.inner.log_images({"samples": [_pixels(path)]}, step=step)


class _MLflow(Tracker):
    name = "mlflow"

    def make(self) -> GeneralTracker:
        return MLflowTracker(self.place.project, run_id=self.place.identity, run_name=self.place.folder.resolve().name)

    def identity(self) -> str:
        return str(self.inner.tracker.info.run_id)

    def picture(self, step: int, path: Path) -> None:
        self.inner.log_artifact(str(path), "samples")


class _Trackio(Tracker):
    name = "trackio"

    def make(self) -> GeneralTracker:
        self.run = self.place.identity or f"{self.place.folder.resolve().name}-{uuid.uuid4().hex[:6]}"
        return TrackioTracker(self.place.project, name=self.run, resume="allow")

    def identity(self) -> str:
        return self.run

    def picture(self, step: int, path: Path) -> None:
        self.inner.log({"samples": import_module("trackio").Image(str(path))}, step=step)


KINDS: dict[str, type[Tracker]] = {kind.name: kind for kind in (_TensorBoard, _WandB, _MLflow, _Trackio)}


def _pixels(path: Path) -> np.ndarray:
    """A sample grid [H, W, 3] uint8."""
    return images.read(path, 3, max_pixels=2 * images.MAX_PIXELS).pixels


def identities(folder: Path) -> dict[str, str]:
    """tracker -> the identity of the run there; empty if no tracker has started, or the file is damaged."""
    try:
        tree = json.loads(read_regular(folder / FILE, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: text for name, text in tree.items() if isinstance(text, str)} if isinstance(tree, dict) else {}


def _remember(folder: Path, name: str, identity: str) -> None:
    with _WRITING:
        atomic.write_text(folder / FILE, json.dumps({**identities(folder), name: identity}, indent=1) + "\n")
