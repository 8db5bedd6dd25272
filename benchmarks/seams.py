"""Ways to translate a picture in tiles, by their seams: python benchmarks/seams.py [--model BUNDLE] [--size 1024] [--tile 256].

The picture is a street as the demo's, which the demo does not hold, drawn with --size pixels a side. Without --model a small residual
generator with instance normalisation is trained on crops of other streets of that size (--steps). Printed for each way: the seam index
of docs/guide/evaluation.md, the same over that of the untiled translation, the greatest and the mean difference from the untiled
translation in float64 in levels of 255, and seconds. --sheet FILE gets the translations side by side, with a part of each in its own size.

  untiled                the whole picture at once, in float32 as all below
  naive tiles            each tile alone
  overlap and blend      each tile alone with a margin of an eighth of its side, faded into its neighbours
  thumbnail, tiles       each tile alone with a margin that is cut off; all have the statistics of the picture scaled down to one tile
                         (as in 2103.11784)
  thumbnail, by regions  these statistics, layer by layer: infer --statistics FILE
  local                  statistics of cells, interpolated, layer by layer: infer --statistics local
  exact                  statistics of the whole picture, layer by layer: infer --tile N
"""

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

import gan_style
from gan_style.commands.options import device_option
from gan_style.demo.sets import draw_paired
from gan_style.evaluation.seams import seam_index
from gan_style.files import images
from gan_style.files.sheet import tile as sheet_of
from gan_style.tiling.graph import Statistics
from gan_style.tiling.scratch import Scratch
from gan_style.tiling.spans import Region
from gan_style.tiling.statistics import Moments, merged
from gan_style.tiling.tiled import TiledNetwork, Tiling
from gan_style.translation.predictor import Predictor

STREETS = 6  # that the generator is trained on
SEEDS = 1, 2  # of the picture and of these streets; the demo has 0
CHANNELS = 3  # of a translation
Network = Callable[[Tensor], Tensor]  # [1, C, h, w] -> [1, C', h, w] in [-1, 1]
Piece = tuple[slice, slice]


