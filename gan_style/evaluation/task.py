"""The task score of a command: its segmenter, and the label maps and real photos that belong to each translation."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.bundle import Resize
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.demo import ensure_demo
from gan_style.datasets.folders import stem
from gan_style.datasets.reading import read_domain
from gan_style.errors import UserError
from gan_style.segmentation.score import TaskScore
from gan_style.segmentation.segmenter import load_or_train
from gan_style.segmentation.training import label_data, train_segmenter
from gan_style.types import Direction


class Task:
    """Validation pairs of a data set by the name of their label map, and the score of what was made of them."""

    @classmethod
    def of(cls, options: Namespace, direction: Direction, resize: Resize, device: torch.device) -> "Task":
        """resize: how translations were sized, for a segmenter that is still to be trained."""
        path = Path(options.segmenter)
        ensure_demo(options.data)
        data = label_data(options.data, direction, resize, options.source)
        segmenter = load_or_train(
            path, device, lambda: train_segmenter(data, direction, resize, device, options.segmenter_steps, options.ignore_color)
        )
        if path.exists() and options.ignore_color and set(options.ignore_color) != set(segmenter.info.ignored):
            raise UserError(f"--ignore-color: {path} was trained to ignore {list(segmenter.info.ignored)}; give these, or train another")
        return cls(path, TaskScore(segmenter), label_data(options.data, direction, segmenter.info.resize, options.source), direction)

    def __init__(self, path: Path, score: TaskScore, data: Any, direction: Direction) -> None:
        validation = open_dataset(data, "val", True, 0)
        if validation is None:
            raise UserError(f"--segmenter: {data.root} has no validation pairs of label maps and photos (data/README.md)")
        self.path, self.score, self.data, self.validation = path, score, data, validation
        self.labels = direction[0]
        self.read_photo = validation.read_a if direction == "b2a" else validation.read_b
        self.places = {key: place for place, key in enumerate(validation.source.keys(self.labels))}
        self.stems = {_stem_in_split(key): key for key in self.places}

    def key_of(self, relative_stem: str) -> str:
        """The label map's name that belongs to a result's path without its suffix, relative to its folder."""
        if relative_stem not in self.stems:
            raise UserError(f"--segmenter: {self.data.root} has no validation label map {relative_stem!r}, by which a result is called")
        return self.stems[relative_stem]

    def add(self, key: str, translated: Tensor) -> None:
        """Score the translation [C, H, W] of the label map `key`."""
        if key not in self.places:
            raise UserError(f"--segmenter: {key} has no true photo in {self.data.root}: the task score needs pairs")
        place = self.places[key]
        pixels = read_domain(self.validation.source, self.data, self.labels, place).pixels
        labels = pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)
        photo, _ = self.read_photo(place)
        self.score.add(labels, photo, translated)

    def summary(self) -> dict[str, Any]:
        """For the table and the JSON."""
        return {"segmenter": str(self.path), "classes": len(self.score.segmenter.classes), **self.score.scores()}


def _stem_in_split(key: str) -> str:
    """valA/town/001.png -> town/001."""
    first, _, rest = key.partition("/")
    return stem(rest if rest and first in ("val", "valA", "valB") else key)
