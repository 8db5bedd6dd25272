"""Sample grids: translations of the same validation images at different steps of training."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_style.conditions import Given
from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import ValidationSet
from gan_style.datasets.spread import spread
from gan_style.engine.console import in_words
from gan_style.engine.looks import Look
from gan_style.evaluation.cases import run_alone
from gan_style.files import images
from gan_style.files.field_picture import field_picture
from gan_style.files.sheet import tile
from gan_style.machine.memory import room_for
from gan_style.methods.base import Method
from gan_style.types import Direction


@dataclass(frozen=True)
class Example:
    """One row of a sample grid.

    inputs: the translator's arguments for each translation of the row, without batch dimensions (`Condition.row`)
    shown: images [C, H, W] at the left of the translations; truth: the image at the right of the translations; None if there is none
    """

    direction: Direction
    inputs: Sequence[tuple[Tensor, ...]]
    shown: tuple[Tensor, ...]
    truth: Tensor | None


class SampleGrid:
    """Draws one row for each example: shown images | translations | truth | field, in cells of the largest picture's size.

    translators: networks of `methods.serving.serving_network`, which infer runs too. They see one image at a time, without autocast, as
    they do there. `draw` gives them their weights.
    looks: domain -> how its images are shown; the images of other domains are pictures
    field: `Method.field`. If it returns a field between the last translation and the truth, that field is drawn at the right
    """

    def __init__(
        self,
        translators: Mapping[Direction, nn.Module],
        examples: Sequence[Example],
        device: torch.device,
        field: Callable[[Tensor, Tensor], Tensor | None],
        looks: Mapping[str, Look] | None = None,
    ) -> None:
        self.translators: dict[Direction, nn.Module] = {direction: translator.to(device) for direction, translator in translators.items()}
        self.examples = examples
        self.device, self.field, self.looks = device, field, looks or {}

    @torch.no_grad()
    def draw(self, path: Path, weights: Mapping[Direction, Mapping[str, Tensor]]) -> None:
        """Write the grid to `path`."""
        for direction, translator in self.translators.items():
            translator.load_state_dict(weights[direction])
        rows = []
        for example in self.examples:
            network = self.translators[example.direction]
            translated = [run_alone(network, inputs, self.device).cpu() for inputs in example.inputs]
            given, made = example.direction[0], example.direction[-1]
            shown = [self._pictures(given if place == 0 else made, image) for place, image in enumerate(example.shown)]
            shown += [self._pictures(made, image) for image in (*translated, example.truth) if image is not None]
            rows.append([picture for each in shown for picture in each] + self._fields(translated[-1], example.truth))
        images.write(path, tile(rows))

    def _pictures(self, domain: str, image: Tensor) -> list[np.ndarray]:
        """The pictures that show an image of a domain."""
        return self.looks[domain].pictures(image) if domain in self.looks else [images.to_pixels(image)]

    def _fields(self, output: Tensor, truth: Tensor | None) -> list[np.ndarray]:
        """The picture of the field between a translation and its truth [C, H, W], if there is a field."""
        if truth is None or truth.shape != output.shape:
            return []
        field = self.field(output[None].to(self.device), truth[None].to(self.device))
        return [] if field is None else [field_picture(field[0].double().cpu().numpy())]


def make_examples(config: RunConfig[Any], method: Method, validation: ValidationSet | None) -> list[Example]:
    """The rows of the sample grids: `logging.samples` validation images, spread evenly over the set."""
    if validation is None or not config.logging.samples:
        return []
    domains = {"a": (validation.read_a, validation.len_a), "b": (validation.read_b, validation.len_b)}
    examples: list[Example] = []
    condition = method.condition
    for direction in method.translators:
        (read, length), (read_other, length_other) = domains[direction[0]], domains[direction[-1]]
        for number, index in enumerate(spread(length, config.logging.samples)):
            partner = index if validation.paired else number % max(1, length_other)
            other = read_other(partner)[0] if length_other and "b" in validation.source.domains else None
            given = Given(read(index)[0], other, number, validation.label(index), config.train.seed)
            truth = other if method.needs == "pairs" else None
            examples.append(Example(direction, condition.row(given), condition.shown(given), truth))
    return examples


def draw_or_warn(grid: SampleGrid, folder: Path, step: int, weights: Mapping[Direction, Mapping[str, Tensor]], again: bool) -> Path | None:
    """Draw the grid of `step` into a run's `folder`. Returns its file, or None: a failure becomes a warning.

    again: draw it even if its file exists
    """
    path = folder / "samples" / f"step_{step:07d}.png"
    if not again and path.exists():
        return None
    try:
        with room_for("no memory to draw it", "logging.samples sets how many pictures it has"):
            grid.draw(path, weights)
    except Exception as problem:  # a picture is not worth a training
        warnings.warn(f"step {step}: no sample grid ({in_words(problem)}); training goes on", stacklevel=3)
        return None
    return path
