"""Do metrics grow as pictures are degraded? python benchmarks/degradations.py FOLDER [--weights random FILE ...].

FOLDER holds real pictures, of which --images are scaled to squares of --size pixels. Every second one is a real picture of fid and kid.
The others are degraded in several kinds, at four levels each, and measured as validation measures translations: by `Suite`, with
--weights for the networks of fid, kid, lpips and structure. Kinds and levels: degradation_kinds.py.

Printed for each metric and weights: the value by kind and level, the rank correlation of level and value, and whether EXPECTED orders of
different kinds hold. fid and kid also have a floor, the value of the pictures before they are degraded, and their mean and standard
deviation over subsets of few pictures. --sheet FILE gets one picture of all kinds and levels.
"""

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from degradation_kinds import KINDS, Pictures, Place, degraded
from torch import Tensor
from torchmetrics.functional import spearman_corrcoef

from gan_style.config.metrics import METRICS
from gan_style.datasets.spread import spread
from gan_style.evaluation.suite import FEATURES, Case, Networks, Row, Suite
from gan_style.files import images
from gan_style.machine.device import flushing_denormal

FEW, DRAWS = (8, 16, 24), 30  # sizes of subsets that are drawn, and how many of each
FLOOR = ("floor", 0)
SHOWN = (FLOOR, ("JPEG", 1), ("JPEG", 2), ("blur", 1), ("blur", 2), ("grid", 3), ("tiles", 2))  # of which subsets are drawn
PIXELS, OF_ONE, OF_SETS = ("l1", "psnr", "ssim"), ("lpips", "structure"), ("fid", "kid")


COLOURS = ("hue", "gray", "brightness")
# What a metric cannot see, or must not: its ranks are not judged there.
BLIND: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(OF_SETS, ("another",)),  # a set of real pictures, whatever their inputs
    **dict.fromkeys((*PIXELS, "lpips"), ("collapse",)),  # for one picture the same as another picture
    "structure": ("collapse", *COLOURS),  # colours are no structure
}


@dataclass(frozen=True)
class Order:
    """An expectation: a person calls `worse` worse than `better`, for this reason."""

    worse: Place
    better: Place
    reason: str


EXPECTED = (
    Order(("blur", 3), ("JPEG", 1), "JPEG of quality 75 is found side by side only, this blur at once"),
    Order(("grid", 3), ("JPEG", 1), "a grid is seen on every even area"),
    Order(("grid", 4), ("blur", 2), "a grid over everything against slightly soft edges"),
    Order(("grid", 4), ("gray", 4), "a gray photo is a good photo"),
    Order(("noise", 4), ("gray", 4), "noise drowns what the picture shows"),
    Order(("blur", 4), ("hue", 2), "nothing can be recognised, against another tint"),
    Order(("tiles", 2), ("JPEG", 2), "nothing is at its place"),
    Order(("tiles", 3), ("brightness", 2), "nothing is at its place, against another light"),
    Order(("tiles", 4), ("blur", 2), "rubble"),
    Order(("JPEG", 4), ("brightness", 2), "blocks in place of objects"),
    Order(("hue", 4), ("JPEG", 1), "a sky of orange"),
    Order(("another", 4), ("JPEG", 2), "another picture than the true one"),
    Order(("collapse", 4), ("JPEG", 1), "one picture is no set"),
    Order(("tiles", 2), ("hue", 4), "for structure: layout counts, colours do not"),
    Order(("another", 4), ("gray", 4), "for structure: layout counts, colours do not"),
)


