"""How near style networks come to optimisation by the same losses (1603.08155, section 4.1).

    python benchmarks/stylized.py --run RUN --photos FOLDER [--adain BUNDLE] [--size 256] [--steps 300] [--output FOLDER]

RUN is a run folder of fast_style, with its checkpoint. Each photo, at `--size` pixels of the shorter side, is stylized in each style by
`--steps` steps of Adam on its pixels, which lower the run's own losses, by the run's network, and by an adain bundle. The losses of the
results are those of the run, without their weights. Structure is the distance of self-similarities from the photo (2104.00854) by the run's
VGG. Numbers are means over the photos, `/ optimised` means of ratios. `--output` keeps the pictures.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from gan_style import build, load
from gan_style.config.load import load_config
from gan_style.engine.checkpoint import earlier_inputs
from gan_style.evaluation.features import structure_network
from gan_style.evaluation.structure import bounded, structure_distance
from gan_style.files import images
from gan_style.methods import CONFIGS
from gan_style.types import Batch, Kept

RATE = 0.03  # of Adam


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--adain", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()

    run = load_config(options.run / "config.yaml", [], CONFIGS)
    config, method = run.method, build.open_method(run, Kept(earlier_inputs(options.run)))
    for network in method.frozen.values():
        network.requires_grad_(False)
    fast, adain = load(options.run), load(options.adain) if options.adain else None
    structure = structure_network(config.vgg.weights, "method.vgg.weights")
    photos = {path.stem: read(path, options.size) for path in sorted(options.photos.iterdir())}
    found: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    for number, (style, file) in enumerate(tqdm(config.styles.items(), desc="styles", leave=False, disable=None)):
        shares = torch.nn.functional.one_hot(torch.tensor([number]), len(config.styles)).float()

        def losses(photo: Tensor, result: Tensor, shares: Tensor = shares) -> dict[str, Tensor]:
            return method.losses(method.players[0], Batch({"a": photo}, {"a": ("",)}, (0,), (0,)), {"fake": result, "shares": shares})

        ways: dict[str, Callable[[Tensor], Tensor]] = {
            "photo": lambda photo: photo,
            "optimised": lambda photo, losses=losses: optimised(photo, losses, options.steps),
            "fast_style": lambda photo, style=style: fast(photo, style=style, value_range=(-1, 1)),
        }
        if adain:
            ways["adain"] = lambda photo, file=file: adain(photo, style=file, value_range=(-1, 1))
        for stem, photo in tqdm(photos.items(), desc="photos", leave=False, disable=None):
            for way, stylize in ways.items():
                begun = time.perf_counter()
                result = stylize(photo).clamp(-1, 1)
                taken = time.perf_counter() - begun
                with torch.no_grad():
                    terms = losses(photo, result)
                    distance = structure_distance(structure(bounded(photo)), structure(bounded(result)))
                content, of_style = terms["content"] / (config.content_weight or 1), terms["style"] / (config.style_weight or 1)
                found[style, way].append((*map(float, (content, of_style, sum(terms.values()), distance)), taken))
                if options.output:
                    images.write(options.output / style / way / f"{stem}.png", images.to_pixels(result[0]))

    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, {threads} threads, {len(photos)} photos, {options.size} pixels, {options.steps} steps\n")
    print("| style | | content | style | style / optimised | all losses / optimised | structure | seconds |\n" + "|---" * 8 + "|")
    for (style, way), rows in found.items():
        means = [statistics.mean(column) for column in zip(*rows, strict=True)]
        ratios = [statistics.mean(row[at] / best[at] for row, best in zip(rows, found[style, "optimised"], strict=True)) for at in (1, 2)]
        print(
            f"| {style} | {way} | {means[0]:.3f} | {means[1]:.3f} | {ratios[0]:.2f} | {ratios[1]:.2f} | {means[3]:.4f} | {means[4]:.2g} |"
        )


def optimised(photo: Tensor, losses: Callable[[Tensor, Tensor], dict[str, Tensor]], steps: int) -> Tensor:
    """The photo [1, 3, H, W], whose pixels have lowered the sum of the losses."""
    x = photo.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        sum(losses(photo, x).values(), start=torch.zeros(())).backward()
        optimizer.step()
        with torch.no_grad():
            x.clamp_(-1, 1)
    return x.detach()


def read(path: Path, side: int) -> Tensor:
    """A photo [1, 3, H, W] in [-1, 1], scaled to a shorter side of `side` pixels."""
    pixels = images.read(path, 3).pixels
    scale = side / min(pixels.shape[:2])
    return images.to_tensor(images.resize(pixels, *(round(length * scale) for length in pixels.shape[:2])))[None]


if __name__ == "__main__":
    main()
