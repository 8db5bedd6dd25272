"""Distance from the float64 result, at once and by regions: python benchmarks/exact.py [--sides 512 1536] [--channels 16] [--blocks 3].

A residual generator with random weights translates, in float32, a picture like a slide: most of it is one bright value, around a disc of
noise. Printed for each side in pixels: the greatest and the mean distance from the float64 result at once, and by regions, of a range of 2.
"""

import argparse
import copy
import tempfile
from pathlib import Path

import torch
from drawn import drawn_bundle
from torch import Tensor

from gan_style.tiling.tiled import Tiling, by_regions
from gan_style.translation.predictor import Predictor


def main() -> None:
    """Translate each picture thrice, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1536])
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle, _ = drawn_bundle(Path(folder), options.channels, options.blocks)
        network = Predictor.load(bundle, "cpu").network
    print("| pixels | at once: greatest, mean | by regions: greatest, mean |")
    print("|---|---|---|")
    for side in options.sides:
        image = slide(side)
        with torch.inference_mode():
            exact = copy.deepcopy(network).double()(image.double())
            at_once = network(image.contiguous(memory_format=torch.channels_last))
        regions = by_regions(network, [image], torch.device("cpu"), Tiling(tile=512))
        assert regions is not None
        print(f"| {side} x {side} | {distance(at_once, exact)} | {distance(regions, exact)} |", flush=True)


def slide(side: int) -> Tensor:
    """[1, 3, side, side] in [-1, 1]."""
    place = torch.linspace(-1, 1, side)
    inside = place[:, None] ** 2 + place**2 < 0.3
    noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) - 0.5
    return torch.where(inside, noise, torch.tensor(0.91))


def distance(result: Tensor, exact: Tensor) -> str:
    """The greatest and the mean difference."""
    difference = (result - exact).abs()
    return f"{difference.max():.1e}, {difference.mean():.1e}"


if __name__ == "__main__":
    main()
