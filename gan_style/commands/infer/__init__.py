"""`gan-style infer`. torch is imported only after the command line and the paths have been checked."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gan_style.bundles.place import DIRECTIONS, find_bundle, name_of
from gan_style.commands.infer.gatys import asks_for_gatys, gatys_command
from gan_style.commands.infer.large import LARGE, large_options, large_pictures
from gan_style.commands.infer.moving import check_moving, encoding_of, moving_options, moving_pictures
from gan_style.commands.options import device_option, number, place, whole
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.errors import UserError, one_line
from gan_style.machine.memory import room_for
from gan_style.machine.share import Share
from gan_style.translation.inputs import FORMATS, LARGEST_STYLE, SMALLEST_STYLE, check_paths, make_output, select


def infer_command(arguments: Sequence[str]) -> int:
    """Translate as the command line says. Returns the exit code. `UserError` at the end if some pictures failed."""
    with room_for("no memory to begin", "free some, or take another --device"):
        share = Share.of_launch()
        try:
            return gatys_command(arguments, share) if asks_for_gatys(arguments) else _translate(arguments, share)
        finally:
            share.close()


def _translate(arguments: Sequence[str], share: Share) -> int:
    with share.together():
        work = _prepared(arguments, share)
    work()
    return 0


def _prepared(arguments: Sequence[str], share: Share) -> Callable[[], None]:
    """Check the command line, load the bundle and make the output folder. Returns the work that remains."""
    options = infer_parser().parse_args(arguments)
    given = {"--model": [options.model], "--mask": options.mask, "--statistics": [options.statistics]}
    check_paths({**given, "--input": options.input, "--output": [options.output]})
    bundle = find_bundle("--model", Path(options.model), options.direction)
    output = Path(options.output)
    encoding, format = encoding_of(options), options.format
    selection = select(options.input, output, format, encoding, together=None)
    options.format = format or "png"

    from gan_style.conditions import Noise
    from gan_style.files.writing import FAST_PNG
    from gan_style.translation.draw import draw_samples
    from gan_style.translation.picture import check_output_channels, check_output_values, kept_suffixes
    from gan_style.translation.pipeline import Translation, batch_of
    from gan_style.translation.predictor import Predictor
    from gan_style.translation.stylist import StyleOptions
    from gan_style.translation.termination import exiting_on_termination
    from gan_style.translation.translators import translator_for
    from gan_style.translation.volumes import VolumePictures

    if options.png_compression is not None and options.format not in ("png", "keep"):
        raise UserError(f"--png-compression: the results are {options.format}; leave it out, or take --format png")
    if options.compile and isinstance(options.tile, int):
        raise UserError(f"--compile: --tile {options.tile} computes every picture region by region, uncompiled; leave one of them out")
    predictor = Predictor.load(bundle, options.device, options.precision, options.compile)
    if options.direction not in (None, predictor.info.direction):
        raise UserError(
            f"--direction {options.direction}: {bundle} translates {predictor.info.direction}; give the other bundle or leave it out"
        )
    check_output_channels(predictor.info, options.format)
    measured = predictor.info.values_out is not None
    if measured:
        options.format = format or ("tiff" if isinstance(predictor.condition, Noise) else "keep")
    if (measured or predictor.info.inputs > 1) and not isinstance(predictor.condition, Noise):
        own = ("keep", None) if measured and format is None else (format, encoding)
        selection = select(options.input, output, *own, kept_suffixes(predictor.info), predictor.info.inputs)
    if selection.collision:
        raise selection.collision
    check_output_values(predictor.info, options.format)
    condition = predictor.condition
    from_noise = isinstance(condition, Noise)
    check_infer_options(options, from_noise)
    masks = () if options.statistics == "mask" else tuple(options.mask)  # else it tells where statistics are taken
    styles = StyleOptions(tuple(options.style), masks, options.preserve_color, options.strength, options.style_size)
    translator = translator_for(predictor, styles, options.to)
    check_moving(options, format, encoding, selection.jobs)
    pictures = [job for job in selection.jobs if job.kind == "picture"]
    large = None if from_noise else large_pictures(options, bundle, predictor, translator, pictures)
    moving = None if from_noise else moving_pictures(options, bundle, predictor, styles, encoding, selection.jobs, share.main)
    if translator.one_by_one:
        _refuse(options, {"batch_size": "pictures are stylized one by one"})
    make_output(output)

    left_out = selection.left_out()
    info = predictor.info
    compression = FAST_PNG if options.png_compression is None else options.png_compression
    if share.main:
        processes = f", {share.count} processes" if share.count > 1 else ""
        print(one_line(f"{name_of(bundle)}: {info.method} {info.direction}, step {info.step}, on {predictor.device.type}{processes}"))
    if isinstance(condition, Noise):
        count, size, seed = options.samples, options.batch_size or 16, options.seed or 0

        def draw() -> None:
            with share.together(), exiting_on_termination():
                done = draw_samples(predictor, condition, count, seed, output, options.format, size, options.overwrite, compression, share)
            if share.main:
                print(f"{done} -> {output}")

        return draw
    if share.main:
        print(selection.counts() + (f"; left out: {left_out}" if left_out else ""))
    chosen = (options.resize, options.keep_resized, options.batch_size, options.overwrite)
    volumes = None
    if predictor.info.values_in is not None:
        size = options.batch_size or batch_of(predictor, options.resize, options.keep_resized)
        volumes = VolumePictures(predictor, translator, options.resize, size, share.main, options.views)
    elif options.views > 1:
        raise UserError(f"--views {options.views}: {bundle} translates pictures, and volumes are measurements; leave it out")
    translation = Translation(predictor, *chosen, compression, share.main, translator, large, moving, volumes)

    def translate() -> None:
        with translation.tally.reported(output, selection.others.pictures(), share):
            translation.run(share.of(selection.jobs))

    return translate


def infer_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="gan-style infer",
        description="Translate pictures and videos with a trained bundle. Results keep their input's name, size, depth and alpha.",
        epilog="Example: gan-style infer --model runs/pix2pix --input photos --output translated",
    )
    parser.add_argument(
        "--model",
        type=place,
        required=True,
        metavar="BUNDLE|RUN_DIR|FILE.onnx|gatys",
        help="a .safetensors bundle, a run folder with bundles/ in it, hf://USER/NAME of the hub, or an .onnx file of gan-style export; "
        "gatys: style transfer by optimisation, see --model gatys --help",
    )
    parser.add_argument(
        "--input",
        type=place,
        action="extend",
        default=[],
        nargs="+",
        metavar="PATH",
        help="files, folders (walked, their tree is kept) or quoted globs; where an image is several files, one of these for each, in the "
        "order of training: --input t1 t2",
    )
    parser.add_argument("--output", type=place, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--direction", choices=DIRECTIONS, help="which bundle of a run folder; default: a2b where there is one")
    device_option(parser)
    parser.add_argument(
        "--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="of the network's arithmetic; default: %(default)s"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="run the network by torch.compile: for many pictures of one size; the first of each size takes a minute or more",
    )
    parser.add_argument(
        "--batch-size",
        type=_batch_size,
        default=None,
        metavar="auto|N",
        help="most images of equal size in one forward; auto (default): 8 on a GPU; 1 on a CPU, and where the result must equal "
        "training's to the bit (--resize train --keep-resized)",
    )
    parser.add_argument(
        "--resize",
        type=whole(1, 16384, "none", "train"),
        default="none",
        metavar="none|train|N",
        help="translate at the image's own size (default), at the size that training validated at, or with a shorter side of N pixels",
    )
    parser.add_argument("--keep-resized", action="store_true", help="do not scale results back to their input's size")
    parser.add_argument(
        "--views",
        type=int,
        choices=(1, 3),
        default=1,
        help="of a volume: 3 translates slices across each of its three axes and takes the mean; its voxels must be nearly cubes",
    )
    parser.add_argument("--overwrite", action="store_true", help="translate again what exists in the output folder")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of pictures; default: png, and for animated GIF and WebP their own; keep: the input's, png for still GIF and AVIF",
    )
    parser.add_argument(
        "--png-compression",
        type=whole(0, 9),
        metavar="0..9",
        help="of PNG files: 0 is the fastest, 9 the smallest; the pixels are the same; default: 1",
    )
    large_options(parser)
    moving_options(parser)
    style = parser.add_argument_group("styles (fast_style, adain)")
    style.add_argument(
        "--style",
        type=place,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME|FILE[:SHARE]",
        help="fast_style: a style it was trained on, or starry:0.7,wave:0.3; adain: a picture; several mix",
    )
    style.add_argument(
        "--style-size",
        type=whole(SMALLEST_STYLE, LARGEST_STYLE),
        metavar="N",
        help="adain: resize the style pictures to a shorter side of N pixels: smaller ones give larger strokes; default: their own size",
    )
    style.add_argument(
        "--mask",
        type=place,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="where a style goes, white on black, of the picture's size: one a style",
    )
    style.add_argument(
        "--preserve-color", choices=("luminance", "histogram"), help="keep the picture's colours, exactly or by their mean and covariance"
    )
    style.add_argument("--strength", "--alpha", type=number(0, 1), metavar="S", help="how much of the style, 0 to 1; default: 1")
    domains = parser.add_argument_group("several domains (a bundle that was trained on a labelled set)")
    domains.add_argument("--to", metavar="NAME", help="the domain to translate to, by the name that it had in training")
    noise = parser.add_argument_group("pictures from noise (gan)")
    noise.add_argument("--samples", type=whole(1, 1_000_000), metavar="N", help="how many pictures to draw, instead of --input")
    noise.add_argument("--seed", type=int, metavar="N", help="another number draws other pictures; default: 0")
    return parser


def check_infer_options(options: argparse.Namespace, from_noise: bool) -> None:
    """`UserError` for options that would do nothing; from_noise: does the bundle's network take noise instead of a picture?"""
    if from_noise == bool(options.input) or from_noise != (options.samples is not None):
        raise UserError(
            "--input: this bundle makes pictures from noise; leave it out and give --samples N"
            if from_noise
            else "--samples: this bundle translates pictures; leave it out and give --input"
        )
    refuse_idle("--keep-resized", options.keep_resized or None, from_noise or options.resize != "none", "--resize train or --resize N")
    pictures = (
        "style",
        "style_size",
        "mask",
        "preserve_color",
        "strength",
        "to",
        "resize",
        "keep_resized",
        "views",
        "codec",
        "crf",
        *LARGE,
    )
    why = "this bundle makes pictures from noise" if from_noise else "this bundle translates pictures, none is drawn"
    _refuse(options, dict.fromkeys(pictures if from_noise else ("seed",), why))


def _refuse(options: argparse.Namespace, idle: Mapping[str, str]) -> None:
    """`UserError` where one of the options is given; idle: name -> why it would do nothing."""
    for name, why in idle.items():
        if getattr(options, name) != infer_parser().get_default(name) and (name, getattr(options, name)) != ("batch_size", 1):
            raise UserError(f"--{name.replace('_', '-')}: {why}; leave it out")


def _batch_size(text: str) -> int | None:
    return None if text == "auto" else whole(1, 4096, "auto")(text)
