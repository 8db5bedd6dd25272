"""Which files belong to a data set, and which belong together. Nothing is decoded here.

The layouts are described for users in data/README.md.
"""

from pathlib import Path

from gan_style.datasets.folders import survey_aligned, survey_folders, survey_images
from gan_style.datasets.index import Index
from gan_style.datasets.manifest import survey_manifest
from gan_style.datasets.survey import Layout, LayoutChoice, Source, Split, Survey
from gan_style.errors import UserError


def find(root: Path | str, layout: LayoutChoice, split: Split, paired: bool) -> Source | None:
    """The source of a split, or None where the data set has no validation split.

    root: a folder, a manifest or, as text, a URL of Parquet files
    A `UserError` names the first of what is missing, empty, without a partner, ambiguous or outside the data set. A large list
    is made once and kept (`index`).
    """
    return _found(root, resolve_layout(root, layout, paired), split, paired)


def find_images(root: Path | str, split: Split) -> Source | None:
    """The images of one domain of a split (`folders.survey_images`), or None where there is no validation split."""
    if is_url(root) or not Path(root).is_dir():
        raise UserError(f"{root}: no such folder; this method reads one folder of images (data/README.md)")
    return _found(root, "images", split, paired=False)


def _found(root: Path | str, known: Layout, split: Split, paired: bool) -> Source | None:
    index = None if known == "parquet" else Index(Path(root), known, split, paired)
    if index and (source := index.load()):
        return source
    survey = _survey(root, known, split, paired)
    if survey.problems:
        named = "; ".join(survey.problems.lines[:3])
        more = f"; and {survey.problems.count - 3} more" if survey.problems.count > 3 else ""
        raise UserError(f"{named}{more}; put this right (`python data/prepare.py check {root}` lists every problem)")
    return (index and index.save(survey)) or survey.source


def survey_split(root: Path | str, layout: LayoutChoice, split: Split, paired: bool) -> Survey:
    """As `find`, but anew, and with the problems listed; a `UserError` only where the layout itself does not fit the root."""
    return _survey(root, resolve_layout(root, layout, paired), split, paired)


def resolve_layout(root: Path | str, layout: LayoutChoice, paired: bool) -> Layout:
    """The layout that `auto` stands for at this root, or the given one where it is possible."""
    if is_url(root):
        if layout not in ("auto", "parquet"):
            raise UserError(f"{root}: is a URL, which does not fit data.source {layout}; Parquet files alone are read from URLs")
        return "parquet"
    root = Path(root)
    if not root.exists():
        raise UserError(f"{root}: no such folder or manifest; set data.root to the data set (layouts: data/README.md)")
    if layout == "unpaired" and paired:
        raise UserError(
            f"{root}: data.source is unpaired, but the method needs pairs; use source aligned, folders or manifest, or an unpaired method"
        )
    if root.is_file() != (layout == "manifest") and layout != "auto":
        kind = "a file" if root.is_file() else "a folder"
        raise UserError(f"{root}: is {kind}, which does not fit data.source {layout}; set source to auto or correct data.root")
    if layout != "auto":
        return layout
    if root.is_file():
        return "manifest"
    if (root / "trainA").exists() or (root / "trainB").exists():
        return "folders" if paired else "unpaired"
    if (root / "train").exists():
        return "aligned"
    if any(root.glob("*.parquet")):
        return "parquet"
    raise UserError(f"{root}: holds neither trainA/ and trainB/ nor train/ nor Parquet files; correct data.root (layouts: data/README.md)")


def is_url(root: Path | str) -> bool:
    return isinstance(root, str) and "://" in root


def _survey(root: Path | str, layout: Layout, split: Split, paired: bool) -> Survey:
    if layout == "parquet":
        from gan_style.datasets.parquet import survey_parquet  # Hugging Face datasets takes a second to import

        return survey_parquet(str(root), split, paired)
    root = Path(root)
    if layout == "manifest":
        return survey_manifest(root, split, paired)
    if layout == "aligned":
        return survey_aligned(root, split, paired)
    return survey_images(root, split) if layout == "images" else survey_folders(root, split, paired)
