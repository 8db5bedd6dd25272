"""Small data sets whose pixels tell which file and place they come from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_style.files import images

Writer = Callable[..., None]


@pytest.fixture
def write_pairs() -> Writer:
    """write_pairs(root, split, count, height, width): folders paired by stem; B is A with the colours inverted."""

    def write(root: Path, split: str, count: int, height: int = 24, width: int = 32) -> None:
        for index in range(count):
            pixels = np.random.default_rng([index, len(split)]).integers(0, 256, (height, width, 3), dtype=np.uint8)
            images.write(root / f"{split}A" / f"s{index}.png", pixels)
            images.write(root / f"{split}B" / f"s{index}.png", 255 - pixels)

    return write


@pytest.fixture
def write_palette() -> Writer:
    """write_palette(path, height, width): a label map of 5 colours, no two of them with a colour of the set between them."""

    def write(path: Path, height: int = 24, width: int = 32) -> None:
        indices = np.random.default_rng(7).integers(0, 5, (height, width), dtype=np.uint8)
        picture = Image.fromarray(indices).convert("P")
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 250, 240, 230])
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)

    return write
