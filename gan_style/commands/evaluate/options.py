"""The command line of `gan-style evaluate`, and the options that go together. This module does not import torch."""

import argparse
from pathlib import Path

from gan_style.commands.evaluate.result import written
from gan_style.commands.options import device_option, number, place, whole
from gan_style.commands.parser import CommandParser
from gan_style.config.metrics import DEFAULT_PAIRED, INSIDE, MEASURED, METRICS, Compares
from gan_style.errors import UserError, nearest
from gan_style.files import atomic
from gan_style.files.opening import refusal

MOST = 3.4e38  # the largest float32
_PATHS = ("model", "data", "data_b", "results", "truth", "inputs", "masks", "segmenter", "json")
# Options that have no effect without one of the others
_BELONGS = {
    **dict.fromkeys(("truth", "inputs", "range", "seams"), ("results",)),
    "masks": ("truth",),
    **dict.fromkeys(("mask", "data_b", "output_labels", "images", "seed", "to"), ("model",)),
    **dict.fromkeys(("data", "source", "direction"), ("model", "segmenter")),
    **dict.fromkeys(("segmenter_steps", "labels", "ignore_color"), ("segmenter",)),
}
# The object that metrics compare results with -> the option that names it
_SIDES: dict[Compares, str] = {"truth": "truth", "domain": "truth", "input": "inputs"}


def evaluate_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        prog="gan-style evaluate",
        description="Measure translations: files against files, or a bundle over a data set's validation images. docs/guide/evaluation.md "
        "says what the metrics mean.",
        epilog="Example: python -m gan_style evaluate --model runs/pix2pix --data my_pairs --metrics l1,ssim --json scores.json",
    )
    files = parser.add_argument_group("files against files, by stem")
    files.add_argument("--results", type=place, metavar="DIR", help="translated pictures, or files of values with --range")
    files.add_argument("--truth", type=place, metavar="DIR", help="what they should be; for fid and kid, real pictures of their kind")
    files.add_argument("--inputs", type=place, metavar="DIR", help="what they were made from, for structure")
    files.add_argument(
        "--range",
        type=number(-MOST, MOST),
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="of files of values (float32 TIFF, int16 NIfTI): these two are black and white, as data.domain_b.range; gives mae in the unit",
    )
    files.add_argument("--masks", type=place, metavar="DIR", help="metrics of pixels inside these masks alone: 0 outside, else inside")
    files.add_argument("--seams", type=whole(2, 10_000_000), metavar="N", help="tell by a seam index if borders of tiles of N pixels show")
    model = parser.add_argument_group("a bundle over validation images, as training measures it")
    model.add_argument(
        "--model", type=place, metavar="BUNDLE|RUN_DIR", help="a bundle, a run folder with bundles/ in it, or hf://USER/NAME"
    )
    model.add_argument("--data", type=place, metavar="ROOT", help="the data set, as in data.root")
    model.add_argument("--data-b", type=place, metavar="ROOT", help="domain B's images where they lie elsewhere, as in data.root_b")
    model.add_argument(
        "--source", choices=["auto", "aligned", "folders", "unpaired", "labelled", "manifest", "parquet"], help="as data.source"
    )
    model.add_argument(
        "--mask", choices=("auto", "off"), help="auto: metrics of pixels are those inside the data set's masks; off: of whole images"
    )
    model.add_argument(
        "--direction", choices=("a2b", "b2a"), help="which bundle of a run folder; with --segmenter, from labels to photos; default: a2b"
    )
    model.add_argument(
        "--output-labels",
        choices=("auto", "yes", "no", "nearest"),
        help="are the true outputs label maps? as data.domain_b.labels; default: auto",
    )
    model.add_argument("--images", type=whole(1, 10_000_000), metavar="N", help="most validation images of each domain; default: all")
    model.add_argument(
        "--to", metavar="NAME", help="one of several domains of a labelled set: translate the other domains' images to it; default: to all"
    )
    model.add_argument("--seed", type=int, metavar="N", help="of the noise of a gan: its train.seed; default: 0")
    parser.add_argument("--metrics", type=_metrics, metavar="NAME,...", help=f"of {', '.join(METRICS)}")
    for option, default, kinds, metrics in (
        ("--features", "inception", "inception|random|FILE", "fid and kid"),
        ("--lpips", "alex", "alex|vgg|random|FILE", "lpips"),
        ("--structure", "imagenet", "imagenet|random|FILE", "structure"),
    ):
        words = f"the network of {metrics}; default: %(default)s"
        parser.add_argument(option, type=place, default=default, metavar=kinds, help=words)
    task = parser.add_argument_group("task score: does a segmenter of real photos recognise the translations?")
    task.add_argument(
        "--segmenter", type=place, metavar="FILE", help="a segmenter; where there is none it is trained on --data's real pairs, and kept"
    )
    task.add_argument("--segmenter-steps", type=whole(1, 10_000_000), metavar="N", help="of its training; default: 1000")
    task.add_argument(
        "--labels",
        choices=("yes", "nearest"),
        help="nearest: of JPEG or blended label maps the frequent colours alone are classes; default: as the bundle read them, or yes",
    )
    task.add_argument("--ignore-color", type=_colour, action="append", metavar="R,G,B", help="a label that counts nowhere")
    device_option(parser)
    parser.add_argument("--json", type=place, metavar="FILE", help="write the numbers there, too")
    return parser


