"""How near style networks come to optimisation by the same losses (1603.08155, section 4.1).

    python benchmarks/stylized.py --photos FOLDER [--run RUN] [--adain BUNDLE --styles FILE ...] [--size 256] [--steps 300] [--output DIR]

RUN is a run folder of fast_style, with its checkpoint. Each photo, at `--size` pixels of the shorter side, is stylized in each style by
`--steps` steps of Adam on its pixels, which lower the losses that the network was trained with, and by the network. `--adain` does the same
for adain, by adain's losses; with `--run` too, adain's results are also measured by the losses of the run, for the styles of the run.

The losses are those of the method, without their weights. `as many steps` is the number of steps after which the pixels have the network's
sum, `more` if `--steps` do not lead there. Structure is the distance of self-similarities from the photo (2104.00854), by `--vgg`.
Numbers are means over the photos, `/ optimised` means of ratios. `--output` keeps the pictures.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from gan_style.methods.adain import AdaIN
from gan_style.methods.base import Method
from gan_style.methods.trained import open_trained
from gan_style.types import Batch, Kept, Outputs, Task

RATE = 0.03  # of Adam
Stylize = Callable[[Tensor], Tensor]  # [1, 3, H, W] in [-1, 1] -> the same
Losses = Callable[[Tensor], dict[str, Tensor]]  # of a result


@dataclass(frozen=True)
class Contest:
    """Optimisation and networks, in one style, by the losses of one method."""

    method: str
    style: str
    losses_of: Callable[[Tensor], Losses]  # photo -> losses of its results
    weights: tuple[float, float]  # of content and style
    networks: dict[str, Stylize]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--adain", type=Path)
    parser.add_argument("--styles", type=Path, nargs="+", default=[], help="style pictures, for adain")
    parser.add_argument("--vgg", default="random", help="weights of a VGG-16, which measures structure")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()

    structure = structure_network(options.vgg, "--vgg")
    photos = {path.stem: read(path, options.size) for path in sorted(options.photos.iterdir())}
    contests = [*by_fast_style(options.run, options.adain)] if options.run else []
    contests += by_adain(options.adain, options.styles) if options.adain else []
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {len(photos)} photos, {options.size} pixels, {options.steps} steps"
    )
    head = "| losses of | style | | content | style | style / optimised | all losses / optimised | as many steps | structure | seconds |"
    print(f"\n{head}\n" + "|---" * 10 + "|")
    for contest in tqdm(contests, desc="styles", leave=False, disable=None):
        found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        steps: dict[str, list[int | None]] = defaultdict(list)
        for stem, photo in tqdm(photos.items(), desc="photos", leave=False, disable=None):
            losses, course = contest.losses_of(photo), list[float]()
            ways: dict[str, Stylize] = {
                "photo": lambda photo: photo,
                "optimised": lambda photo, losses=losses, course=course: optimised(photo, losses, options.steps, course),
                **contest.networks,
            }
            for way, stylize in ways.items():
                begun = time.perf_counter()
                result = stylize(photo).clamp(-1, 1)
                taken = time.perf_counter() - begun
                with torch.no_grad():
                    terms = losses(result)
                    distance = structure_distance(structure(bounded(photo)), structure(bounded(result)))
                content, of_style = (
                    float(terms[name]) / (weight or 1) for name, weight in zip(("content", "style"), contest.weights, strict=True)
                )
                total = float(sum(terms.values()))
                found[way].append((content, of_style, total, float(distance), taken))
                steps[way].append(next((number for number, value in enumerate(course) if value <= total), None))
                if options.output:
                    folder = options.output / contest.method / contest.style / way
                    images.write(folder / f"{stem}.png", images.to_pixels(result[0]))
        for way, rows in found.items():
            means = [statistics.mean(column) for column in zip(*rows, strict=True)]
            ratios = [statistics.mean(row[at] / best[at] for row, best in zip(rows, found["optimised"], strict=True)) for at in (1, 2)]
            reached = [number for number in steps[way] if number is not None]
            many = f"{statistics.mean(reached):.0f}" if len(reached) == len(rows) else "more"
            tqdm.write(
                f"| {contest.method} | {contest.style} | {way} | {means[0]:.3f} | {means[1]:.3f} | {ratios[0]:.2f} | {ratios[1]:.2f} "
                f"| {many} | {means[3]:.4f} | {means[4]:.2g} |"
            )


def by_fast_style(folder: Path, adain_bundle: Path | None) -> Iterator[Contest]:
    """The styles of a run of fast_style, by its losses."""
    run = load_config(folder / "config.yaml", [], CONFIGS)
    config, method = run.method, build.open_method(run, Kept(earlier_inputs(folder)))
    fixed(method)
    fast, adain = load(folder), load(adain_bundle) if adain_bundle else None
    for number, (style, file) in enumerate(config.styles.items()):
        shares = torch.nn.functional.one_hot(torch.tensor([number]), len(config.styles)).float()
        networks: dict[str, Stylize] = {"fast_style": lambda photo, style=style: fast(photo, style=style, value_range=(-1, 1))}
        if adain:
            networks["adain"] = lambda photo, file=file: adain(photo, style=file, value_range=(-1, 1))

        def losses_of(photo: Tensor, shares: Tensor = shares) -> Losses:
            return losses(method, Batch({"a": photo}, {"a": ("",)}, (0,), (0,)), {"shares": shares})

        yield Contest("fast_style", style, losses_of, (config.content_weight, config.style_weight), networks)


def by_adain(bundle: Path, styles: list[Path]) -> Iterator[Contest]:
    """The pictures `styles`, by the losses of adain."""
    _, config, weights = open_trained("--adain", bundle, AdaIN)
    config = config.model_copy(update={"vgg": config.vgg.model_copy(update={"weights": "random"})})
    method = AdaIN(config, Task())
    method.network.load_state_dict(weights)  # the encoder's too
    fixed(method)
    adain = load(bundle)
    for file in styles:
        style = images.to_tensor(images.read(file, 3).pixels)[None]

        def losses_of(photo: Tensor, style: Tensor = style) -> Losses:
            batch = Batch({"a": photo, "b": style}, {"a": ("",), "b": ("",)}, (0,), (0,))
            with torch.no_grad():
                outputs = method.translate(batch)
            return losses(method, batch, outputs)

        stylize = lambda photo, file=file: adain(photo, style=str(file), value_range=(-1, 1))  # noqa: E731
        yield Contest("adain", file.stem, losses_of, (config.content_weight, config.style_weight), {"adain": stylize})


def fixed(method: Method) -> None:
    """Train no weight."""
    for network in (*method.networks.values(), *method.frozen.values()):
        network.requires_grad_(False)


def losses(method: Method, batch: Batch, outputs: Outputs) -> Losses:
    """The method's losses of a result in place of the output."""
    return lambda result: method.losses(method.players[0], batch, {**outputs, "fake": result})


def optimised(photo: Tensor, losses: Losses, steps: int, course: list[float]) -> Tensor:
    """The photo [1, 3, H, W], whose pixels have lowered the sum of the losses. course: receives the sum before each step"""
    x = photo.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=RATE)
    for _ in tqdm(range(steps), desc="steps", leave=False, disable=None):
        optimizer.zero_grad()
        loss = sum(losses(x).values(), start=torch.zeros(()))
        course.append(loss.item())
        loss.backward()
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
