"""Sample grids: translations of the same validation images at different steps of training."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_style.engine.console import in_words
from gan_style.evaluation.cases import run_alone
from gan_style.files import images
from gan_style.files.sheet import tile
from gan_style.machine.memory import room_for
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
    """Draws one row for each example: shown images | translations | truth, in cells of the largest picture's size.

    translators: networks of `methods.serving.serving_network`, which infer runs too. They see one image at a time, without autocast, as
    they do there. `draw` gives them their weights.
    """

    def __init__(self, translators: Mapping[Direction, nn.Module], examples: Sequence[Example], device: torch.device) -> None:
        self.translators: dict[Direction, nn.Module] = {direction: translator.to(device) for direction, translator in translators.items()}
        self.examples = examples
        self.device = device

    @torch.no_grad()
    def draw(self, path: Path, weights: Mapping[Direction, Mapping[str, Tensor]]) -> None:
        """Write the grid to `path`."""
        for direction, translator in self.translators.items():
            translator.load_state_dict(weights[direction])
        rows = []
        for example in self.examples:
            network = self.translators[example.direction]
            translated = [run_alone(network, inputs, self.device).cpu() for inputs in example.inputs]
            rows.append([picture for picture in (*example.shown, *translated, example.truth) if picture is not None])
        images.write(path, tile([[images.to_pixels(picture) for picture in row] for row in rows]))


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
