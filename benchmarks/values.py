"""Float32 TIFF of five bands beside PNG, byte for byte: python benchmarks/values.py [--rounds 15].

Three TIFFs of 256 x 256 x 5 float32 hold as many bytes of pixels as 20 PNGs of 256 x 256 x 3. Each is decoded, resized to 286, cropped
to 256, flipped and handed over as a float tensor, one at a time without a cache, as training takes them; and once with
`data.preprocess=none`. The kinds take turns in this process; times are of the processor. Prints the milliseconds for all files of a kind
(median, minimum to maximum over the rounds) and the median ratio to the PNGs. The PNGs take the fewer bytes of disk: the ratio for an
equal number of bytes of files is printed too.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tifffile
import torch
from PIL import Image
from tqdm import tqdm

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.loading import training_loader

SIDE, BANDS = 256, 5
TIFFS, PNGS = 3, 20  # TIFFS * SIDE**2 * BANDS * 4 == PNGS * SIDE**2 * 3
STORED = {"TIFF": {}, "TIFF, deflate": {"compression": "zlib"}, "TIFF, deflate, predictor": {"compression": "zlib", "predictor": 3}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        sizes = draw(Path(folder))
        for preprocess in ("resize_and_crop", "none"):
            loaders = {kind: loader(Path(folder) / kind, kind, preprocess) for kind in sizes}
            report(preprocess, loaders, sizes, options.rounds)


def report(preprocess: str, loaders: dict[str, Callable[[int], None]], sizes: dict[str, int], rounds: int) -> None:
    """One line for each kind of file. sizes: the bytes of its files"""
    times: dict[str, list[float]] = {kind: [] for kind in loaders}
    for turn in tqdm(range(rounds + 1), desc=preprocess, leave=False, disable=None):
        for kind, load in loaders.items():
            began = time.process_time()
            load(turn)
            if turn:  # the first round warms up
                times[kind].append(1000 * (time.process_time() - began))
    for kind, own in times.items():
        ratio = statistics.median(mine / png for png, mine in zip(times["PNG"], own, strict=True))
        of_files = ratio * sizes["PNG"] / sizes[kind]
        spread = f"{statistics.median(own):6.1f} ms ({min(own):.1f} to {max(own):.1f})"
        print(f"{preprocess:16} {kind:25} {spread:28} {ratio:.2f}x for equal bytes of pixels, {of_files:.2f}x of files")


def loader(root: Path, kind: str, preprocess: str) -> Callable[[int], None]:
    """Loads epoch `turn` of the files of a kind."""
    count, domain = (PNGS, {}) if kind == "PNG" else (TIFFS, {"channels": BANDS, "range": [0, 6000]})
    sizes = {"preprocess": preprocess, "load_size": 286, "crop_size": SIDE}
    config = DataConfig.model_validate({"root": str(root), "workers": 0, "cache": "off", "domain_a": domain, **sizes})
    dataset = open_dataset(config, "train", "images", 0)

    def load(turn: int) -> None:
        for batch in training_loader(dataset, config, turn * count, (turn + 1) * count, 1):
            batch.to(torch.device("cpu"), torch.float32, torch.contiguous_format)

    return load


def draw(root: Path) -> dict[str, int]:
    """Smooth scenes with edges and grain, as reflectances and as colours. Returns the bytes of the files of each kind."""
    for kind in ("PNG", *STORED):
        (root / kind / "train").mkdir(parents=True)
    for number in range(PNGS):
        scene = scene_of(np.random.default_rng(number))
        Image.fromarray((scene[..., :3] * 255).astype(np.uint8)).save(root / "PNG/train" / f"{number}.png")
        for kind, how in STORED.items() if number < TIFFS else ():
            values = (scene * 6000).astype(np.float32)
            tifffile.imwrite(root / kind / "train" / f"{number}.tif", values, photometric="minisblack", planarconfig="contig", **how)
    return {kind: sum(file.stat().st_size for file in (root / kind / "train").iterdir()) for kind in ("PNG", *STORED)}


def scene_of(draws: np.random.Generator) -> np.ndarray:
    """[SIDE, SIDE, BANDS] in [0, 1]"""
    y, x = np.mgrid[:SIDE, :SIDE]
    phases = draws.uniform(0, 6, BANDS)
    scene = 0.5 + 0.35 * np.sin(x[..., None] / draws.uniform(20, 40) + phases) * np.cos(y[..., None] / draws.uniform(15, 30))
    for left, top, width, height in draws.integers(10, 120, (12, 4)):
        scene[top : top + height, left : left + width] = draws.uniform(0, 1, BANDS)
    return np.clip(scene + draws.normal(0, 0.015, scene.shape), 0, 1)


if __name__ == "__main__":
    main()
