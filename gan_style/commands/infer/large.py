"""The options of `gan-style infer` for pictures that are translated by regions."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_style.commands.options import path, place, whole
from gan_style.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from gan_style.translation.inputs import Job
    from gan_style.translation.large import LargePictures
    from gan_style.translation.predictor import Predictor
    from gan_style.translation.translators import Translator

LARGE = ("tile", "max_memory", "scratch", "scratch_precision", "statistics", "save_statistics", "max_pixels", "compression", "pyramid")
WORDS = ("image", "local", "mask", "shared")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def large_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("large pictures, which are translated by regions with the result of the whole picture")
    group.add_argument(
        "--tile",
        type=whole(16, 2**20, "auto", "none"),
        default="auto",
        metavar="auto|none|N",
        help="auto (default): where a picture is too large for the memory; N: every picture, with regions of N pixels; none: at once",
    )
    group.add_argument("--max-memory", type=size, metavar="SIZE", help="memory for the work, such as 2G; default: half of what is free")
    group.add_argument(
        "--scratch", type=path, metavar="DIR", help="folder for scratch files; default: .regions or .frames in the output folder"
    )
    group.add_argument(
        "--scratch-precision", choices=("full", "half"), default="full", help="half: scratch files take half the room; default: %(default)s"
    )
    group.add_argument(
        "--statistics",
        type=place,
        default="image",
        metavar="image|local|mask|shared|FILE",
        help="what normalisation sees: the whole picture (default), the neighbourhood, the picture without its background (its alpha, or "
        "--mask FILE, white where it counts), the frames of a video up to this one (against flicker), or the statistics in a file",
    )
    group.add_argument("--save-statistics", type=path, metavar="FILE", help="write the statistics of one picture, for --statistics FILE")
    group.add_argument(
        "--max-pixels",
        type=whole(1, 2**31),
        metavar="N",
        help="most pixels that are decoded at once; default: 105000000, in a frame of a video 33554432",
    )
    group.add_argument("--compression", choices=("deflate", "lzw", "zstd", "none"), help="of TIFFs by regions; default: deflate")
    group.add_argument("--pyramid", action="store_true", help="add smaller copies to TIFFs by regions, for viewers")


def size(text: str) -> int:
    """`2G`, `512M` or bytes."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)i?B?", text.strip(), re.I)
    if found is None or (count := int(float(found[1]) * _UNITS[found[2].upper()])) < 2**20:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of memory such as 2G or 512M")
    return count


def large_pictures(
    options: argparse.Namespace, bundle: Path, predictor: "Predictor", translator: "Translator", jobs: Sequence["Job"]
) -> "LargePictures | None":
    """What translates pictures by regions. None where the options or the bundle leave no picture to it.

    `UserError` for options that do not fit each other.
    """
    from gan_style.files.bounded import MAX_PIXELS
    from gan_style.files.writing import FAST_PNG
    from gan_style.tiling.tiled import Tiling
    from gan_style.translation.large import LargeOptions, LargePictures
    from gan_style.translation.translators import Plain

    if predictor.exported:
        idle = [name for name in LARGE[1:] if jobs or name not in ("scratch", "max_pixels")]  # videos have these two
        for option in [f"--tile {options.tile}"] if options.tile != "auto" else _given(options, *idle)[:1]:
            raise UserError(f"{option}: an exported network translates pictures at once; leave it out, or take the bundle")
        return None
    statistics = options.statistics if options.statistics in WORDS else Path(options.statistics)
    statistics = "image" if statistics == "shared" else statistics  # among the frames of videos alone
    _check(options, isinstance(translator, Plain), jobs)
    given = LargeOptions(
        statistics,
        options.save_statistics,
        Path(options.mask[0]) if statistics == "mask" and options.mask else None,
        options.max_pixels or MAX_PIXELS,
        options.compression or "deflate",
        options.pyramid,
        forced=bool(_given(options, "statistics", "save_statistics", "max_pixels", "compression", "pyramid")),
    )
    tile = {"auto": None, "none": 0}.get(options.tile, options.tile)
    tiling = Tiling(tile, options.max_memory, options.scratch, options.scratch_precision == "half", statistics == "local", _cell(predictor))
    predictor.tiling = tiling
    if not isinstance(translator, Plain) or options.resize != "none" or tile == 0:
        return None
    condition: Sequence[Tensor] = translator.condition
    compression = FAST_PNG if options.png_compression is None else options.png_compression
    return LargePictures(predictor, condition, tiling, given, bundle, compression)


