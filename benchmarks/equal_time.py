"""The pictures that a recipe and the papers' settings make in the same time, side by side.

    python benchmarks/equal_time.py [--data ROOT] [--minutes 15] [--config configs/fast.yaml] [--output DIR] [key=value ...]

Both sides train at once, each in a session of its own, on one core, with one thread, so that whatever else the machine does slows both. The
papers' side is benchmarks/textbook_training.py with the recipe's method; the recipe's side is `gan-style train` with `train.minutes`. Then
both translate the validation images at 128 pixels, and `gan-style evaluate` measures the files of both. A segmenter that is not there yet
is trained first. DIR/results.json has the numbers, DIR/sheet.png the pictures: label map, papers' settings, recipe, truth.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from textbook_training import SIZE, train
from tqdm import tqdm

from gan_style.config.load import load_config
from gan_style.methods import CONFIGS

METRICS = "l1,psnr,ssim,kid"
ROWS = 8
GAN_STYLE = [sys.executable, "-m", "gan_style"]


def main() -> None:
    """Train, translate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/demo/paired"), help="pairs in trainA, trainB, valA and valB")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--config", default="configs/fast.yaml", help="the recipe")
    parser.add_argument("--output", type=Path, default=Path("runs/equal_time"))
    parser.add_argument("--method", choices=("pix2pix", "cyclegan", "cut"), help="of the papers' side; default: the recipe's")
    parser.add_argument("--segmenter", type=Path, help="default: OUTPUT/segmenter.safetensors")
    parser.add_argument("--papers-side", action="store_true", help="train the papers' side alone, without a measurement")
    parser.add_argument("overrides", nargs="*", help="further keys of the recipe")
    options = parser.parse_args()
    output, data = options.output, options.data
    method = options.method or load_config(options.config, (), CONFIGS).method.name
    if options.papers_side:
        train(method, data, options.minutes, output / "textbook")
        return
    output.mkdir(parents=True, exist_ok=True)
    resized(data / "valB", output / "truth")

    run = output / "run"
    same = ["--data", str(data), "--minutes", str(options.minutes), "--output", str(output), "--method", method]
    textbook = [sys.executable, __file__, *same, "--papers-side"]
    keys = [f"data.root={data}", f"run_dir={run}", f"train.minutes={options.minutes}", *options.overrides]
    spent = side_by_side({"textbook": textbook, "recipe": [*GAN_STYLE, "train", "--config", options.config, *keys]})

    translate = ["infer", "--model", str(run), "--input", str(data / "valA"), "--output", str(output / "recipe")]
    subprocess.run([*GAN_STYLE, *translate, "--resize", "train", "--keep-resized"], check=True)
    segmenter = options.segmenter or output / "segmenter.safetensors"
    results = {side: times | measured(output, side, data, segmenter) for side, times in spent.items()}
    (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    draw_sheet(output / "sheet.png", [data / "valA", output / "textbook", output / "recipe", output / "truth"])
    for name in results["textbook"]:
        tqdm.write(f"| {name} | " + " | ".join(f"{side[name]:.4g}" for side in results.values()) + " |")


def side_by_side(commands: dict[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Run commands at once, each in a session and on a core of its own, with one thread.

    name -> minutes of wall clock and of the processor
    """
    cores = sorted(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    running = {}
    for (name, command), core in zip(commands.items(), cores, strict=False):
        pinned = ["taskset", "--cpu-list", str(core), *command]
        running[subprocess.Popen(pinned, env=environment, start_new_session=True).pid] = name
    spent: dict[str, dict[str, float]] = {}
    while running:
        process, status, usage = os.wait4(-1, 0)
        if status:
            raise SystemExit(f"{running[process]}: ended with {os.waitstatus_to_exitcode(status)}")
        minutes = (time.monotonic() - started) / 60
        spent[running.pop(process)] = {"minutes": minutes, "processor minutes": (usage.ru_utime + usage.ru_stime) / 60}
    return {name: spent[name] for name in commands}


def measured(output: Path, side: str, data: Path, segmenter: Path) -> dict[str, float]:
    """The metrics and the task score of one side's files."""
    path = output / f"{side}.json"
    files = ["--results", str(output / side), "--truth", str(output / "truth"), "--metrics", METRICS, "--features", "random"]
    task = ["--segmenter", str(segmenter), "--data", str(data)]
    subprocess.run([*GAN_STYLE, "evaluate", *files, *task, "--json", str(path)], check=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found["metrics"] | found["segmentation"]["translated"]


def resized(source: Path, target: Path) -> None:
    """Write the pictures of a folder at SIZE x SIZE."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(target / f"{path.stem}.png")


def draw_sheet(path: Path, folders: Sequence[Path]) -> None:
    """A row for each of ROWS pictures, spread over the set; a column for each folder."""
    names = sorted(file.stem for file in folders[-1].iterdir())
    chosen = names[:: max(1, len(names) // ROWS)][:ROWS]
    sheet = Image.new("RGB", (SIZE * len(folders), SIZE * len(chosen)))
    for row, name in enumerate(chosen):
        for column, folder in enumerate(folders):
            picture = Image.open(next(folder.glob(f"{name}.*"))).convert("RGB")
            sheet.paste(picture.resize((SIZE, SIZE), Image.Resampling.NEAREST), (SIZE * column, SIZE * row))
    sheet.save(path)


if __name__ == "__main__":
    main()
