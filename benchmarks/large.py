"""Time, memory and scratch files of `infer` by regions: python benchmarks/large.py [--sizes 2048x2048 8192x8192] [--channels 64].

A tiled TIFF of each size is drawn, tile by tile, so that it may be of any size. Each is translated in a process of its own by a residual
generator with random weights, or by --model BUNDLE. A picture of 64 x 64 pixels comes first: what it takes is the base, nearly all of it
libraries, which is subtracted from the peak memory of the others. Printed for each size: seconds by the clock and of the processors in
all, both also for a megapixel; the process's peak resident memory above the base; the most bytes of scratch files at once, the result's
among them; what infer says of its plan. --folder FOLDER is for pictures, results and scratch files: 8192 x 8192 pixels take 17 GiB there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tifffile

# torch is loaded in other processes only: a process inherits the peak memory of the one that starts it.
TILE = 512  # side of the picture's tiles, in pixels
SMALLEST = 64, 64  # the picture of the base
LOOK_EVERY = 0.5  # seconds between two looks at the scratch files


def main() -> None:
    """Draw, translate, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=size, nargs="+", default=[(2048, 2048)], metavar="WIDTHxHEIGHT", help="default: 2048x2048")
    parser.add_argument("--model", type=Path, metavar="BUNDLE", help="default: a residual generator with random weights")
    parser.add_argument("--channels", type=int, default=8, help="of that generator; 64 in the papers")
    parser.add_argument("--blocks", type=int, default=3, help="of that generator; 9 in the papers")
    parser.add_argument("--folder", type=Path, help="for all files; default: a temporary one")
    parser.add_argument("options", nargs="*", help="further options of infer after --, such as: -- --max-memory 2G --tile 512")
    parser.add_argument("--draw-bundle", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw_bundle:
        from drawn import drawn_bundle

        drawn_bundle(options.draw_bundle, options.channels, options.blocks)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bundle = options.model or Path(folder) / "a2b.safetensors"
        if not options.model:
            network = ["--channels", str(options.channels), "--blocks", str(options.blocks)]
            subprocess.run([sys.executable, __file__, "--draw-bundle", folder, *network], check=True)
        what = options.model or f"resnet, {options.channels} channels, {options.blocks} blocks"
        threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
        print(f"torch {version('torch')}, {threads} threads; {what}; infer {' '.join(options.options)}\n")
        base = translated(Path(folder), bundle, SMALLEST, options.options)
        print(f"{SMALLEST[0]} x {SMALLEST[1]} pixels: {base.clock:.1f} s, peak memory {base.peak / 2**20:.0f} MiB\n")
        print("| pixels | clock, s | processors, s | a megapixel, s: clock, processors | peak above the base, MiB | scratch, GiB |")
        print("|---|---|---|---|---|---|")
        plans = list[str]()
        for width, height in options.sizes:
            found, millions = translated(Path(folder), bundle, (width, height), options.options), width * height / 1e6
            times = f"{found.clock:.1f} | {found.processors:.1f} | {found.clock / millions:.3f}, {found.processors / millions:.3f}"
            print(f"| {width} x {height} | {times} | {(found.peak - base.peak) / 2**20:.0f} | {found.scratch / 2**30:.2f} |", flush=True)
            plans.append(found.said)
        print("", *plans, sep="\n")


def size(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT`"""
    width, height = map(int, text.split("x"))
    return width, height


def draw(path: Path, width: int, height: int) -> None:
    """Write a tiled TIFF of waves and noise; one tile is in memory at a time."""
    shape = height, width, 3
    with tifffile.TiffWriter(path, bigtiff=width * height > 10**9) as writer:
        writer.write(tiles(width, height), shape=shape, dtype=np.uint8, photometric="rgb", tile=(TILE, TILE), compression="zlib")


def tiles(width: int, height: int) -> Iterator[np.ndarray]:
    """[TILE, TILE, 3] uint8, row by row."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            y, x = np.arange(top, top + TILE)[:, None, None], np.arange(left, left + TILE)[None, :, None]
            waves = np.sin(x / (300, 170, 41)) * np.cos(y / (210, 90, 53))
            noise = np.random.default_rng([top, left]).standard_normal((TILE, TILE, 3), np.float32)
            yield np.clip(128 + 90 * waves + 8 * noise, 0, 255).astype(np.uint8)


@dataclass
class Cost:
    """Of one translation: seconds by the clock and of all processors, bytes of memory and of scratch files at most; infer's plan."""

    clock: float
    processors: float
    peak: float
    scratch: float
    said: str


def translated(folder: Path, bundle: Path, sides: tuple[int, int], options: Sequence[str]) -> Cost:
    """Translate a picture of this width and height in a process of its own."""
    picture, scratch, output = folder / "picture.tif", folder / "scratch", folder / "translated"
    draw(picture, *sides)
    files = ["--model", str(bundle), "--input", str(picture), "--output", str(output), "--scratch", str(scratch)]
    command = [sys.executable, "-m", "gan_style", "infer", *files, "--format", "tiff", "--overwrite", *options]
    begin, most = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, text=True)
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            most = max(most, used_by(scratch))
            time.sleep(LOOK_EVERY)
        clock = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = [line.strip() for line in said if "by regions" in line]
    if process.returncode:
        raise SystemExit(f"infer ended with {process.returncode}")
    picture.unlink()
    plan = lines[0].partition(": ")[2] if lines else "translated at once"
    return Cost(clock, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0, most, plan)


def used_by(folder: Path) -> float:
    """The bytes of the files in a folder, as far as they are on the disk."""
    total = 0.0
    for file in folder.rglob("*"):
        try:
            total += 512 * file.stat().st_blocks
        except FileNotFoundError:  # it was removed meanwhile
            continue
    return total


if __name__ == "__main__":
    main()
