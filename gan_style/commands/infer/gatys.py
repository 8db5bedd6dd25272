"""`gan-style infer --model gatys`: stylises pictures one by one by optimisation, without a trained network."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from gan_style.commands.options import device_option, number, place, whole
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.errors import UserError, one_line
from gan_style.machine.share import ALONE, Share
from gan_style.terminal.counted import counted
from gan_style.translation.inputs import check_paths, make_output, select


def asks_for_gatys(arguments: Sequence[str]) -> bool:
    """Whether the command line says `--model gatys`. A folder of that name is `--model ./gatys`."""
    model = CommandParser(prog="gan-style infer", add_help=False, allow_abbrev=False)
    model.add_argument("--model")
    return model.parse_known_args(arguments)[0].model == "gatys"


def gatys_command(arguments: Sequence[str], share: Share = ALONE) -> int:
    """Stylise as the command line says. Returns the exit code. `UserError` at the end if some pictures failed."""
    with share.together():
        work = _prepared(arguments, share)
    work()
    return 0


def _prepared(arguments: Sequence[str], share: Share) -> Callable[[], None]:
    """Check the command line, load the network and make the output folder. Returns the work that remains."""
    if "--compile" in arguments:
        raise UserError("--compile: --model gatys optimises each picture and has no network of its own to compile; leave it out")
    options = gatys_parser().parse_args(arguments)
    refuse_idle("--learning-rate", options.learning_rate, options.optimizer == "adam", "--optimizer adam")
    refuse_idle("--seed", options.seed, options.start == "noise", "--start noise")
    refuse_idle("--content-layers", options.content_layers, options.content_weight > 0, "a --content-weight above 0")
    check_paths({"--input": options.input, "--mask": options.mask, "--vgg": [options.vgg], "--output": [options.output]})
    output = Path(options.output)
    selection = select(options.input, output, "png")
    left_out = selection.left_out()
    if share.main:
        print(f"{counted(len(selection.jobs), 'image')}" + (f"; left out: {left_out}" if left_out else ""), flush=True)

    from gan_style.translation.pipeline import NO_USE_GOING_ON, Tally  # loads torch
    from gan_style.translation.stylisation import Stylisation

    tally = Tally()
    stylise = Stylisation(options)
    make_output(output)

    def stylise_all() -> None:
        with tally.reported(output, selection.others.pictures(), share):
            for job in share.of(selection.jobs):
                if job.done and not options.overwrite:
                    tally.skipped += 1
                    continue
                try:
                    stylise(job)
                    tally.translated += 1
                except UserError as mistake:
                    tally.failures.append(one_line(str(mistake)))
                    if getattr(mistake.__cause__, "errno", None) in NO_USE_GOING_ON:
                        raise

    return stylise_all


def gatys_parser() -> argparse.ArgumentParser:
    """The parser of the command line with `--model gatys`."""
    parser = CommandParser(
        prog="gan-style infer --model gatys",
        description="Stylise photos by optimising their pixels (Gatys et al., 1508.06576, 1611.07865). Results are PNG of size --size.",
        epilog="Example: gan-style infer --model gatys --input photo.jpg --style painting.jpg --output stylised",
    )
    required = parser.add_argument_group("what").add_argument
    required("--model", required=True, metavar="gatys")
    input_help = "files, folders (walked, their tree is kept) or quoted globs"
    required("--input", type=place, required=True, action="extend", nargs="+", metavar="PATH", help=input_help)
    required("--output", type=place, required=True, metavar="DIR", help="folder for the results")
    required("--overwrite", action="store_true", help="stylise again what exists in the output folder")
    required(
        "--style",
        type=place,
        required=True,
        nargs="+",
        action="extend",
        metavar="PICTURE[:SHARE]",
        help="several mix; default: equal shares",
    )
    required("--size", type=whole(0, 16384), default=512, metavar="N", help="shorter side of the result; 0: the photo's; default: 512")

    control = parser.add_argument_group("controls").add_argument
    control("--strength", type=number(0, 1e6), default=1.0, help="of the style against the content; default: %(default)s")
    mask_help = "gray pictures of the photo's size, one for each --style: it goes where its mask is white; what is black in all stays"
    control("--mask", type=place, nargs="+", action="extend", default=[], metavar="PICTURE", help=mask_help)
    control("--preserve-color", choices=("luminance", "histogram"), help="keep the photo's chroma, or recolour the style before")
    scale_help = "side of the style's picture relative to the result's, for all or for each --style: larger is larger strokes; default: 1"
    control("--style-scale", nargs="+", action="extend", type=number(0.05, 4), metavar="S", help=scale_help)
    layers_help = "for all, or once for each --style; default: relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"
    control("--style-layers", action="append", default=[], metavar="LAYER[=WEIGHT],...", help=layers_help)
    control("--content-layers", metavar="LAYER[=WEIGHT],...", help="default: relu4_2")
    control("--content-weight", type=number(0, 1e6), default=0.2, metavar="W", help="default: %(default)s")
    control("--tv-weight", type=number(0, 1e6), default=0.0, metavar="W", help="of the total variation: smoother; default: %(default)s")

    how = parser.add_argument_group("optimisation").add_argument
    how("--steps", type=whole(1, 10**6), default=500, metavar="N", help="over all levels; default: %(default)s")
    how("--pyramid", type=whole(1, 8), default=3, metavar="LEVELS", help="coarse to fine, each of twice the side; default: %(default)s")
    how("--start", choices=("content", "style", "noise"), default="content", help="default: %(default)s")
    how("--optimizer", choices=("lbfgs", "adam"), default="lbfgs", help="default: %(default)s")
    how("--learning-rate", type=number(1e-6, 1), metavar="RATE", help="of adam; default: 0.02")
    how("--seed", type=whole(0, 2**63 - 1), help="of --start noise; default: 0")
    how("--vgg", type=place, default="imagenet", metavar="imagenet|random|PATH", help="weights of the network; default: %(default)s")
    how("--vgg-name", choices=("vgg19", "vgg16"), default="vgg19", help="default: %(default)s")
    how("--pooling", choices=("avg", "max"), default="avg", help="default: %(default)s, as in the paper")
    device_option(parser)
    return parser
