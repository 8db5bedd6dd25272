"""What report.html costs a run, and how large it gets with the run's length: python benchmarks/report.py.

A CycleGAN's log, a line each 50 steps, and a grid of 768 x 1024 pixels each 500 steps. For each length

  first      the first report after a start, which reads the whole log and encodes 20 grids
  next       a later one, after one more line and one more grid: what a run pays
  page, MB   the size of the page, and that without its pictures

Seconds are those of the processor, and for later reports those on the clock too, which waiting for the disk adds to.
"""

import json
import math
import random
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from gan_style.report.writer import FILE, Report

LINES = (100, 1_000, 10_000, 100_000)
EVERY, DRAWN_EVERY = 50, 10  # steps to a line, lines to a grid
GRIDS = 200  # written at most; the newest of them count
LOSSES = ["adversarial_ab", "adversarial_ba", "cycle_a", "cycle_b", "identity_a", "identity_b"]
JUDGED = [f"discriminator_{domain}_{shown}" for domain in "ab" for shown in ("real", "fake")]
HEALTH = [f"{direction}_{kind}" for direction in ("a2b", "b2a") for kind in ("saturated", "deviation", "change")]


def main() -> None:
    """Print a table."""
    print("| lines | steps | first, s | next, s | next, on the clock | page, MB | without pictures, MB |\n|---|---|---|---|---|---|---|")
    for lines in LINES:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder)
            grid = draw(run / "grid.png")
            with (run / "metrics.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(line(place) for place in range(1, lines + 1))
            for place in range(DRAWN_EVERY, lines + 1, DRAWN_EVERY)[-GRIDS:]:
                shutil.copy(grid, target(run, place))
            report = Report(run)
            report.start(0, lines)
            first, _ = timed(report, lines)
            nexts = []
            for place in range(lines + 1, lines + 6):
                with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
                    file.write(line(place))
                shutil.copy(grid, target(run, place))
                nexts.append(timed(report, lines))
            size = (run / FILE).stat().st_size / 1e6
            shutil.rmtree(run / "samples")
            timed(report, lines)
            bare = (run / FILE).stat().st_size / 1e6
            cost, clock = (sorted(each)[2] for each in zip(*nexts, strict=True))
            print(f"| {lines} | {lines * EVERY} | {first:.2f} | {cost:.3f} | {clock:.3f} | {size:.2f} | {bare:.2f} |", flush=True)


def timed(report: Report, lines: int) -> tuple[float, float]:
    """Seconds to write it, of the processor and on the clock."""
    before, clock = time.process_time(), time.perf_counter()
    report.write(lines * EVERY, {"generators": LOSSES, "discriminators": JUDGED}, last=True)
    return time.process_time() - before, time.perf_counter() - clock


def line(place: int) -> str:
    """Line number `place`, from 1."""
    chance = random.Random(place)
    values = {f"loss/{name}": math.exp(chance.gauss(0, 0.3) - place / 1e4) for name in LOSSES + JUDGED}
    values |= {f"health/{name}": chance.random() for name in HEALTH} | {f"lr/{name}": 2e-4 for name in ("generators", "discriminators")}
    return json.dumps({"step": place * EVERY, "time": 5.0 * place, **values, "images_per_second": 30.0, "data_wait": 0.02}) + "\n"


def target(run: Path, place: int) -> Path:
    (run / "samples").mkdir(exist_ok=True)
    return run / "samples" / f"step_{place * EVERY:07d}.png"


def draw(path: Path) -> Path:
    """A grid with as much detail as a photo."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1024, 768, 3), np.uint8))
    noise.filter(ImageFilter.GaussianBlur(2)).save(path)
    return path


if __name__ == "__main__":
    main()
