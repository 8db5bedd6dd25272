"""Sample grids: what the translators make of the same validation images as training goes on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_style.files import images
from gan_style.files.sheet import tile
from gan_style.methods.base import Example
from gan_style.types import Direction


class SampleGrid:
    """Draws one row for each example: what it was made from | translation | truth, left to right, in cells of the largest picture's size.

    translators: what `methods.serving.serving_network` returns, which infer.py runs too; `draw` is given the weights to run
    them with. They see one image at a time, without autocast, as they do there.
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
            inputs = (given[None].to(self.device) for given in example.inputs)
            translated = self.translators[example.direction](*inputs)[0].cpu()
            rows.append([picture for picture in (*example.shown, translated, example.truth) if picture is not None])
        images.write(path, tile([[images.to_pixels(picture) for picture in row] for row in rows]))