def main() -> None:
    """Degrade, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="real pictures")
    parser.add_argument("--weights", nargs="+", default=["random"], metavar="FILE", help="`random`, or files of a VGG-16")
    parser.add_argument("--images", type=int, default=128, help="pictures, half of them degraded")
    parser.add_argument(
        "--singles", type=int, default=16, help="degraded pictures that metrics of single pictures measure; 0: only fid and kid"
    )
    parser.add_argument("--size", type=int, default=128, help="pixels of a side, a multiple of 16")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a picture to look at")
    options = parser.parse_args()
    pictures = read(options.folder, options.images, options.size)
    sources, real = pictures[::2], pictures[1::2]
    if options.sheet:
        write_sheet(options.sheet, sources)
    began = time.perf_counter()
    found: dict[str, dict[str, dict[Place, float]]] = {}  # metric -> weights -> value by kind and level
    steady: dict[str, dict[Place, list[str]]] = {}  # weights -> what `of_few` says by kind and level
    with flushing_denormal():  # as gan-style evaluate does
        for weights in options.weights:
            names = OF_SETS
            if options.singles:
                names += OF_ONE if found else PIXELS + OF_ONE
            for metric, values in measured(
                names, weights, sources, real, options.singles, steady.setdefault(Path(weights).stem, {})
            ).items():
                found.setdefault(metric, {})["" if metric in PIXELS else Path(weights).stem] = values
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads; {len(sources)} degraded pictures ({options.singles} for metrics of "
        f"single pictures) and {len(real)} real ones, {options.size} pixels; {time.perf_counter() - began:.0f} s"
    )
    print_values(found)
    print_ranks(found)
    print_orders(found)
    print_few(steady)


def read(folder: Path, count: int, size: int) -> list[Tensor]:
    """Up to `count` pictures, spread over the folder, scaled to squares of `size` pixels."""
    paths = images.find_images(folder)
    chosen = [paths[place] for place in spread(len(paths), count)]
    return [images.to_tensor(images.resize(images.read(folder / path, 3).pixels, size, size)) for path in chosen]


def measured(
    names: Sequence[str], weights: str, sources: Pictures, real: Pictures, singles: int, kept: dict[Place, list[str]]
) -> dict[str, dict[Place, float]]:
    """metric -> value by kind and level; for metrics of sets also FLOOR, the value of the sources themselves.

    kept: gets what `of_few` says of SHOWN
    """
    networks = Networks(weights, weights, weights, "--")
    of_sets = Suite([name for name in names if name in OF_SETS], networks)
    of_one = Suite([name for name in names if name not in OF_SETS], networks)
    known: dict[bytes, Tensor] = {}

    def features(pictures: Pictures) -> dict[int, Tensor]:
        for picture in pictures:
            key = picture.numpy().tobytes()
            if key not in known:
                known[key] = of_sets.describe(picture, "a picture")
        return {place: known[picture.numpy().tobytes()] for place, picture in enumerate(pictures)}

    few = spread(len(sources), singles)
    values: dict[str, dict[Place, float]] = {name: {} for name in names}
    reals = features(real)
    for place in (FLOOR, *((kind, level) for kind in KINDS for level in range(1, 5))):
        results = degraded(sources, *place) if place != FLOOR else list(sources)
        described = features(results)
        scores = of_sets.combine(rows_of(described), reals)
        if few and place != FLOOR and place[0] != "collapse":
            scores |= of_one.combine({n: of_one.measure(Case("a picture", results[n], sources[n], sources[n])) for n in few}, {})
        for name, value in scores.items():
            values[name][place] = value
        if place in SHOWN:
            kept[place] = of_few(of_sets, described, reals)
    return values


def rows_of(features: Mapping[int, Tensor]) -> dict[int, Row]:
    """The rows of pictures that only fid and kid measure."""
    return {place: {FEATURES: each} for place, each in features.items()}


def of_few(suite: Suite, described: Mapping[int, Tensor], reals: Mapping[int, Tensor]) -> list[str]:
    """Mean and standard deviation of fid and of kid over subsets of few pictures, in words: for each size fid, then kid."""
    generator, found = torch.Generator().manual_seed(0), []
    for count in FEW:
        draws: list[dict[str, float]] = []
        for _ in range(DRAWS):
            chosen, others = (
                [places[n] for n in torch.randperm(len(places), generator=generator)[:count]] for places in (list(described), list(reals))
            )
            draws.append(suite.combine(rows_of({place: described[place] for place in chosen}), {place: reals[place] for place in others}))
        for name in OF_SETS:
            each = [draw[name] for draw in draws]
            found.append(f"{statistics.mean(each):.3g} ± {statistics.stdev(each):.2g}")
    return found


def worseness(metric: str, value: float) -> float:
    """A number that is the greater, the worse the metric calls a picture."""
    return -value if METRICS[metric].higher_is_better else value


def rank_correlation(metric: str, values: Mapping[Place, float], kinds: Sequence[str]) -> float:
    """Spearman's coefficient of level and value over all levels of these kinds: 1 if the metric grows with every level."""
    places = [(kind, level) for kind in kinds for level in range(1, 5)]
    levels = torch.tensor([float(level) for _, level in places], dtype=torch.float64)
    found = torch.tensor([worseness(metric, values[place]) for place in places], dtype=torch.float64)
    return 0.0 if bool((found == found[0]).all()) else float(spearman_corrcoef(found, levels))