def check_evaluate_options(options: argparse.Namespace) -> None:
    """`UserError` for options that do not go together, and for texts that cannot be paths."""
    if (options.model is None) == (options.results is None):
        raise UserError("give --model and --data, or --results and --truth; see python -m gan_style evaluate --help")
    for name, others in _BELONGS.items():
        if getattr(options, name) is not None and all(getattr(options, other) is None for other in others):
            raise UserError(f"{flag(name)}: has no effect without {' or '.join(map(flag, others))}; leave it out")
    if options.model is not None and options.data is None:
        raise UserError("--model: needs --data, the data set whose validation images are translated")
    if options.segmenter is not None and options.data is None:
        raise UserError("--segmenter: needs --data, a data set of label maps and photos in pairs")
    if options.range is not None:
        _check_range(options)
    if options.results is not None:
        metrics_of_files(options)
    for name in _PATHS:
        if (text := getattr(options, name)) is not None and (why := refusal(text)):
            raise UserError(f"{flag(name)} {text}: {why}; give another path")
    if options.json is not None:
        with written(options.json):
            atomic.check_writable(Path(options.json))


def _check_range(options: argparse.Namespace) -> None:
    """`UserError` unless --range is one, and the other options go with it."""
    low, high = options.range
    if not low < high:
        raise UserError(f"--range {low:g} {high:g}: must be two numbers, the smaller one first")
    for name, what in (("inputs", "are pictures to the metric structure"), ("segmenter", "takes pictures")):
        if getattr(options, name) is not None:
            raise UserError(f"{flag(name)}: {what}, and --range is of values; leave one of them out")


def metrics_of_files(options: argparse.Namespace) -> tuple[str, ...]:
    """The metrics of --results: the requested ones, or the usual ones for the given folders. `UserError` if they do not fit."""
    measured = options.range is not None
    usual = {"truth": (*MEASURED, *DEFAULT_PAIRED) if measured else DEFAULT_PAIRED, "inputs": ("structure",)}
    given = [side for side in usual if getattr(options, side) is not None]
    names = tuple(options.metrics or (name for side in given for name in usual[side]))
    if not names and options.segmenter is None and options.seams is None:
        raise UserError("--results: needs --truth or --inputs, pictures to compare with, --segmenter and --data, or --seams N")
    if not measured and (idle := [name for name in names if name in MEASURED]):
        why = "is in the unit of files of values, whose range is not given; give it as --range LOW HIGH, or take l1"
        raise UserError(f"--metrics: {idle[0]} {why}")
    sides = {name: _SIDES[METRICS[name].compares] for name in names}
    for name, side in sides.items():
        if side not in given:
            whose = "the pictures that results were made from" if side == "inputs" else "what results should be like"
            raise UserError(f"--metrics: {name} compares with {whose}; give them as --{side}")
    for side in given:
        if side not in sides.values():
            raise UserError(f"--{side}: none of the metrics {', '.join(names)} compares with it; leave it out, or choose other --metrics")
    if options.masks is not None and not {*names} & {*INSIDE}:
        raise UserError(f"--masks: none of the metrics {', '.join(names)} looks at pixels; leave it out, or ask for {', '.join(INSIDE)}")
    return names


def _metrics(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in METRICS:
            raise argparse.ArgumentTypeError(f"{name!r} is no metric{nearest(name, METRICS)}; there are {', '.join(METRICS)}")
    return names


def _colour(text: str) -> tuple[int, int, int]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) <= 255 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no colour: write R,G,B, each from 0 to 255")
    return int(parts[0]), int(parts[1]), int(parts[2])


def flag(name: str) -> str:
    """data_b -> --data-b."""
    return f"--{name.replace('_', '-')}"