def main() -> None:
    """Translate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="BUNDLE", help="a translator from the demo's label maps; default: trained here")
    parser.add_argument("--steps", type=int, default=500, help="of that training")
    parser.add_argument("--size", type=int, default=1024, help="pixels of the picture's side")
    parser.add_argument("--tile", type=int, default=256, help="pixels of a tile's side")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a picture to look at")
    device_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_paired(root / "held_out", train=0, val=1, size=options.size, seed=SEEDS[0])
        predictor = Predictor.load(options.model or trained(root, options), options.device)
        source, truth = (next((root / "held_out" / name).iterdir()) for name in ("valA", "valB"))
        picture = images.to_tensor(images.read(source, predictor.info.in_channels).pixels)[None].to(predictor.device)
        photograph = images.read(truth, 3).pixels
    info = predictor.info
    print(
        f"torch {torch.__version__}, {predictor.device.type}, {torch.get_num_threads()} threads; {info.method}, "
        f"{info.translator['generator']['name']}; {options.size} x {options.size} pixels in tiles of {options.tile}"
    )
    measure(predictor, picture, photograph, options)


def trained(root: Path, options: argparse.Namespace) -> Path:
    """The bundle of a small residual generator, trained on crops of the drawn streets."""
    draw_paired(root / "streets", train=STREETS, val=0, size=options.size, seed=SEEDS[1])
    config = {
        "run_dir": str(root / "run"),
        "method": {
            "name": "pix2pix",
            "generator": {"name": "resnet", "base_channels": 16, "num_blocks": 4, "norm": "instance", "upsampling": "resize-convolution"},
            "discriminator": {"name": "patchgan", "base_channels": 16, "norm": "instance"},
        },
        "data": {"root": str(root / "streets"), "preprocess": "crop", "crop_size": 256, "workers": 0},
        "optim": {"lr": 0.0004, "schedule": "linear", "decay_start": 0.5},
        "train": {"steps": options.steps},
        "logging": {"every": 100, "samples": 0},
    }
    gan_style.train(config)
    return root / "run/bundles/a2b.safetensors"


@torch.no_grad()
def measure(predictor: Predictor, picture: Tensor, photograph: np.ndarray, options: argparse.Namespace) -> None:
    """Print the table, and write the sheet."""
    network, side, cell = predictor.network, options.tile, predictor.info.resize.crop_size
    margin = side // 8
    ways: dict[str, Callable[[], Tensor]] = {
        "untiled": lambda: network(picture),
        "naive tiles": lambda: in_tiles(network, picture, side, 0),
        "overlap and blend": lambda: blended(network, picture, side, margin),
        "thumbnail, tiles": lambda: in_tiles(WithStatistics(network, thumbnail(network, picture, side)), picture, side, margin),
        "thumbnail, by regions": lambda: by_regions(network, picture, Tiling(tile=side), thumbnail(network, picture, side))[0],
        "local": lambda: by_regions(network, picture, Tiling(tile=side, local=True, cell=cell))[0],
        "exact": lambda: by_regions(network, picture, Tiling(tile=side))[0],
    }
    columns = ["", "seam index", "over untiled", "greatest difference", "mean difference", "seconds", "of the processor"]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    print(f"| the drawn picture | {seam_index(images.to_tensor(photograph), side):.3f} | | | | | |")
    reference = copy.deepcopy(network).cpu().double()(picture.cpu().double())[0].clamp(-1, 1)
    results: dict[str, np.ndarray] = {}
    indices: list[float] = []
    for name, way in ways.items():
        wall, processor = time.perf_counter(), time.process_time()
        result = way()[0].cpu().clamp(-1, 1)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        results[name] = images.to_pixels(result)
        indices.append(seam_index(images.to_tensor(results[name]), side))
        difference = (result - reference).abs() * 127.5
        differences = f"{two_digits(difference.max())} | {two_digits(difference.mean())}"
        print(f"| {name} | {indices[-1]:.3f} | {indices[-1] / indices[0]:.3f} | {differences} | {wall:.1f} | {processor:.1f} |", flush=True)
    if options.sheet:
        write_sheet(options.sheet, results, side)


def two_digits(value: Tensor) -> str:
    """A number with two digits that count, without an exponent."""
    return np.format_float_positional(float(value), 2, fractional=False, trim="-")


def in_tiles(network: Network, picture: Tensor, side: int, margin: int) -> Tensor:
    """Each tile alone, seen with a margin that is cut off."""
    result = picture.new_empty(1, CHANNELS, *picture.shape[2:])
    for rows, columns in pieces(picture, side):
        (top, above), (left, before) = with_margin(rows, margin, picture.shape[2]), with_margin(columns, margin, picture.shape[3])
        tile = network(picture[..., top, left])
        height, width = rows.stop - rows.start, columns.stop - columns.start
        result[..., rows, columns] = tile[..., above : above + height, before : before + width]
    return result


def blended(network: Network, picture: Tensor, side: int, margin: int) -> Tensor:
    """Each tile alone with its margins, in which it fades: at a border two tiles have a half each."""
    height, width = picture.shape[2:]
    total, weights = picture.new_zeros(1, CHANNELS, height, width), picture.new_zeros(1, 1, height, width)
    for rows, columns in pieces(picture, side):
        (top, _), (left, _) = with_margin(rows, margin, height), with_margin(columns, margin, width)
        tile = network(picture[..., top, left])
        weight = fading(rows, top, margin, height)[:, None] * fading(columns, left, margin, width)
        total[..., top, left] += tile * weight.to(tile)
        weights[..., top, left] += weight.to(tile)
    return total / weights


def pieces(picture: Tensor, side: int) -> list[Piece]:
    """The tiles of a picture; those at its ends may be smaller."""
    height, width = picture.shape[2:]
    starts = [(top, left) for top in range(0, height, side) for left in range(0, width, side)]
    return [(slice(top, min(top + side, height)), slice(left, min(left + side, width))) for top, left in starts]


def with_margin(core: slice, margin: int, length: int) -> tuple[slice, int]:
    """A tile's side with its margins, as far as the picture goes, and where its core begins in it."""
    start = max(0, core.start - margin)
    return slice(start, min(length, core.stop + margin)), core.start - start


