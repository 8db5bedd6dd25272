"""The same training in float32 and in bf16, compared at equal steps: python benchmarks/precision.py --output DIR [--method cut gan ...].

Each recipe trains small networks on small demo pictures: in float32 with two seeds, whose difference is the noise of a run, and in bf16
with the first seed. All three runs of a method have the same number of steps. The bundles then translate the validation pictures in
float32. A table for each method has the losses of the player that translates, as means over the second half of the run; for pairs the
distance of the translations from the truth, else KID from the real pictures of their kind; and the distance of the translations from
those of the first run. DIR keeps the runs, and for each method a sheet with a column of translations for each run.
"""

import argparse
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from gan_style import train
from gan_style.commands.evaluate import evaluate_command
from gan_style.commands.infer import infer_command
from gan_style.datasets.compare import comparison_sheet
from gan_style.demo.sets import draw_paired, draw_seasons, draw_styles, draw_unpaired
from gan_style.training import TrainedRun

SIZE, LOADED = 64, 72  # pixels of a drawn picture and of a training crop; of the resized picture before the crop
RUNS = {
    "float32": ["train.seed=0", "train.mixed_precision=no"],
    "float32, seed 1": ["train.seed=1", "train.mixed_precision=no"],
    "bf16": ["train.seed=0", "train.mixed_precision=bf16"],
}
SMALL = ["method.generator.base_channels=16", "method.discriminator.base_channels=16"]
RESNET = [*SMALL, "method.generator.num_blocks=3"]
RANDOM_VGG = "method.vgg.weights=random"
STYLIZER = ["method.generator.base_channels=16", RANDOM_VGG]


@dataclass(frozen=True)
class Work:
    """A recipe made small. data: the drawn set; infer: options that its translations need; real: pictures of their kind"""

    steps: int
    batch_size: int
    data: str
    keys: list[str]
    infer: tuple[str, ...] = ()
    real: str = "valB"


WORKS = {
    "demo": Work(400, 4, "paired", []),
    "small_data": Work(300, 4, "paired", [*SMALL, "method.generator.num_downs=6", "train.ema_decay=0", "train.ema_warmup=0"]),
    "pix2pix": Work(400, 4, "paired", [*SMALL, "method.generator.num_downs=6"]),
    "cyclegan": Work(300, 1, "unpaired", RESNET),
    "cut": Work(300, 1, "unpaired", RESNET),
    "dclgan": Work(200, 1, "unpaired", RESNET),
    "pix2pixhd": Work(200, 2, "paired", [*RESNET, "method.generator.num_downs=3", "method.discriminator.num_scales=2", RANDOM_VGG]),
    "spade": Work(200, 4, "paired", [*SMALL, "method.generator.num_downs=4", "method.perceptual_weight=0"]),
    "stargan": Work(300, 4, "seasons", [*RESNET, "method.discriminator.num_layers=5"], infer=("--to", "winter"), real="val/winter"),
    "gan": Work(300, 32, "unpaired", [*SMALL, "train.ema_decay=0"], infer=("--samples", "16"), real="valA"),
    "fast_style": Work(200, 2, "unpaired", [*STYLIZER, "method.styles={waves: STYLES/waves.png}"], infer=("--style", "waves"), real=""),
    "adain": Work(200, 2, "unpaired", [*STYLIZER, "data.root_b=STYLES"], infer=("--style", "STYLES/waves.png"), real=""),
}


def main() -> None:
    """Draw, train, translate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    folder = options.output
    for name, draw in {"paired": draw_paired, "unpaired": draw_unpaired, "seasons": draw_seasons, "styles": draw_styles}.items():
        if not (folder / name).exists():
            draw(folder / name, size=SIZE)
    for name in options.method:
        compare(name, WORKS[name], folder)


def compare(name: str, work: Work, folder: Path) -> None:
    """Train the runs of one method and print their table."""
    runs = {label: trained(name, work, folder, label, keys) for label, keys in RUNS.items()}
    outputs = [folder / name / f"translations {label}" for label in runs]
    for run, output in zip(runs.values(), outputs, strict=True):
        translate(run, work, folder, output)
    rows = {term: [mean_loss(run, term) for run in runs.values()] for term in terms(runs["float32"])}
    if work.data == "paired":
        for metric in ("l1", "ssim"):
            rows[f"{metric} from the truth"] = [measured(output, folder / work.data / work.real, metric) for output in outputs]
    elif work.real:
        rows["kid"] = [measured(output, folder / work.data / work.real, "kid") for output in outputs]
    for metric in ("l1", "ssim"):
        rows[f"{metric} from the first"] = [measured(output, outputs[0], metric) for output in outputs]
    show(name, work, rows, list(runs))
    comparison_sheet(outputs, folder / f"{name}.png", rows=6)


def trained(name: str, work: Work, folder: Path, label: str, keys: list[str]) -> TrainedRun:
    """One run, or what is left of it to do."""
    return train(
        name,
        [
            f"run_dir={folder / name / label}",
            f"data.root={folder / work.data}",
            "data.preprocess=resize_and_crop",
            f"data.load_size={LOADED}",
            f"data.crop_size={SIZE}",
            "data.workers=0",
            f"train.steps={work.steps}",
            "train.epochs=null",
            f"train.batch_size={work.batch_size}",
            f"logging.every={work.steps // 20}",
            *(key.replace("STYLES", str(folder / "styles")) for key in work.keys),
            *keys,
        ],
    )


def translate(run: TrainedRun, work: Work, folder: Path, output: Path) -> None:
    """Write the translations of the validation pictures, or pictures from noise."""
    inputs = folder / work.data / ("val" if work.data == "seasons" else "valA")
    options = [option.replace("STYLES", str(folder / "styles")) for option in work.infer]
    given = [] if "--samples" in options else ["--input", str(inputs), "--resize", "train", "--keep-resized"]
    with redirect_stdout(StringIO()):
        infer_command(["--model", str(run.folder), "--output", str(output), "--overwrite", *given, *options])


def measured(results: Path, truth: Path, metric: str) -> float:
    """A metric of all pictures of a folder against another."""
    path = results.with_suffix(".json")
    features = ["--features", "random"] if metric == "kid" else []
    with redirect_stdout(StringIO()):
        evaluate_command(["--results", str(results), "--truth", str(truth), "--metrics", metric, "--json", str(path), *features])
    values = json.loads(path.read_text(encoding="utf-8"))
    return values["metrics"][metric]


def terms(run: TrainedRun) -> list[str]:
    """The losses of the player that translates."""
    names = dict.fromkeys(name for line in run.metrics for name in line if name.startswith("loss/"))
    return [name for name in names if "discriminator" not in name]


def mean_loss(run: TrainedRun, term: str) -> float:
    """The mean of a loss over the second half of a run."""
    values = [line[term] for line in run.metrics if term in line]
    return sum(values[len(values) // 2 :]) / len(values[len(values) // 2 :])


def show(name: str, work: Work, rows: Mapping[str, list[float]], labels: list[str]) -> None:
    """Print one table."""
    print(f"\n### {name}, {work.steps} steps of {work.batch_size}\n")
    print(f"| | {' | '.join(labels)} |\n|---|{'---|' * len(labels)}")
    for row, values in rows.items():
        print(f"| {row.removeprefix('loss/')} | {' | '.join(f'{value:.4g}' for value in values)} |", flush=True)


if __name__ == "__main__":
    main()
