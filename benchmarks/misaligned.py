"""What misaligned pairs cost, and what wins it back.

    python benchmarks/misaligned.py [--pixels 2.5] [--steps 1500] [--only NAME ...] [key=value ...]

Draws two data sets from the pairs of --data (the demo set), at --size pixels: the training pairs as they are, and pairs whose targets
are moved. Each target has a smooth random field of its own, of --pixels root mean square length; its seed is the number of the pair. The
validation pairs are not moved.
Trains RUNS for equal steps with the settings below and --seed, and measures the bundles on the validation pairs: L1, PSNR, SSIM. Prints a
table, with the share of what misalignment costs that each run wins back. For runs with registration it also prints how far the field that
the network finds for the training pairs is from the true one, beside the length of the true one. A finished run is not trained again.

OUTPUT/results.json has the numbers, OUTPUT/sheet.png the pictures: label map, aligned, the other runs, truth.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import resize
from tqdm import tqdm

from gan_style.build import open_method
from gan_style.config.load import load_config
from gan_style.demo.sets import ensure_demo
from gan_style.engine.checkpoint import newest_complete
from gan_style.files import images
from gan_style.files.sheet import tile
from gan_style.methods import CONFIGS
from gan_style.methods.pairs import REGISTRATION
from gan_style.networks.layers.warp import warp

CELLS = 4  # of a field along a side; each has a displacement of its own
ROWS = 8
METRICS = ("l1", "psnr", "ssim")
ALIGNED, PLAIN = "aligned", "misaligned"
REGISTERED = "method.registration_weight=30"
RUNS: dict[str, Sequence[str]] = {  # name -> keys; names that begin with ALIGNED have targets that are not moved
    ALIGNED: (),
    PLAIN: (),
    "pyramid": ("method.l1=pyramid",),
    "shift": ("method.l1=shift", "method.l1_radius=4"),
    "registration": (REGISTERED,),
    f"{ALIGNED}_registration": (REGISTERED,),
}
SETTINGS = (
    *("data.workers=0", "data.cache=memory", "train.batch_size=4", "train.epochs=null", "optim.lr=0.0004", "optim.decay_start=0.5"),
    *("train.ema_decay=0.999", "train.ema_warmup=0.05", "method.generator.num_downs=6", "method.generator.base_channels=24"),
    *("method.generator.norm=instance", "method.generator.upsampling=resize-convolution", "method.discriminator.norm=instance"),
    *("method.discriminator.base_channels=24", "logging.samples_every=100000", "train.checkpoint_every=100000"),
)


def main() -> None:
    """Draw, train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/demo/paired"), help="pairs in trainA, trainB, valA and valB")
    parser.add_argument("--size", type=int, default=64, help="pixels of a side")
    parser.add_argument("--pixels", type=float, default=2.5, help="root mean square length of the displacements")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/misaligned"))
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), help="of the runs")
    parser.add_argument("overrides", nargs="*", help="further keys of every run")
    options = parser.parse_args()
    ensure_demo(options.data)
    sets = {moved: draw(options.data, options.output, options.size, options.pixels if moved else 0.0) for moved in (False, True)}
    results: dict[str, dict[str, float]] = {}
    for name in options.only:
        run = options.output / f"{name}_{options.seed}"
        keys = [f"run_dir={run}", f"train.steps={options.steps}", f"train.seed={options.seed}", *of_size(options.size), *RUNS[name]]
        data = sets[not name.startswith(ALIGNED)]
        train([f"data.root={data}", *SETTINGS, *keys, *options.overrides])
        results[name] = measured(run, sets[False]) | found_fields(run, data)
        tqdm.write(f"{name}: {results[name]}")
    (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print_table(results)
    draw_sheet(options.output / "sheet.png", sets[False], [options.output / f"{name}_{options.seed}" for name in results])


def of_size(size: int) -> list[str]:
    return [f"data.load_size={size + size // 8}", f"data.crop_size={size}"]


def draw(source: Path, output: Path, size: int, pixels: float) -> Path:
    """The data set at `size` pixels, its training targets moved by fields of `pixels` root mean square length."""
    root = output / f"data_{pixels:g}"
    for folder in ("trainA", "trainB", "valA", "valB"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(images.find_images(source / folder)):
            picture = scaled(images.to_tensor(images.read(source / folder / path, 3).pixels), size, folder.endswith("A"))
            if folder == "trainB" and pixels:
                picture = warp(picture[None], drawn_field(number, size, pixels))[0]
            images.write(root / folder / f"{path.stem}.png", images.to_pixels(picture))
    return root


def scaled(picture: Tensor, size: int, labels: bool) -> Tensor:
    """[3, H, W] -> [3, size, size]. labels: take the nearest pixel, since the mean of two classes is none"""
    return picture[:, :: picture.shape[1] // size, :: picture.shape[2] // size] if labels else resize(picture, [size, size])


def drawn_field(number: int, size: int, pixels: float) -> Tensor:
    """The field [1, 2, size, size] of the training pair of this number."""
    coarse = torch.randn(1, 2, CELLS + 1, CELLS + 1, generator=torch.Generator().manual_seed(number))
    field = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    return field * pixels / field.square().sum(dim=1).mean().sqrt()


def train(keys: Sequence[str]) -> None:
    subprocess.run([sys.executable, "-m", "gan_style", "train", "--config", "configs/pix2pix.yaml", *keys], check=True, stdout=sys.stderr)


def measured(run: Path, data: Path) -> dict[str, float]:
    """The metrics of the run's bundle on the validation pairs."""
    path = run / "measured.json"
    command = ["evaluate", "--model", str(run), "--data", str(data), "--metrics", ",".join(METRICS), "--json", str(path)]
    subprocess.run([sys.executable, "-m", "gan_style", *command], check=True, stdout=sys.stderr)
    found: dict[str, Any] = json.loads(path.read_text())
    return {metric: found["metrics"][metric] for metric in METRICS}


@torch.no_grad()
def found_fields(run: Path, data: Path) -> dict[str, float]:
    """The length of the true fields of the training pairs and of what the network leaves of them, root mean squares in pixels."""
    config = load_config(str(run / "config.yaml"), (), CONFIGS)
    if not config.method.registration_weight:
        return {}
    method = open_method(config)
    checkpoint = newest_complete(run / "checkpoints", "train first")
    assert checkpoint
    checkpoint.load_networks(method.networks)
    size, pixels = config.data.crop_size, float(data.name.partition("_")[2])
    true, left = [], []
    for number, path in enumerate(images.find_images(data / "trainB")):
        label_map, target = (images.to_tensor(images.read(data / folder / path, 3).pixels)[None] for folder in ("trainA", "trainB"))
        field = method.networks[REGISTRATION](method.networks["generator"](label_map), target)
        true.append(drawn_field(number, size, pixels))  # of length 0 for targets that are not moved
        left.append(true[-1] - field)
    lengths = {"true field": torch.cat(true), "left of it": torch.cat(left), "its mean": torch.cat(left).mean(dim=(0, 2, 3), keepdim=True)}
    return {name: field.square().sum(dim=1).mean().sqrt().item() for name, field in lengths.items()}


def print_table(results: dict[str, dict[str, float]]) -> None:
    """A row for each run; in brackets the share of the loss that it wins back."""
    print(f"| run | {' | '.join(METRICS)} |\n|{'---|' * (len(METRICS) + 1)}")
    for name, scores in results.items():
        cells = []
        for metric in METRICS:
            lost = results[ALIGNED][metric] - results[PLAIN][metric] if {ALIGNED, PLAIN} <= results.keys() else 0.0
            won = (
                ""
                if name == PLAIN or name.startswith(ALIGNED) or not lost
                else f" ({(scores[metric] - results[PLAIN][metric]) / lost:.0%})"
            )
            cells.append(f"{scores[metric]:.4g}{won}")
        print(f"| {name} | {' | '.join(cells)} |")


def draw_sheet(path: Path, data: Path, runs: Sequence[Path]) -> None:
    """A row for each of ROWS validation pairs: label map, each run's translation, truth."""
    names = sorted((data / "valA").iterdir())[:: max(1, len(list((data / "valA").iterdir())) // ROWS)][:ROWS]
    for run in runs:
        command = ["infer", "--model", str(run), "--input", *map(str, names), "--output", str(run / "translated"), "--overwrite"]
        subprocess.run([sys.executable, "-m", "gan_style", *command], check=True, stdout=sys.stderr)
    folders = [data / "valA", *(run / "translated" for run in runs), data / "valB"]
    images.write(path, tile([[images.read(folder / f"{name.stem}.png", 3).pixels for folder in folders] for name in names]))


if __name__ == "__main__":
    main()
