"""Sample grids: what the translators make of the same validation images as training goes on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gan_style import images
from gan_style.types import Direction


@dataclass(frozen=True)
class Example:
    """One validation image and, where the data are paired, what it should become. Tensors [C, H, W] in [-1, 1]."""

    direction: Direction
    source: Tensor
    truth: Tensor | None


class SampleGrid:
    """Draws one row for each example: source | translation | truth, left to right, in cells of the largest picture's size.

    translators: bare networks as inference builds them, in float32; `draw` is given the weights to run them with. They run
    one image at a time, without autocast, exactly as infer.py does on the same device.
    """

    def __init__(self, translators: Mapping[Direction, nn.Module], examples: Sequence[Example], device: torch.device) -> None:
        self.translators = {direction: translator.to(device).eval() for direction, translator in translators.items()}
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
        images.write(path, tile([[_rgb(images.to_pixels(picture)) for picture in row] for row in rows]))


def tile(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of pictures [H, W, 3] -> one picture; each cell has the largest height and width, its picture in the upper left corner."""
    height = max(picture.shape[0] for row in rows for picture in row)
    width = max(picture.shape[1] for row in rows for picture in row)
    canvas = np.full((len(rows) * height, max(map(len, rows)) * width, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            canvas[y * height : y * height + picture.shape[0], x * width : x * width + picture.shape[1]] = picture
    return canvas


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """[H, W, 1 to 4] -> [H, W, 3]: gray repeated, alpha left out."""
    return pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)


def examples_of(pairs: Iterable[tuple[Tensor, Tensor]], direction: Direction) -> list[Example]:
    """Examples from pairs (a, b)."""
    return [Example(direction, a, b) if direction == "a2b" else Example(direction, b, a) for a, b in pairs]