def judged(metric: str) -> list[str]:
    """The kinds that the metric should see."""
    return [kind for kind in KINDS if kind not in BLIND[metric]]


def spoilt_is_worse(metric: str, values: Mapping[Place, float]) -> float:
    """The share of pairs in which level 4 of one kind is worse than level 1 or 2 of another.

    A gray picture is not spoilt. Shuffled quarters and replaced pictures are no slight change.
    """
    spoilt, slight = ([kind for kind in judged(metric) if kind not in but] for but in (("gray",), ("tiles", "another", "collapse")))
    pairs = [((one, 4), (other, level)) for one in spoilt for other in slight if one != other for level in (1, 2)]
    return sum(holds(metric, values, *pair) for pair in pairs) / len(pairs)


def holds(metric: str, values: Mapping[Place, float], worse: Place, better: Place) -> bool:
    """Does the metric call `worse` worse?"""
    return worseness(metric, values[worse]) > worseness(metric, values[better])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of Markdown."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def print_values(found: Mapping[str, Mapping[str, Mapping[Place, float]]]) -> None:
    """A table for each metric: a row for each kind, four values for each choice of weights."""
    for metric, by_weights in found.items():
        print(f"\n### {metric}, {'higher' if METRICS[metric].higher_is_better else 'lower'} is better\n")
        rows = []
        for kind in ("floor", *KINDS):
            places = [place for place in next(iter(by_weights.values())) if place[0] == kind]
            strengths = ", ".join(f"{strength:g}" for strength in KINDS[kind].strengths) if kind in KINDS else ""
            cells = [", ".join(f"{values[place]:.3g}" for place in places) for values in by_weights.values()]
            rows += [[kind, strengths, *cells]] if places else []
        table(["kind", "strength", *by_weights], rows)


def print_ranks(found: Mapping[str, Mapping[str, Mapping[Place, float]]]) -> None:
    """The rank correlations of level and value."""
    print("\n### Rank correlation of level and value\n")
    rows = []
    for metric, by_weights in found.items():
        for weights, values in by_weights.items():
            seen = [f"{rank_correlation(metric, values, [kind]):.1f}" if kind in judged(metric) else "" for kind in KINDS]
            together = f"{rank_correlation(metric, values, judged(metric)):.2f}", f"{spoilt_is_worse(metric, values):.2f}"
            rows.append([metric, weights, *seen, *together])
    table(["metric", "weights", *KINDS, "all kinds", "spoilt is worse"], rows)


def print_orders(found: Mapping[str, Mapping[str, Mapping[Place, float]]]) -> None:
    """Which expectations hold. A metric is asked only about kinds that it should see."""
    print("\n### Expected orders\n")
    columns = [(metric, weights) for metric, by_weights in found.items() for weights in by_weights]
    rows = []
    for order in EXPECTED:
        cells = []
        for metric, weights in columns:
            values, seen = found[metric][weights], judged(metric)
            if metric == "structure":
                asked = order.worse[0] in seen
            else:
                asked = {order.worse[0], order.better[0]} <= set(seen) and not order.reason.startswith("for structure")
            cells.append(("yes" if holds(metric, values, order.worse, order.better) else "**no**") if asked else "")
        rows.append([f"{named(order.worse)} worse than {named(order.better)}: {order.reason}", *cells])
    table(["", *(f"{metric} {weights}".strip() for metric, weights in columns)], rows)


def print_few(steady: Mapping[str, Mapping[Place, Sequence[str]]]) -> None:
    """What subsets of few pictures say."""
    print(f"\n### Few pictures: mean and standard deviation over {DRAWS} subsets\n")
    head = [f"{name} of {count}" for count in FEW for name in OF_SETS]
    rows = [[weights, named(place), *cells] for weights, found in steady.items() for place, cells in found.items()]
    table(["weights", "", *head], rows)


def named(place: Place) -> str:
    """A kind with its strength."""
    return place[0] if place == FLOOR else f"{place[0]} {KINDS[place[0]].strengths[place[1] - 1]:g}"


def write_sheet(path: Path, pictures: Pictures) -> None:
    """A row for each kind: a picture, and the same at each level."""
    rows = [torch.cat([pictures[1], *(degraded(pictures, kind, level)[1] for level in range(1, 5))], dim=2) for kind in KINDS]
    images.write(path, images.to_pixels(torch.cat(rows, dim=1)))


if __name__ == "__main__":
    main()
