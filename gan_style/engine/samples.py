"""Sample grids: what the translators make of the same validation images as training goes on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_style import images
from gan_style.sheet import tile
from gan_style.types import Direction


@dataclass(frozen=True)
class Example:
    """One validation image and, where the data are paired, what it should become. Tensors [C, H, W] in [-1, 1]."""

    direction: Direction
    source: Tensor
    truth: Tensor | None


class SampleGrid:
    """Draws one row for each example: source | translation | truth, left to right, in cells of the largest picture's size.

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
            translated = self.translators[example.direction](example.source[None].to(self.device))[0].cpu()
            rows.append([picture for picture in (example.source, translated, example.truth) if picture is not None])
        images.write(path, tile([[images.to_pixels(picture) for picture in row] for row in rows]))


def examples_of(pairs: Iterable[tuple[Tensor, Tensor]], direction: Direction) -> list[Example]:
    """Examples from pairs (a, b)."""
    return [Example(direction, a, b) if direction == "a2b" else Example(direction, b, a) for a, b in pairs]
