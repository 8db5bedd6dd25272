"""Small data sets for tests, drawn here: smooth colours with an edge, a function of the number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("blue", "green", "red")  # classes of a labelled set


def draw(number: int, size: int = 24) -> np.ndarray:
    """A picture [size, size, 3], uint8."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[0:size, 0:size] / size
    phases = random.uniform(0, 6, (3, 1, 1))
    waves = 0.5 + 0.5 * np.sin(phases + random.uniform(2, 9) * x + random.uniform(2, 9) * y)
    waves[:, x > random.uniform(0.3, 0.7)] *= 0.5
    return np.round(255 * waves.transpose(1, 2, 0)).astype(np.uint8)


def draw_styling(root: Path, names: Sequence[str], size: int) -> None:
    """NAME.png for a photo and styles; left.png, right.png and small.png: masks, the last one of another size."""
    for number, name in enumerate(names):
        Image.fromarray(draw(number + 5, size)).save(root / f"{name}.png")
    left = np.zeros((size, size), np.uint8)
    left[:, : size // 2] = 255
    Image.fromarray(left).save(root / "left.png")
    Image.fromarray(255 - left).save(root / "right.png")
    Image.fromarray(left[:10]).save(root / "small.png")


def draw_folders(root: Path, train: int = 6, val: int = 2, size: int = 24) -> Path:
    """trainA/, trainB/, valA/, valB/ with pairs by stem: B is A with its channels rolled and inverted."""
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            a = draw(number + 100 * (split == "val"), size)
            for domain, picture in (("A", a), ("B", 255 - np.roll(a, 1, axis=2))):
                path = root / f"{split}{domain}" / f"{number:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path)
    return root


def draw_masks(root: Path) -> Path:
    """trainMask/ and valMask/ for the pictures of `draw_folders`: a disc of label 1 with a smaller one of label 2 in it."""
    for path in [*root.glob("trainA/*.png"), *root.glob("valA/*.png")]:
        size, number = Image.open(path).width, int(path.stem)
        y, x = np.mgrid[0:size, 0:size] - size / 2
        distance = np.hypot(y - number % 3, x + number % 4)
        mask = (distance < 0.4 * size).astype(np.uint8) + (distance < 0.2 * size)
        (root / f"{path.parent.name[:-1]}Mask").mkdir(exist_ok=True)
        Image.fromarray(mask).save(root / f"{path.parent.name[:-1]}Mask" / path.name)
    return root


def draw_classes(root: Path, names: Sequence[str] = NAMES, train: int = 3, val: int = 2) -> Path:
    """train/NAME/ and val/NAME/ for each class, the files 0.png, 1.png, ..."""
    for split, count in (("train", train), ("val", val)):
        for place, name in enumerate(names):
            for number in range(count):
                path = root / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(10 * place + number)).save(path)
    return root


def random_pixels(height: int, width: int, channels: int, depth: int = 8) -> np.ndarray:
    """Noise [height, width, channels] over the full range of `depth` bits."""
    return np.random.default_rng(0).integers(0, 2**depth, (height, width, channels)).astype(np.uint8 if depth == 8 else np.uint16)
