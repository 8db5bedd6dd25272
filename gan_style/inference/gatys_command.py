"""The body of `infer.py --model gatys`: pictures stylised one by one by optimisation, without a trained network."""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gan_style.errors import CommandParser, UserError, one_line
from gan_style.inference.files import Job, make_output, select

if TYPE_CHECKING:
    from torch import Tensor

    from gan_style.inference.gatys import Settings, Style
    from gan_style.networks.vgg import VGGFeatures

T = TypeVar("T")

BYTES_PER_PIXEL = 3000  # of the result; measured in docs/results/2026-11-21-gatys.md
BYTES_PER_STYLE_PIXEL = 1500  # of a style's picture, which is seen once, without gradients; reckoned


def asks_for_gatys(arguments: Sequence[str]) -> bool:
    """Whether the command line says `--model gatys`. A folder of that name is `--model ./gatys`."""
    model = CommandParser(prog="infer.py", add_help=False, allow_abbrev=False)
    model.add_argument("--model")
    return model.parse_known_args(arguments)[0].model == "gatys"


def gatys_command(arguments: Sequence[str]) -> int:
    """Stylise what the command line asks for. Returns the exit code; `UserError` at the end where some pictures failed."""
    options = parser().parse_args(arguments)
    output = Path(options.output)
    selection = select(options.input, output, "png")
    left_out = selection.left_out()
    print(f"{len(selection.jobs)} images" + (f"; left out: {left_out}" if left_out else ""), flush=True)

    from gan_style.inference.run import NO_USE_GOING_ON, Tally  # loads torch

    tally = Tally()
    stylise = stylisation(options)
    make_output(output)
    try:
        for job in selection.jobs:
            if job.target.is_file() and not options.overwrite:
                tally.skipped += 1
                continue
            try:
                stylise(job)
                tally.translated += 1
            except UserError as mistake:
                tally.failures.append(one_line(str(mistake)))
                if getattr(mistake.__cause__, "errno", None) in NO_USE_GOING_ON:
                    raise
    finally:
        print(one_line(f"{tally.line()} -> {output}"), flush=True)
    tally.raise_failures()
    return 0


def stylisation(options: argparse.Namespace) -> Callable[[Job], None]:
    """What stylises one picture and writes it, raising a `UserError` that names it. Options are checked, pictures of styles read here."""
    import torch

    from gan_style import images
    from gan_style.inference import controls
    from gan_style.inference.gatys import CONTENT_LAYERS, STYLE_LAYERS, Settings, Style
    from gan_style.inference.picture import Source, write_result
    from gan_style.inference.predictor import choose_device
    from gan_style.networks.vgg import VGGFeatures

    count = len(options.style)
    named = [controls.parse_style(text) for text in options.style]
    masks: list[str | None] = [*options.mask] or [None] * count
    if len(masks) != count:
        raise UserError(f"--mask: {len(masks)} for {count} of --style; give one mask for each style, in their order, or none")
    scales = _for_each("--style-scale", options.style_scale or [1.0], count)
    layers = [controls.parse_layers("--style-layers", text, options.vgg_name) for text in options.style_layers] or [STYLE_LAYERS]
    layers = _for_each("--style-layers", layers, count)
    content_layers = CONTENT_LAYERS
    if options.content_layers:
        content_layers = controls.parse_layers("--content-layers", options.content_layers, options.vgg_name)
    settings = Settings(
        strength=options.strength,
        content_weight=options.content_weight,
        tv_weight=options.tv_weight,
        content_layers=content_layers,
        start=options.start,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        steps=options.steps,
        pyramid=options.pyramid,
        seed=options.seed,
    )
    device = choose_device(options.device)
    pictures = [images.to_tensor(images.read(path, 3).pixels)[None].to(device) for path, _ in named]
    wanted = list(dict.fromkeys([*content_layers, *(layer for weights in layers for layer in weights)]))
    vgg = VGGFeatures(options.vgg_name, wanted, options.vgg, options.pooling).to(device)

    def stylise(job: Job) -> None:
        read = images.read(job.source, 3)
        height, width = read.pixels.shape[:2]
        scale = (options.size or min(height, width)) / min(height, width)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        if device.type == "cpu":
            _check_memory(job, rows, columns, max(BYTES_PER_PIXEL, BYTES_PER_STYLE_PIXEL * max(scales) ** 2))
        pixels = images.resize(read.pixels, rows, columns)
        photo = images.to_tensor(pixels)[None].to(device)
        styles = []
        for picture, mask, (_, weight), size, weights in zip(pictures, masks, named, scales, layers, strict=True):
            region = None if mask is None else controls.read_mask(Path(mask), job.source, height, width).to(device)
            if options.preserve_color == "luminance":
                picture = controls.match_luminance(controls.luminance(picture), controls.luminance(photo))
            elif options.preserve_color == "histogram":
                picture = controls.recolour(picture, photo)
            styles.append(Style(picture, weight, region, size, weights))
        gray = options.preserve_color == "luminance"
        try:
            result = _watched(vgg, controls.luminance(photo) if gray else photo, styles, settings, job.source.name)
        except UserError as mistake:
            raise UserError(f"{job.source}: {mistake}") from None
        except torch.OutOfMemoryError:
            raise UserError(f"{job.source}: {device.type} has no memory for {columns} x {rows} pixels; take a smaller --size") from None
        if gray:
            result = controls.with_chroma(result, photo)
        write_result(Source(job, pixels, height, width, read.alpha), result[0], keep_resized=True)

    return stylise


