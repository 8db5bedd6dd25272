"""The options of `gan-style infer` for videos and animated pictures."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_style.commands.infer.large import WORDS
from gan_style.commands.options import whole
from gan_style.commands.parser import refuse_idle
from gan_style.errors import UserError
from gan_style.files.video.codecs import ALIASES, CODECS, Encoding
from gan_style.translation.inputs import Job
from gan_style.version import VERSION

if TYPE_CHECKING:
    from gan_style.translation.moving import MovingPictures
    from gan_style.translation.predictor import Predictor
    from gan_style.translation.stylist import StyleOptions

_LATE = frozenset({".png", ".apng", ".avif"})  # of pictures whose header alone says that they are animated
_BY_REGIONS = ("save_statistics", "scratch_precision", "compression", "pyramid")
# What decides the frames of a result: other values begin anew.
_DECIDING = (
    *("direction", "precision", "compile", "batch_size", "resize", "keep_resized", "png_compression", "tile", "max_memory", "statistics"),
    *("style", "style_size", "mask", "preserve_color", "strength", "to", "codec", "crf"),
)


def moving_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("videos (they need the extra `video`)")
    names = (*CODECS, *ALIASES)
    group.add_argument(
        "--codec", choices=names, metavar="NAME", help=f"of results: {', '.join(CODECS)}; default: libx264, for .webm libvpx-vp9"
    )
    group.add_argument("--crf", type=whole(0, 63), metavar="N", help="quality of results, 0 the best; default: 18 for libx264")


def encoding_of(options: argparse.Namespace) -> Encoding:
    """How videos are encoded. `UserError` if the codec has no --crf."""
    codec = ALIASES.get(options.codec, options.codec)
    if codec and CODECS[codec].crf is None and options.crf is not None:
        raise UserError(f"--crf {options.crf}: {codec} loses nothing and has no quality to choose; leave it out")
    return Encoding(codec, options.crf)


def check_moving(options: argparse.Namespace, format: str | None, encoding: Encoding, jobs: Sequence[Job]) -> None:
    """`UserError` for options that do not fit videos or animated pictures, or would do nothing. format: of --format, if given"""
    videos = [job for job in jobs if job.kind == "video"]
    moving = [job for job in jobs if job.kind != "picture"]
    for option in ("codec", "crf"):
        refuse_idle(f"--{option}", getattr(options, option), bool(videos), "a video among the inputs")
    for job in videos:
        codec = encoding.codec_for(job.target.suffix)
        if options.crf is not None and options.crf > CODECS[codec].most:
            raise UserError(f"--crf {options.crf}: {codec} has 0 to {CODECS[codec].most}, and encodes {job.target.name}; take one of these")
    if videos and len(videos) == len(jobs):
        refuse_idle("--png-compression", options.png_compression, False, "a picture among the inputs")
        refuse_idle("--format", None if format == "keep" else format, False, "a picture among the inputs")
    if options.statistics == "shared":
        if not any(map(_moves, jobs)):
            raise UserError("--statistics shared: has no effect without a video or an animated picture; leave it out, or give one")
        for option, given in (("--compile", options.compile), (f"--tile {options.tile}", isinstance(options.tile, int))):
            if given:
                raise UserError(f"{option}: statistics that frames share are measured on whole frames, uncompiled; leave it out")
    for job in moving[:1]:
        what = "a video" if job.kind == "video" else "animated"
        if options.statistics in ("local", "mask"):
            raise UserError(
                f"--statistics {options.statistics}: {job.source} is {what}; take image, shared or a FILE, or translate it alone"
            )
        for name in _BY_REGIONS:
            if getattr(options, name) not in (None, False, "full"):
                option = "--" + name.replace("_", "-")
                raise UserError(f"{option}: {job.source} is {what}, which has no such choice; leave one of them out")


def moving_pictures(
    options: argparse.Namespace,
    bundle: Path,
    predictor: "Predictor",
    styles: "StyleOptions",
    encoding: Encoding,
    jobs: Sequence[Job],
    shown: bool,
) -> "MovingPictures":
    """What translates videos and animated pictures. `UserError` if the network cannot share statistics, or not take those of a file."""
    from gan_style.files.video.opening import MAX_FRAME
    from gan_style.files.writing import FAST_PNG
    from gan_style.tiling.shared import SharedStatistics
    from gan_style.translation.moving import MovingPictures
    from gan_style.translation.pipeline import batch_of
    from gan_style.translation.predictor import Predictor
    from gan_style.translation.translators import translator_for

    shared, own = None, predictor
    if options.statistics == "shared":
        if predictor.exported:
            raise UserError("--statistics shared: an exported network measures each picture by itself; leave it out, or take the bundle")
        shared = SharedStatistics(predictor.network)
        own = predictor.running(shared.network)
    elif options.statistics not in WORDS and any(map(_moves, jobs)):
        own = Predictor.load(bundle, options.device, options.precision, options.compile, Path(options.statistics))
        own.tiling = predictor.tiling
    return MovingPictures(
        own,
        translator_for(own, styles, options.to),
        lambda: _identity(options, bundle, predictor.device.type),
        options.resize,
        options.keep_resized,
        options.batch_size or batch_of(own, options.resize, options.keep_resized),
        encoding,
        options.max_pixels or MAX_FRAME,
        shared,
        options.scratch,
        FAST_PNG if options.png_compression is None else options.png_compression,
        shown,
    )


def _moves(job: Job) -> bool:
    from gan_style.files.animated import is_animated  # loads Pillow

    return job.kind != "picture" or (job.source.suffix.lower() in _LATE and is_animated(job.source))


def _identity(options: argparse.Namespace, bundle: Path, device: str) -> Mapping[str, object]:
    from gan_style.bundles.file import digest

    files = [Path(name.rpartition(":")[0] if not Path(name).is_file() else name) for name in (*options.style, *options.mask)]
    files += [] if options.statistics in WORDS else [Path(options.statistics)]
    facts = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files if path.is_file()]
    chosen = {name: getattr(options, name) for name in _DECIDING}
    return {"version": VERSION, "bundle": digest(bundle), "device": device, "options": chosen, "files": facts}
