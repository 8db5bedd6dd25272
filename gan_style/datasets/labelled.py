"""The layout `labelled`: one folder of images for each class, `train/NAME/...` and `val/NAME/...`.

The folders `trainA/` and `trainB/` also count, as the classes A and B.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from gan_style.datasets.folders import ImageTree
from gan_style.datasets.keys import Gathering
from gan_style.datasets.layouts import Folders
from gan_style.datasets.listing import Listing
from gan_style.datasets.survey import Problems, Source, Split, Survey, shown
from gan_style.errors import UserError
from gan_style.files.kinds import is_image_name
from gan_style.files.left_out import LeftOut, is_hidden
from gan_style.files.stems import composed

_EXAMPLE = "folder of images for each class: train/summer/, train/winter/, ..."


def class_folders(root: Path, split: Split) -> dict[str, str]:
    """Class -> its folder relative to the root, in the order of the names. Empty if the data set has no such split.

    `UserError` if there are no training folders, or two places for them.
    """
    below = {name: f"{split}/{name}" for name in _folders(root / split)}
    beside = {domain: f"{split}{domain}" for domain in "AB" if (root / f"{split}{domain}").is_dir()}
    if below and len(beside) == 2:
        raise UserError(f"{root}: has two places for images of split {split}, {split}/ and {split}A/, {split}B/; keep one of them")
    found = below or (beside if len(beside) == 2 else {})
    if split == "train" and not found:
        raise UserError(f"{root}: has no {_EXAMPLE} (data/README.md)")
    return found


def survey_labelled(root: Path, split: Split) -> Survey:
    """Find the images of a split, in the order of their classes.

    Problems are a class without images, a validation class that training does not have, and an image outside the classes' folders.
    """
    classes = class_folders(root, split)
    listing, problems, left_out, keys = Listing(), Problems(), LeftOut(), Gathering()
    if not classes:
        return Survey(None)
    if split == "train" and len(classes) < 2:
        problems.add(f"{root / split}: holds one class, {shown(next(iter(classes)))}; a labelled set needs two or more: add a folder")
    if (root / split).is_dir():
        listing.add(root / split)
        _check_strays(root / split, problems)
    _check_names(root, classes, problems)
    known = class_folders(root, "train") if split != "train" and _trains(root) else classes
    those = ", ".join(map(shown, known))
    for name, folder in classes.items():
        if name not in known:
            problems.add(f"{root / folder}: is a class that the training images do not have (they have {those}); rename or remove it")
        tree = ImageTree(root, folder, listing, problems, left_out)
        for image in tree.names():
            keys.add(f"{folder}/{image}")
    found = keys.keys()
    source = Source("labelled", root, found, found, False, folders=places(classes, split), split=split, left_out=left_out, classes=classes)
    return Survey(source, problems, listing)


def places(classes: Mapping[str, str], split: Split) -> Folders:
    """The folders of a labelled set as those of a source: the common folder twice, or those of the classes A and B."""
    first, *_, last = [*classes.values()] * 2
    return (split, split) if "/" in first else (first, last)


def _trains(root: Path) -> bool:
    return (root / "train").is_dir() or (root / "trainA").is_dir()


def _check_strays(folder: Path, problems: Problems) -> None:
    strays = sorted(name for name in _names(folder) if is_image_name(name) and (folder / name).is_file())
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        problems.add(f"{shown(folder / strays[0])}{more}: in no class; give a {_EXAMPLE}")


def _check_names(root: Path, classes: Mapping[str, str], problems: Problems) -> None:
    """Add a problem for each name that is not UTF-8, and for two names that look alike: --to could not tell them apart."""
    seen: dict[str, str] = {}
    for name, folder in classes.items():
        if any("\ud800" <= character <= "\udfff" for character in name):
            problems.add(f"{shown(root / folder)}: the name of a class is no text in UTF-8; rename the folder")
        elif (other := seen.setdefault(composed(name), name)) != name:
            problems.add(f"{shown(root / folder)}: looks like the class {shown(other)}, written in other characters; rename one of them")


def _folders(folder: Path) -> list[str]:
    return sorted((name for name in _names(folder) if (folder / name).is_dir()), key=lambda name: (composed(name), name))


def _names(folder: Path) -> list[str]:
    """The names in a folder that are not hidden; empty if there is no folder. `UserError` if it cannot be read."""
    try:
        return [name for name in os.listdir(folder) if not is_hidden(name)]  # noqa: PTH208 - paths of a million files take memory
    except FileNotFoundError:
        return []
    except OSError as failure:
        raise UserError(f"{folder}: cannot be listed ({failure.strerror}); check its permissions") from None