def _given(options: argparse.Namespace, *names: str) -> list[str]:
    """The options of these names that are given, as they are typed."""
    return ["--" + name.replace("_", "-") for name in names if getattr(options, name) not in (None, False, "image", "full", "shared")]


def _check(options: argparse.Namespace, plain: bool, jobs: Sequence["Job"]) -> None:
    """`UserError` for options that do not fit each other, or would do nothing."""
    if options.tile == "none" and options.max_memory is not None:
        raise UserError("--max-memory: --tile none translates pictures at once; leave one of them out")
    names = ("save_statistics", "scratch_precision", "compression", "pyramid")
    if jobs:  # videos have these too
        names = ("statistics", "scratch", "max_pixels", *names)
    for option in _given(options, *names)[:1]:
        if not plain:
            raise UserError(f"{option}: stylised pictures have no such choice; leave it out")
        if options.resize != "none":
            raise UserError(f"{option}: pictures that are resized are not translated by regions; leave it out, or --resize")
        if options.tile == "none":
            raise UserError(f"{option}: --tile none translates pictures at once; leave one of them out")
        if options.compile:
            raise UserError(f"{option}: pictures by regions are not compiled; leave it out, or --compile")
    for option in _given(options, "compression", "pyramid")[:1]:
        if options.format not in ("tiff", "keep"):
            raise UserError(f"{option}: is of TIFF files, and the results are {options.format}; take --format tiff")
    if options.statistics not in WORDS and not Path(options.statistics).is_file():
        raise UserError(f"--statistics {options.statistics}: is neither {', '.join(WORDS)} nor a file; give one of them")
    if options.save_statistics is not None:
        _check_save(options, jobs)
    if options.mask and options.statistics == "mask":
        if len(options.mask) != 1:
            raise UserError("--mask: give one mask for --statistics mask")
        if len(jobs) != 1:
            raise UserError(f"--mask: is of one picture, and there are {len(jobs)}; give one, or pictures with alpha")
        if not Path(options.mask[0]).is_file():
            raise UserError(f"--mask {options.mask[0]}: no such file; check the path")


def _check_save(options: argparse.Namespace, jobs: Sequence["Job"]) -> None:
    from gan_style.files.atomic import check_writable
    from gan_style.tiling.table import is_table

    path: Path = options.save_statistics
    if options.statistics not in WORDS:
        raise UserError("--save-statistics: the statistics are those of a file already; leave one of both options out")
    if len(jobs) != 1:
        raise UserError(f"--save-statistics: a file holds the statistics of one picture, and there are {len(jobs)}; give one")
    if jobs[0].done and not options.overwrite:
        raise UserError(f"--save-statistics: {jobs[0].target} exists, so nothing is measured; take --overwrite")
    if path.suffix != ".safetensors":
        raise UserError(f"--save-statistics {path}: the file is a .safetensors; name it {path.stem}.safetensors")
    if path.exists() and not is_table(path):
        raise UserError(f"--save-statistics {path}: exists, and holds no statistics; choose another name")
    try:
        check_writable(path)
    except OSError as failure:
        raise UserError(f"--save-statistics {path}: cannot be written ({failure.strerror}); choose another place") from failure


def _cell(predictor: "Predictor") -> int:
    """The side of a cell of local statistics: that of the images of training."""
    resize = predictor.info.resize
    return resize.crop_size if "crop" in resize.preprocess else resize.load_size
