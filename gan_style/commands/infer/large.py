"""The options of `gan-style infer` for pictures that are translated by regions."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_style.commands.options import path, whole
from gan_style.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from gan_style.translation.large import LargePictures
    from gan_style.translation.predictor import Predictor
    from gan_style.translation.translators import Translator

LARGE = ("tile", "max_memory", "scratch", "scratch_precision", "statistics", "save_statistics", "max_pixels", "compression", "pyramid")
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
    group.add_argument("--scratch", type=path, metavar="DIR", help="folder for scratch files; default: .regions in the output folder")
    group.add_argument(
        "--scratch-precision", choices=("full", "half"), default="full", help="half: scratch files take half the room; default: %(default)s"
    )
    group.add_argument(
        "--statistics",
        default="image",
        metavar="image|local|mask|FILE",
        help="what normalisation sees: the whole picture (default), the neighbourhood, the picture without its background (its alpha, or "
        "--mask FILE, white where it counts), or the statistics in a file",
    )
    group.add_argument("--save-statistics", type=path, metavar="FILE", help="write the statistics of one picture, for --statistics FILE")
    group.add_argument("--max-pixels", type=whole(1, 2**31), metavar="N", help="most pixels that are decoded at once; default: 105000000")
    group.add_argument("--compression", choices=("deflate", "lzw", "zstd", "none"), help="of TIFFs by regions; default: deflate")
    group.add_argument("--pyramid", action="store_true", help="add smaller copies to TIFFs by regions, for viewers")


def size(text: str) -> int:
    """`2G`, `512M` or bytes."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)i?B?", text.strip(), re.I)
    if found is None or (count := int(float(found[1]) * _UNITS[found[2].upper()])) < 2**20:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of memory such as 2G or 512M")
    return count


def large_pictures(
    options: argparse.Namespace, bundle: Path, predictor: "Predictor", translator: "Translator", pictures: int
) -> "LargePictures | None":
    """What translates pictures by regions. None where the options or the bundle leave no picture to it. pictures: their number

    `UserError` for options that do not fit each other.
    """
    from gan_style.bundles.file import digest
    from gan_style.files.bounded import MAX_PIXELS
    from gan_style.files.writing import FAST_PNG
    from gan_style.tiling.tiled import Tiling
    from gan_style.translation.large import LargeOptions, LargePictures
    from gan_style.translation.translators import Plain

    by_words = options.statistics in ("image", "local", "mask")
    statistics = options.statistics if by_words else Path(options.statistics)
    given = LargeOptions(
        statistics,
        options.save_statistics,
        Path(options.mask[0]) if statistics == "mask" and options.mask else None,
        options.max_pixels or MAX_PIXELS,
        options.compression or "deflate",
        options.pyramid,
    )
    tile = {"auto": None, "none": 0}.get(options.tile, options.tile)
    tiling = Tiling(tile, options.max_memory, options.scratch, options.scratch_precision == "half", statistics == "local", _cell(predictor))
    predictor.tiling = tiling
    _check(options, given, isinstance(translator, Plain), pictures)
    if not isinstance(translator, Plain) or options.resize != "none" or tile == 0:
        return None
    condition: Sequence[Tensor] = translator.condition
    return LargePictures(predictor, condition, tiling, given, digest(bundle), options.png_compression or FAST_PNG)


def _check(options: argparse.Namespace, given: object, plain: bool, pictures: int) -> None:
    names = ("statistics", "save_statistics", "scratch", "max_pixels", "compression", "pyramid")
    used = [name for name in names if getattr(options, name) not in (None, False, "image")]
    if options.scratch_precision != "full":
        used.append("scratch_precision")
    if not used and options.statistics != "mask":
        return
    option = "--" + (used[0].replace("_", "-") if used else "statistics")
    if not plain:
        raise UserError(f"{option}: stylised pictures have no such choice; leave it out")
    if options.resize != "none":
        raise UserError(f"{option}: pictures that are resized are not translated by regions; leave it out, or --resize")
    if options.tile == "none":
        raise UserError(f"{option}: --tile none translates pictures at once; leave one of them out")
    if options.save_statistics is not None and pictures != 1:
        raise UserError(f"--save-statistics: a file holds the statistics of one picture, and there are {pictures}; give one")
    if options.mask and len(options.mask) != 1:
        raise UserError("--mask: give one mask for --statistics mask")
    if options.mask and pictures != 1:
        raise UserError(f"--mask: is of one picture, and there are {pictures}; give one, or pictures with alpha")


def _cell(predictor: "Predictor") -> int:
    """The side of a cell of local statistics: that of the images of training."""
    resize = predictor.info.resize
    return resize.crop_size if "crop" in resize.preprocess else resize.load_size
