"""How far translations are from the truth, beside an answer that has learned nothing but the average: the mean training picture.

    python benchmarks/tools/l1_to_truth.py --results translated/ --truth data/valB --train data/trainB

Prints the mean absolute error over all pixels and channels in units of [0, 1], for pictures paired by stem, at the size of the results.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gan_style.commands.parser import CommandParser
from gan_style.commands.running import run_command
from gan_style.errors import UserError
from gan_style.files import images


def main() -> int:
    """Parse, measure, print."""

    def command() -> int:
        parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        for name in ("results", "truth", "train"):
            parser.add_argument(f"--{name}", type=Path, required=True, metavar="FOLDER")
        options = parser.parse_args()
        measure(options.results, options.truth, options.train)
        return 0

    return run_command(command)


def measure(results: Path, truth: Path, train: Path) -> None:
    """Print the error of the results and of the mean training picture on the same truths."""
    found, true = _by_stem(results), _by_stem(truth)
    stems = sorted(found.keys() & true.keys())
    if not stems:
        raise UserError(f"{results}: has no stem in common with {truth}")
    height, width = _pixels(found[stems[0]]).shape[:2]
    mean = _mean(_by_stem(train).values(), height, width)
    errors: list[float] = []
    baseline: list[float] = []
    for stem in tqdm(stems, unit="picture", disable=None):
        target = _pixels(true[stem], height, width)
        errors.append(float(np.abs(_pixels(found[stem], height, width) - target).mean()))
        baseline.append(float(np.abs(mean - target).mean()))
    better = sum(error < base for error, base in zip(errors, baseline, strict=True))
    print(f"{len(stems)} pictures of {width} x {height}: L1 {np.mean(errors):.4f}; mean training picture {np.mean(baseline):.4f}")
    print(f"better than the mean picture on {better} of {len(stems)}")


def _by_stem(folder: Path) -> dict[str, Path]:
    return {path.with_suffix("").as_posix(): folder / path for path in images.find_images(folder)}


def _pixels(path: Path, height: int | None = None, width: int | None = None) -> np.ndarray:
    """[H, W, 3] in [0, 1]."""
    pixels = images.read(path, channels=3).pixels
    if height and width:
        pixels = images.resize(pixels, height, width)
    return pixels.astype(np.float64) / np.iinfo(pixels.dtype).max


def _mean(paths: Iterable[Path], height: int, width: int) -> np.ndarray:
    total, count = np.zeros((height, width, 3)), 0
    for path in paths:
        total += _pixels(path, height, width)
        count += 1
    return total / max(count, 1)


if __name__ == "__main__":
    sys.exit(main())
