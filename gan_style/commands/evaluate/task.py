"""The task score of `gan-style evaluate`: the segmenter, and the label map and real photo of each translation."""

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.bundles.file import Resize
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.demo.sets import ensure_demo
from gan_style.errors import UserError
from gan_style.evaluation.task.score import TaskScore
from gan_style.evaluation.task.segmenter import Segmenter, check_place, load_segmenter, save_segmenter
from gan_style.evaluation.task.training import MAPS, label_data, train_segmenter
from gan_style.files.samples import rounded_to_8_bits
from gan_style.files.stems import stem
from gan_style.types import Direction

DEFAULT_STEPS = 1000


class TaskScoring:
    """Scores translations of the label maps in a data set's validation pairs."""

    @classmethod
    def of(
        cls,
        options: Namespace,
        direction: Direction,
        resize: Resize,
        device: torch.device,
        names: Iterable[str],
        maps: DomainConfig = MAPS,
    ) -> "TaskScoring":
        """Read the segmenter, or train it after everything else has been checked.

        resize: the size of the translations, for a segmenter that is yet to be trained
        names: of the translations, see `Pairs`
        maps: how label maps are read, unless the options or the segmenter say so
        """
        path = Path(options.segmenter)
        ensure_demo(options.data)
        segmenter = _read(path, options, device) if path.exists() else None
        said = segmenter.info.labels if segmenter else options.labels
        maps = DomainConfig(labels=said) if said not in (None, maps.labels) else maps
        data = label_data(options.data, direction, segmenter.info.resize if segmenter else resize, options.source or "auto", maps)
        pairs = Pairs(data, direction)
        for name in names:
            pairs.place(name)
        if segmenter is None:
            check_place(path)
            steps, ignored = options.segmenter_steps or DEFAULT_STEPS, options.ignore_color or ()
            segmenter = train_segmenter(data, direction, resize, device, steps, ignored)
            save_segmenter(path, segmenter)
        return cls(path, pairs, segmenter)

    def __init__(self, path: Path, pairs: "Pairs", segmenter: Segmenter) -> None:
        self.path, self.pairs, self.score = path, pairs, TaskScore(segmenter)

    def add(self, name: str, translated: Tensor) -> None:
        """Score the translation [C, H, W] of the label map `name`."""
        labels, photo = self.pairs.read(name)
        try:
            self.score.add(labels, photo, translated)
        except UserError as mistake:
            raise UserError(f"{name}: {mistake}") from None

    def summary(self) -> dict[str, Any]:
        """The scores for the table and the JSON."""
        return {"segmenter": str(self.path), "classes": len(self.score.segmenter.classes), **self.score.scores()}


class Pairs:
    """Validation pairs by the name of their label map: its key, or its path below the split without suffix, like a result's file."""

    def __init__(self, data: DataConfig, direction: Direction) -> None:
        validation = open_dataset(data, "val", "pairs", 0)
        if validation is None:
            raise UserError(f"--segmenter: {data.root} has no validation pairs of label maps and photos (data/README.md)")
        self.root, self.validation, self.labels, self.photos = data.root, validation, direction[0], direction[-1]
        source = validation.source
        keys = list(source.keys(self.labels))
        stems = {stem(source.below(self.labels, place)): place for place in range(len(keys))}
        self._places = stems | {key: place for place, key in enumerate(keys)}

    def place(self, name: str) -> int:
        """The index of the pair. `UserError` if there is none of that name."""
        if name not in self._places:
            raise UserError(
                f"--segmenter: {self.root} has no validation pair {name!r}; the score needs the label map and the photo of each"
            )
        return self._places[name]

    def read(self, name: str) -> tuple[np.ndarray, Tensor]:
        """(label map [h, w, 3] uint8 as in its file, photo [C, H, W] in [-1, 1])."""
        pair = self.validation.read_pair(self.place(name))
        return rounded_to_8_bits(pair[self.labels].pixels), self.validation.sized(pair[self.photos])


def _read(path: Path, options: Namespace, device: torch.device) -> Segmenter:
    """Read the segmenter in a file. `UserError` if it does not match the options."""
    segmenter = load_segmenter(path, device)
    info = segmenter.info
    if options.ignore_color and set(options.ignore_color) != set(info.ignored):
        raise UserError(f"--ignore-color: {path} was trained to ignore {list(info.ignored)}; give these, or train another")
    if options.labels not in (None, info.labels):
        raise UserError(f"--labels: {path} was trained with {info.labels}; leave it out, or train another")
    if options.segmenter_steps not in (None, info.steps):
        raise UserError(f"--segmenter-steps: {path} was trained for {info.steps}; leave them out, or train another")
    return segmenter
