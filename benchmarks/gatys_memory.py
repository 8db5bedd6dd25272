"""Peak memory and time of optimising one picture: python benchmarks/gatys_memory.py [--sizes 512 1024 2048] [--steps 8].

Each size runs in a process of its own, on a square of noise with one style, the default layers of VGG-19 (random weights: arithmetic
and memory are those of any others) and L-BFGS, whose history holds its 10 pairs after 11 steps. Printed: the peak resident memory of
the process, what of it is beyond the loaded libraries and network, in all and for each pixel, and the seconds of a step.
"""

import argparse
import resource
import subprocess
import sys
import time

import torch

from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.translation.gatys import CONTENT_LAYERS, STYLE_LAYERS, Settings, Style, optimise


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048], help="side in pixels")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.steps)
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.steps} steps\n")
    print("| pixels | peak GiB | of them for the picture | bytes a pixel | seconds a step |\n|---|---|---|---|---|", flush=True)
    for size in options.sizes:
        subprocess.run([sys.executable, __file__, "--one", str(size), "--steps", str(options.steps)], check=True)


def measure(size: int, steps: int) -> None:
    """One row of the table, measured in this process."""
    vgg = VGGFeatures("vgg19", [*STYLE_LAYERS, *CONTENT_LAYERS], "random", "avg")
    photo, style = torch.rand(2, 1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before, start, evaluations = peak(), time.perf_counter(), []
    optimise(vgg, photo, [Style(style)], Settings(steps=steps), evaluations.append)
    seconds, used = (time.perf_counter() - start) / len(evaluations), peak() - before
    print(f"| {size} | {peak() / 2**30:.2f} | {used / 2**30:.2f} | {used / size**2:.0f} | {seconds:.1f} |", flush=True)


def peak() -> int:
    """Peak resident memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
