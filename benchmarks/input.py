"""Pairs a second that one loading process makes: python benchmarks/input.py [--rounds 7] [--pairs 24].

Drawn pictures of 384 x 288 pixels are resized to 286, cropped to 256, flipped and handed over one pair at a time, as training takes them.
Beside ours a plain loader does the same with Pillow and torchvision: bicubic resize, crop, flip, floats in [-1, 1]. Ours is measured with
the conversion to floats, which training does on the device. The loaders take turns; times are of the processor, so that what else the
machine does counts little. Prints the pairs a second (median, minimum, maximum over the rounds) and the median ratio to the plain loader.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as F
from tqdm import tqdm

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.loading import training_loader

LOAD, CROP = 286, 256
SIZE = (288, 384)  # height, width
CACHES = ("off", "memory", "disk")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=24, help="pairs of the drawn data set; each round reads all of them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {options.pairs} pairs, {options.rounds} rounds")
    for suffix in (".jpg", ".png"):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["GAN_STYLE_CACHE"] = f"{folder}/cache"
            draw_set(Path(folder), options.pairs, suffix)
            time.sleep(3)  # files that have just changed are not cached
            report(Path(folder), options.pairs, options.rounds, suffix)


def report(root: Path, pairs: int, rounds: int, suffix: str) -> None:
    """One line for each loader."""
    loaders: dict[str, Callable[[int], Iterator[object]]] = {"plain": lambda turn: plain(root, pairs, turn)}
    loaders |= {f"ours, cache {cache}": ours(root, pairs, cache) for cache in CACHES}
    times: dict[str, list[float]] = {name: [] for name in loaders}
    for turn in tqdm(range(rounds + 1), desc=suffix, leave=False, disable=None):
        for name, load in loaders.items():
            began = time.process_time()
            count = sum(1 for _ in load(turn))
            if turn:  # the first round warms up and fills the caches
                times[name].append((time.process_time() - began) / count)
    for name, measured in times.items():
        ratio = statistics.median(slow / own for slow, own in zip(times["plain"], measured, strict=True))
        rates = sorted(1 / each for each in measured)
        print(f"{suffix} {name:20} {statistics.median(rates):6.0f} pairs/s ({rates[0]:.0f} to {rates[-1]:.0f})  {ratio:.2f}x")


def ours(root: Path, pairs: int, cache: str) -> Callable[[int], Iterator[object]]:
    """Epoch `turn` of gan_style's loader in this process."""
    config = DataConfig.model_validate({"root": str(root), "workers": 0, "load_size": LOAD, "crop_size": CROP, "cache": cache})
    dataset = open_dataset(config, "train", "pairs", 0)

    def load(turn: int) -> Iterator[object]:
        for batch in training_loader(dataset, config, turn * pairs, (turn + 1) * pairs, 1):
            yield batch.to(torch.device("cpu"), torch.float32, torch.contiguous_format)

    return load


def plain(root: Path, pairs: int, turn: int) -> Iterator[tuple[Tensor, ...]]:
    """The same by a loader as it is commonly written."""
    draws = random.Random(turn)
    for number in draws.sample(range(pairs), pairs):
        top, left, flip = draws.randint(0, LOAD - CROP), draws.randint(0, LOAD - CROP), draws.random() < 0.5
        images = []
        for domain in "AB":
            (path,) = (root / f"train{domain}").glob(f"{number}.*")
            with Image.open(path) as file:
                picture = file.convert("RGB").resize((LOAD, LOAD), Image.Resampling.BICUBIC)
            picture = picture.crop((left, top, left + CROP, top + CROP))
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
            images.append(F.normalize(F.to_tensor(picture), [0.5] * 3, [0.5] * 3)[None])
        yield tuple(images)


def draw_set(root: Path, pairs: int, suffix: str) -> None:
    """Smooth pictures with edges and grain, and their negatives."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for domain in "AB":
        (root / f"train{domain}").mkdir()
    for number in range(pairs):
        draws = np.random.default_rng(number)
        phases = draws.uniform(0, 6, 3)
        image = 127 + 90 * np.sin(x[..., None] / draws.uniform(20, 40) + phases) * np.cos(y[..., None] / draws.uniform(15, 30))
        for left, top, width, height in draws.integers(20, 120, (12, 4)):
            image[2 * top : 2 * top + height, 2 * left : 2 * left + width] = draws.uniform(0, 255, 3)
        image = np.clip(image + draws.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(root / "trainA" / f"{number}{suffix}")
        Image.fromarray(255 - image).save(root / "trainB" / f"{number}{suffix}")


if __name__ == "__main__":
    main()