def fading(core: slice, seen: slice, margin: int, length: int) -> Tensor:
    """The weights of a tile's positions along an axis: 1 inside, falling to 0 over twice the margin about each border with a neighbour."""
    place = torch.arange(seen.start, seen.stop) + 0.5
    rise = (place - core.start + margin) / (2 * margin) if core.start else torch.ones(len(place))
    fall = (core.stop + margin - place) / (2 * margin) if core.stop < length else torch.ones(len(place))
    return torch.minimum(rise, fall).clamp(0, 1)


def by_regions(network: Network, picture: Tensor, tiling: Tiling, given: Sequence[Moments] = ()) -> tuple[Tensor, list[Moments]]:
    """The translation layer by layer, and the statistics that were taken. given: statistics in their place"""

    def known(nodes: Sequence[Statistics]) -> Mapping[Statistics, Moments]:
        return dict(zip(nodes, given, strict=True)) if given else {}

    tiled = TiledNetwork(network, [picture.shape], picture.device, tiling, given=known)
    result = torch.empty(tiled.graph.output.like.shape)

    def write(region: Region, values: Tensor) -> None:
        rows, columns = region
        result[..., rows.start : rows.stop, columns.start : columns.stop] = values.float().cpu()

    def read(region: Region) -> Tensor:
        rows, columns = region
        return picture[..., rows.start : rows.stop, columns.start : columns.stop]

    tiled.run(tiled.plan(), [read], write, Scratch(None))
    return result, [merged(tiled.moments[node]) for node in tiled.graph.statistics]


def thumbnail(network: Network, picture: Tensor, side: int) -> list[Moments]:
    """The statistics of the picture scaled down to `side` pixels."""
    scale = side / max(picture.shape[2:])
    small = F.interpolate(picture, scale_factor=scale, mode="bilinear", align_corners=False, antialias=True)
    return by_regions(network, small, Tiling(tile=side))[1]


class WithStatistics:
    """A network that normalises all images by the same statistics."""

    def __init__(self, network: Network, moments: Sequence[Moments]) -> None:
        self.network, self.moments = network, moments

    def __call__(self, image: Tensor) -> Tensor:
        return by_regions(self.network, image, Tiling(tile=max(image.shape[2:])), self.moments)[0]


def write_sheet(path: Path, results: Mapping[str, np.ndarray], side: int) -> None:
    """Four pictures a row, each below its name: all of it in a smaller size, and a part about a border in its own size."""
    cells = [shown(name, pixels, side) for name, pixels in results.items()]
    images.write(path, sheet_of([cells[first : first + 4] for first in range(0, len(cells), 4)]))


def shown(name: str, pixels: np.ndarray, side: int) -> np.ndarray:
    """A name, a picture in a smaller size and a part of it."""
    width = 320
    height = round(width * pixels.shape[0] / pixels.shape[1])
    top, left = max(0, side - width // 4), max(0, pixels.shape[1] // 2 - width // 2)
    part = pixels[top : top + width // 2, left : left + width]
    drawn = Image.new("RGB", (width + 8, height + len(part) + 32), "white")
    ImageDraw.Draw(drawn).text((4, 4), name, "black", font_size=16)
    drawn.paste(Image.fromarray(images.resize(pixels, height, width)), (0, 24))
    drawn.paste(Image.fromarray(np.ascontiguousarray(part)), (0, 28 + height))
    return np.asarray(drawn)


if __name__ == "__main__":
    main()
