"""Finding the files of a data set and their pairs, in any layout. No pixels are decoded here.

data/README.md describes the layouts.
"""

import logging
from dataclasses import replace
from pathlib import Path

from gan_style.datasets.folders import survey_aligned, survey_folders, survey_images
from gan_style.datasets.index import Index
from gan_style.datasets.labelled import class_folders, places, survey_labelled
from gan_style.datasets.layouts import Folders, check_one_domain, is_url, resolve_layout, split_folders
from gan_style.datasets.manifest import survey_manifest
from gan_style.datasets.survey import SET_ALIGNED, Layout, LayoutChoice, Source, Split, Survey
from gan_style.errors import UserError, one_line
from gan_style.files.images import probe

_LOOKED_AT = 4  # files whose size tells whether they are side by side

log = logging.getLogger("gan_style")


def find(root: Path | str, layout: LayoutChoice, split: Split, paired: bool) -> Source | None:
    """The source of a split; None if the data set has no validation split.

    If there are no validation images, the test images are used instead, except in a manifest, whose rows name their split.
    root: a folder, a manifest or, as text, a URL of Parquet files
    `UserError` names the first file that is missing, empty, without a partner, ambiguous or outside the data set. A large list is
    made once and cached (`datasets.index`).
    """
    source = find_split(root, layout, split, paired)
    if source is None and split == "val" and (known := resolve_layout(root, layout, paired)) != "manifest":
        return _standing_in(root, known, paired)
    return source


def find_split(root: Path | str, layout: LayoutChoice, split: Split, paired: bool) -> Source | None:
    """Like `find`, but never takes test images for validation."""
    source = _found(root, resolve_layout(root, layout, paired), split, paired)
    if source is not None and layout == "auto":
        _check_halves(source)
    return source


def recognised(root: Path, layout: Layout) -> bool:
    """Does `auto` find this layout at the root, for a method that needs pairs?"""
    try:
        source = find_split(root, "auto", "train", paired=True)
    except UserError:
        return False
    return source is not None and source.layout == layout


def find_one_domain(root: Path | str, split: Split) -> Source | None:
    """The images of one domain in one split (`layouts.split_folders`); None if there is no validation split."""
    if is_url(root) or not Path(root).is_dir():
        raise UserError(f"{root}: no such folder; this method reads one folder of images (data/README.md)")
    check_one_domain(Path(root))
    source = _found(root, "images", split, paired=False)
    return _standing_in(root, "images", paired=False) if source is None and split == "val" else source


def find_labelled(root: Path | str, split: Split) -> Source | None:
    """The images of a split with their classes (`labelled`), or None where there is no validation split."""
    if is_url(root) or not Path(root).is_dir():
        raise UserError(f"{root}: no such folder; this method reads a folder with a folder of images for each class (data/README.md)")
    source = _found(root, "labelled", split, paired=False)
    return _standing_in(root, "labelled", paired=False) if source is None and split == "val" else source


def survey_split(root: Path | str, layout: LayoutChoice, split: Split, paired: bool) -> Survey:
    """Like `find_split`, but without a cache and with all problems listed. `UserError` only if the layout itself does not fit."""
    known = resolve_layout(root, layout, paired)
    survey = _survey(root, known, _folders(root, known, split), split, paired)
    if survey.source is not None and layout == "auto":
        _check_halves(survey.source)
    return survey


def _standing_in(root: Path | str, known: Layout, paired: bool) -> Source | None:
    """The test images for use in validation; None if there are none, or, with a warning, if they have problems."""
    try:
        return _found(root, known, "test", paired)
    except UserError as mistake:
        log.warning(f"no validation: the test images cannot stand in for it: {one_line(str(mistake))}")
        return None


def _found(root: Path | str, known: Layout, split: Split, paired: bool) -> Source | None:
    folders = _folders(root, known, split)
    index = None if known == "parquet" else Index(Path(root), known, split, paired, folders)
    if index and (source := index.load()):
        return _with_classes(source)
    survey = _survey(root, known, folders, split, paired)
    if survey.problems:
        named = "; ".join(survey.problems.lines[:3])
        more = f"; and {survey.problems.count - 3} more" if survey.problems.count > 3 else ""
        command = f"python data/prepare.py check {root}{' --source labelled' if known == 'labelled' else ''}"
        raise UserError(f"{named}{more}; put this right (`{command}` lists every problem)")
    if survey.no_pairs:
        raise UserError(
            f"{survey.no_pairs}; rename the files to match, or, if they are not pairs, take a method that needs none: cyclegan or cut "
            "(configs/cyclegan.yaml); prepare.py takes --source unpaired"
        )
    kept = index.save(survey) if index else None
    return _with_classes(kept) if kept else survey.source


def _with_classes(source: Source) -> Source:
    """A source of a kept list, which names no classes, with those of its folders."""
    return replace(source, classes=class_folders(source.root, source.split)) if source.layout == "labelled" else source


def _folders(root: Path | str, known: Layout, split: Split) -> Folders | None:
    if known == "labelled":
        classes = class_folders(Path(root), split)
        return places(classes, split) if classes else None
    return None if known in ("parquet", "manifest") else split_folders(Path(root), known, split)


def _survey(root: Path | str, known: Layout, folders: Folders | None, split: Split, paired: bool) -> Survey:
    if known == "parquet":
        from gan_style.datasets.parquet import survey_parquet  # Hugging Face datasets takes a second to import

        return survey_parquet(str(root), split, paired)
    root = Path(root)
    if known == "manifest":
        return survey_manifest(root, split, paired)
    if folders is None:
        return Survey(None)
    if known == "labelled":
        return survey_labelled(root, split)
    if known == "aligned":
        return survey_aligned(root, folders, split, paired)
    return survey_images(root, folders, split) if known == "images" else survey_folders(root, folders, split, paired)


def _check_halves(source: Source) -> None:
    """`UserError` if files that were recognised as side-by-side by `auto` do not look like two squares beside each other."""
    if source.layout != "aligned":
        return
    for index in range(min(_LOOKED_AT, len(source.a))):
        try:
            header = probe(source.image("a", index))
        except UserError:  # reported when the file is read
            continue
        if header.width != 2 * header.height:
            raise UserError(
                f"{source.name('a', index)}: is {header.width} x {header.height}, not twice as wide as high: does each file in "
                f"{source.folders[0]}/ hold A and B side by side? Then {SET_ALIGNED}; else give A and B folders of their own "
                "(trainA/, trainB/)"
            )