def _watched(vgg: "VGGFeatures", photo: "Tensor", styles: list["Style"], settings: "Settings", name: str) -> "Tensor":
    """`optimise` under a progress bar that shows the terms of the loss."""
    from tqdm import tqdm

    from gan_style.inference.gatys import optimise

    with tqdm(total=settings.steps, desc=name, unit="step", disable=None) as bar:

        def show(terms: dict[str, float]) -> None:
            bar.set_postfix({term: f"{value:.3g}" for term, value in terms.items() if value}, refresh=False)
            if bar.n < settings.steps:  # L-BFGS may end its line search a little later
                bar.update()

        return optimise(vgg, photo, styles, settings, show)


def _for_each(option: str, values: list[T], count: int) -> list[T]:
    """One value for each of `count` styles, or one for all."""
    if len(values) not in (1, count):
        raise UserError(
            f"{option}: given {len(values)} times for {count} of --style; give it once for all or once for each, in their order"
        )
    return values if len(values) == count else values * count


def _check_memory(job: Job, rows: int, columns: int, bytes_per_pixel: float) -> None:
    """`UserError` where the picture would need more memory than this machine has: the system would end the process without a word."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    there, needed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rows * columns * bytes_per_pixel
    if needed > there:
        side = int(min(rows, columns) * math.sqrt(there / needed) / 2)
        raise UserError(
            f"{job.source}: {columns} x {rows} pixels would take about {needed / 1e9:.0f} GB of memory, and there are {there / 1e9:.0f}; "
            f"take --size {side} or so, or a smaller --style-scale"
        )


def parser() -> argparse.ArgumentParser:
    """The options of infer.py --model gatys."""
    parser = CommandParser(
        prog="infer.py --model gatys",
        description="Stylise photos by optimising their pixels (Gatys et al., 1508.06576, 1611.07865). Results are PNG of size --size.",
        epilog="Example: python infer.py --model gatys --input photo.jpg --style painting.jpg --output stylised",
    )
    required = parser.add_argument_group("what").add_argument
    required("--model", required=True, metavar="gatys")
    required("--input", required=True, nargs="+", metavar="PATH", help="files, folders (walked, their tree is kept) or quoted globs")
    required("--output", required=True, metavar="DIR", help="folder for the results")
    required("--overwrite", action="store_true", help="stylise again what exists in the output folder")
    required("--style", required=True, nargs="+", action="extend", metavar="PICTURE[:WEIGHT]", help="weights are shares; default: 1 each")
    required("--size", type=_whole(0, 16384), default=512, metavar="N", help="shorter side of the result; 0: the photo's; default: 512")

    control = parser.add_argument_group("controls").add_argument
    control("--strength", type=_number(0, 1e6), default=1.0, help="of the style against the content; default: %(default)s")
    mask_help = "gray pictures of the photo's size, one for each --style: it goes where its mask is white; what is black in all stays"
    control("--mask", nargs="+", action="extend", default=[], metavar="PICTURE", help=mask_help)
    control("--preserve-color", choices=("luminance", "histogram"), help="keep the photo's chroma, or recolour the style before")
    scale_help = "side of the style's picture relative to the result's, for all or for each --style: larger is larger strokes; default: 1"
    control("--style-scale", nargs="+", action="extend", type=_number(0.05, 4), metavar="S", help=scale_help)
    layers_help = "for all, or once for each --style; default: relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"
    control("--style-layers", action="append", default=[], metavar="LAYER[=WEIGHT],...", help=layers_help)
    control("--content-layers", metavar="LAYER[=WEIGHT],...", help="default: relu4_2")
    control("--content-weight", type=_number(0, 1e6), default=1e-2, metavar="W", help="default: %(default)s")
    control("--tv-weight", type=_number(0, 1e6), default=0.0, metavar="W", help="of the total variation: smoother; default: %(default)s")

    how = parser.add_argument_group("optimisation").add_argument
    how("--steps", type=_whole(1, 10**6), default=500, metavar="N", help="over all levels; default: %(default)s")
    how("--pyramid", type=_whole(1, 8), default=1, metavar="LEVELS", help="coarse to fine, each of twice the side; default: %(default)s")
    how("--start", choices=("content", "style", "noise"), default="content", help="default: %(default)s")
    how("--optimizer", choices=("lbfgs", "adam"), default="lbfgs", help="default: %(default)s")
    how("--learning-rate", type=_number(1e-6, 1), default=0.02, metavar="RATE", help="of adam; default: %(default)s")
    how("--seed", type=_whole(0, 2**63 - 1), default=0, help="of --start noise; default: %(default)s")
    how("--vgg", default="imagenet", metavar="imagenet|random|PATH", help="weights of the network; default: %(default)s")
    how("--vgg-name", choices=("vgg19", "vgg16"), default="vgg19", help="default: %(default)s")
    how("--pooling", choices=("avg", "max"), default="avg", help="default: %(default)s, as in the paper")
    how("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: the GPU where there is one")
    return parser


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse
