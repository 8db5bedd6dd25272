"""Measuring files against files: results, true outputs and inputs are matched by their path without suffix."""

import math
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from gan_style.bundles.file import Resize
from gan_style.commands.evaluate.files import Image, Pictures, Values
from gan_style.commands.evaluate.options import metrics_of_files
from gan_style.commands.evaluate.result import Result, Seam
from gan_style.commands.evaluate.task import TaskScoring
from gan_style.datasets.empty_masks import some_inside
from gan_style.errors import UserError, one_line
from gan_style.evaluation.choice import compares
from gan_style.evaluation.seams import seam_index
from gan_style.evaluation.suite import Case, Networks, Row, Suite
from gan_style.evaluation.task.training import CROP
from gan_style.files import images
from gan_style.files.left_out import LeftOut
from gan_style.files.stems import stem
from gan_style.files.volumes import Neighbours
from gan_style.machine.batches import read_ahead
from gan_style.machine.device import choose_device
from gan_style.terminal.progress import Progress, say

_SIDES = ("results", "truth", "inputs", "masks")
_LOADED_PER_CROPPED = 286 / 256  # the load and crop sizes of pix2pix


def measure_folders(options: Namespace) -> Result:
    """Read, pair and measure."""
    device = choose_device(options.device)
    names = metrics_of_files(options)
    files = Pictures() if options.range is None else Values(*options.range)
    results, truths, inputs, masks = (
        {} if (folder := getattr(options, side)) is None else files.images(by_stem(f"--{side}", folder)) for side in _SIDES
    )
    if masks:
        check_pairs(results, masks, f"--masks {options.masks}", both_ways=False)
        paths = dict.fromkeys(mask.volume if isinstance(mask, Neighbours) else mask for mask in masks.values())
        if not any(some_inside(path) for path in paths if isinstance(path, Path)):
            raise UserError(f"--masks {options.masks}: all masks are empty; give the pixels that count a value above 0, or leave it out")
    if compares(names, "truth"):
        check_pairs(results, truths, f"--truth {options.truth}", both_ways=True)
    if compares(names, "domain") and min(len(results), len(truths)) < 2:
        raise UserError("--metrics: fid and kid need two results and two real pictures or more; give more, or leave them out")
    if compares(names, "input"):
        check_pairs(results, inputs, f"--inputs {options.inputs}", both_ways=False)
    suite = Suite(names, Networks(options.features, options.lpips, options.structure, "--")).to(device)
    if warning := suite.warning():
        say(f"warning: {warning}", sys.stderr)
    task = None
    if options.segmenter:
        task = TaskScoring.of(options, options.direction or "a2b", resize_of(results.values()), device, results)
    stems = list(results)

    def read(place: int) -> Case:
        name = stems[place]
        return files.case(results[name], truths[name] if suite.compares("truth") else None, inputs.get(name), masks.get(name))

    rows: dict[int, Row] = {}
    seams: list[float] = []
    for place, reading in Progress("measuring", "images", len(stems)).over(read_ahead(read, range(len(stems)))):
        case = reading.result()
        rows[place] = suite.measure(case)
        if options.seams is not None:
            seams.append(_seam_index(case, options.seams))
        if task:
            task.add(stems[place], case.translated)
    real: dict[int, Tensor] = {}
    if suite.compares("domain"):
        paths = list(truths.values())
        for place, reading in read_ahead(lambda place: files.read(paths[place]), range(len(paths))):
            real[place] = suite.describe(reading.result(), str(paths[place]))
    for note in files.notes():
        say(note, sys.stderr)
    what = {side: text for side in (*_SIDES, "data") if (text := getattr(options, side)) is not None}
    if options.range is not None:
        what["range"] = "{:g}..{:g}".format(*options.range)
    seam = None if options.seams is None else Seam(options.seams, math.fsum(seams) / len(seams))
    return Result(what, len(rows), suite.combine(rows, real), suite.words(), task.summary() if task else None, seam)


def by_stem(option: str, folder: str) -> dict[str, Path]:
    """Path without suffix, relative to the folder -> file, sorted. `UserError` if there is no file, or two with one stem."""
    root, found, left_out = Path(folder), {}, LeftOut()
    for path in images.find_images(root, left_out):
        name = stem(path.as_posix())
        if name in found:
            raise UserError(f"{option} {folder}: {found[name].name} and {path.name} have one stem; keep one of them")
        found[name] = root / path
    words = left_out.words()
    if not found:
        raise UserError(f"{option} {folder}: holds no images{f', but {words}' if words else ''}; check the path")
    if words:
        print(one_line(f"{option} {folder}: left out: {words}"), file=sys.stderr)
    return found


def check_pairs(results: Mapping[str, Image], others: Mapping[str, Image], called: str, both_ways: bool) -> None:
    """`UserError` if a result has no partner, or, with `both_ways`, a partner has no result."""
    if alone := [path for stem, path in results.items() if stem not in others]:
        raise UserError(f"{called}: has no picture for {alone[0]}{_more(alone)}; give it a picture of that name (any suffix)")
    if both_ways and (alone := [path for stem, path in others.items() if stem not in results]):
        raise UserError(
            f"{alone[0]}{_more(alone)}: without a result; translate all, or give a folder of those alone (fid and kid need no pairs)"
        )


def _more(alone: list[Image]) -> str:
    return f" and {len(alone) - 1} more" if len(alone) > 1 else ""


def _seam_index(case: Case, tile: int) -> float:
    try:
        return seam_index(case.translated, tile)
    except UserError as mistake:
        raise UserError(f"--seams {tile}: {case.name}: {mistake}") from None


def resize_of(results: Iterable[Image]) -> Resize:
    """The size of photos for a segmenter: if all results are squares of one size, photos are resized to it, else they keep their size."""
    sizes = {(header.height, header.width) for header in map(images.probe, results)}
    height, width = next(iter(sizes))
    if len(sizes) == 1 and height == width:
        return Resize(preprocess="resize_and_crop", load_size=round(height * _LOADED_PER_CROPPED), crop_size=height)
    return Resize(preprocess="none", load_size=CROP, crop_size=CROP)
