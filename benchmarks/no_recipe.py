"""The pictures of `gan-style train FOLDER` and of a recipe that was made by hand, after the same time.

    python benchmarks/no_recipe.py FOLDER [--minutes 4] [--recipe fast] [--val ROOT] [--output DIR] [--features random] [key=value ...]

Both sides train at once, each on one core with one thread. Both translate the validation images of ROOT (default: of FOLDER) at the size of
their training; the results are resized to 128 pixels and measured. The keys are the recipe's. DIR/results.json has the numbers,
DIR/sheet.png the pictures: input, by hand, FOLDER, truth. The metrics compare with the truth where ROOT has pairs.
"""

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from equal_time import GAN_STYLE, draw_sheet, resized, side_by_side

from gan_style.report.record import read_record


def main() -> None:
    """Train, translate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--recipe", default="fast", help="the recipe by hand")
    parser.add_argument("--val", type=Path, help="a data set with valA/ and valB/")
    parser.add_argument("--output", type=Path, default=Path("runs/no_recipe"))
    parser.add_argument("--features", default="random", help="the network of KID")
    parser.add_argument("overrides", nargs="*", help="further keys of the recipe")
    options = parser.parse_intermixed_args()
    output, val = options.output, options.val or options.folder
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    length = f"--minutes={options.minutes}"
    by_hand = ["--config", options.recipe, f"data.root={options.folder}", "train.steps=null", "train.epochs=null"]
    spent = side_by_side(
        {
            "by hand": [*GAN_STYLE, "train", *by_hand, f"train.minutes={options.minutes}", f"run_dir={output}/by hand", *options.overrides],
            "folder": [*GAN_STYLE, "train", str(options.folder), length, f"run_dir={output}/folder"],
        }
    )
    resized(val / "valA", output / "input")
    resized(val / "valB", output / "truth")
    paired = {path.stem for path in (output / "input").iterdir()} == {path.stem for path in (output / "truth").iterdir()}
    results: dict[str, dict[str, Any]] = {}
    for side, times in spent.items():
        run, made = output / side, output / f"{side} made"
        translate = ["infer", "--model", str(run), "--input", str(val / "valA"), "--output", str(made)]
        subprocess.run([*GAN_STYLE, *translate, "--resize", "train", "--keep-resized"], check=True)
        resized(made, output / f"{side} 128")
        files = ["--results", str(output / f"{side} 128"), "--truth", str(output / "truth"), "--json", str(output / "scores.json")]
        metrics = ["--metrics", "l1,ssim,kid" if paired else "kid", "--features", options.features]
        subprocess.run([*GAN_STYLE, "evaluate", *files, *metrics], check=True)
        found = json.loads((output / "scores.json").read_text())["metrics"]
        results[side] = times | {"steps": read_record(run).steps} | found
    (output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    draw_sheet(
        output / "sheet.png",
        [output / name for name in ("input", "by hand 128", "folder 128", "truth")]
        if paired
        else [output / name for name in ("by hand 128", "folder 128", "input")],
    )
    for name in results["folder"]:
        print(f"| {name} | " + " | ".join(f"{side[name]:.4g}" for side in results.values()) + " |")


if __name__ == "__main__":
    main()
