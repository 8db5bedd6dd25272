"""Recognising the layout of a data set and the folders of its splits, without listing large folders.

data/README.md describes the layouts.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath

from gan_style.datasets.survey import BETWEEN, SET_ALIGNED, Layout, LayoutChoice, Source, Split, shown
from gan_style.errors import UserError
from gan_style.files.kinds import is_image_name

Folders = tuple[str, str]  # of domain A and domain B, relative to the root; those of images of several files with BETWEEN between them

_NAMINGS = ("{split}{domain}", "{split}/{domain}", "{domain}/{split}")
_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_TABLE = re.compile(r"((?:train|val|test)[AB]?)(?:-.*)?\.parquet")
_SHOWN = 6  # names in a message
_DEPTH = 2  # levels of folders in which a data set is looked for that does not lie at the root


def resolve_layout(root: Path | str, layout: LayoutChoice, paired: bool) -> Layout:
    """The layout that `auto` recognises at this root, or the given one if it is possible.

    `UserError` if there is no layout, or more than one; the message says what was seen, and where a data set lies nearby.
    """
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
    if root.is_file():
        return "manifest"
    found = _candidates(root)
    if not found and (near := nearby(root)):
        raise UserError(f"{root}: is no data set, but {near}")
    if layout != "auto":
        return layout
    if len(found) > 1:
        seen, kinds = "; ".join(found), sorted(set(found.values()))
        choice = f"set data.source (prepare.py: --source) to {' or '.join(kinds)}" if len(kinds) > 1 else "keep one of them"
        raise UserError(f"{root}: holds more than one data set: {seen}; {choice}")
    if not found:
        raise UserError(_nothing(root))
    (kind,) = found.values()
    return "unpaired" if kind == "folders" and not paired else kind


def split_folders(root: Path, layout: Layout, split: Split) -> Folders | None:
    """The folders of a split's images, which may not exist; None if the data set has no such split.

    The layouts `aligned` and `images` have one folder for both domains; for `images` it may be the root itself, "".
    """
    if layout == "images":
        folder = _images_folder(root, split)
        return None if folder is None else (folder, folder)
    if layout == "aligned":
        return (split, split) if split == "train" or (root / split).exists() else None
    found = _domain_folders(root, split)
    if len(found) > 1:
        raise _two_places(root, split, found)
    return found[0] if found else ("trainA", "trainB") if split == "train" else None


def check_one_domain(root: Path) -> None:
    """`UserError` if a folder that should hold images of one domain holds a whole data set and nothing else."""
    if _images_folder(root, "train") == "" and not holds_pictures(root):
        folders = subfolders(root)
        if len(folders) == 1 and _candidates(root / folders[0]):
            raise UserError(f"{root}: is no data set, but {nearby(root)}")


def mask_folder(source: Source) -> str | None:
    """The folder of the masks of a source's images, relative to its root; None if there is none. `UserError` if there are two."""
    if source.layout in ("manifest", "parquet"):
        return None
    namings = [naming for naming in _NAMINGS if not (naming.startswith("{split}/") and source.split in source.folders)]  # those are images
    folders = [folder for naming in namings if (source.root / (folder := naming.format(split=source.split, domain="Mask"))).is_dir()]
    if len(folders) > 1:
        raise UserError(f"{source.root}: has two places for masks of split {source.split}, {' and '.join(folders)}; keep one of them")
    return folders[0] if folders else None


def not_used(source: Source) -> str:
    """Folders of other layouts that lie beside the folders of a source, in words; "" if there are none."""
    root, split = source.root, source.split
    used = [PurePosixPath(folder) for folder in [*source.folders_used(), mask_folder(source)] if folder]
    if source.layout == "manifest" or not root.is_dir() or (source.layout == "images" and not used):
        return ""
    found: list[PurePosixPath] = []
    for folders in [(split,), *_namings(split), *(_namings(split, number)[0] for number in (1, 2))]:
        places = [PurePosixPath(folder) for folder in folders]
        if not any(_meet(place, each) for place in places for each in (*used, *found)):
            found += [place for place in places if any(_entries(root / place))]
    if any(each.parts[:-1] == (split,) for each in used):
        found += [place for name in subfolders(root / split) if not any(_meet(place := PurePosixPath(split, name), each) for each in used)]
    seen = [f"{shown(place)}/" for place in found[:_SHOWN]] + ([f"{len(found) - _SHOWN} more folders"] if len(found) > _SHOWN else [])
    if source.layout != "parquet" and any((table_of(path.name) or "").startswith(split) for path in root.glob("*.parquet")):
        seen.append("Parquet files")
    return f"{', '.join(seen)} beside {source.places() if used else 'Parquet files'}" if seen else ""


def _meet(one: PurePosixPath, other: PurePosixPath) -> bool:
    """Are they the same folder, or does one lie in the other?"""
    return one == other or one in other.parents or other in one.parents


def is_url(root: Path | str) -> bool:
    return isinstance(root, str) and "://" in root


def table_of(name: str) -> str | None:
    """The table (train, valA, ...) that a Parquet file of this name belongs to."""
    found = _TABLE.fullmatch(name)
    return found and found[1]


def _candidates(root: Path) -> dict[str, Layout]:
    """What lies at the root, in words -> its layout. Other folders in train/ do not count.

    trainA/ and trainB/ have one meaning, unless another complete pair of folders lies beside them. Tables count only if nothing else is
    found, because they are made from folders.
    """
    found: dict[str, Layout] = {" and ".join(map(_told, folders)): "folders" for folders in _domain_folders(root, "train")}
    if (root / "train").is_dir() and all(words.startswith("train/") for words in found):
        if holds_pictures(root / "train"):
            found["pictures in train/"] = "aligned"
        elif not found and not subfolders(root / "train"):
            found["train/"] = "aligned"
    if not found and any(root.glob("*.parquet")):
        found["Parquet files"] = "parquet"
    return found


def _namings(split: Split, number: int | str = "") -> list[Folders]:
    """The folders of a split in each naming. number: of the folder, where each image is several files"""
    return [(naming.format(split=split, domain=f"A{number}"), naming.format(split=split, domain=f"B{number}")) for naming in _NAMINGS]


def numbered(root: Path, folder: str) -> str:
    """The folders trainA1, trainA2, ... with BETWEEN between them where there are such and no trainA; else `folder`."""
    if not (root / f"{folder}1").is_dir() or (root / folder).is_dir():
        return folder
    above, _, name = folder.rpartition("/")
    there = {entry.name for entry in _entries(root / above) if re.fullmatch(rf"{name}[1-9]\d{{0,2}}", entry.name) and entry.is_dir()}
    wanted = [f"{name}{number}" for number in range(1, len(there) + 1)]
    if missing := [each for each in wanted if each not in there]:
        raise UserError(f"{root / above}: holds {name}1/ and {len(there)} such folders, but no {missing[0]}/; number them from 1 on")
    return BETWEEN.join(f"{folder}{number}" for number in range(1, len(there) + 1))


def _told(folder: str) -> str:
    return ", ".join(f"{part}/" for part in folder.split(BETWEEN))


def _domain_folders(root: Path, split: Split) -> list[Folders]:
    """The namings of a split with at least one existing folder.

    If a folder of the first naming exists, whose names are unmistakable, another naming needs both of its folders.
    """
    namings = [(numbered(root, a), numbered(root, b)) for a, b in _namings(split)]
    there = {folders: sum((root / folder.partition(BETWEEN)[0]).is_dir() for folder in folders) for folders in namings}
    first, *others = there
    if there[first]:
        return [first, *(folders for folders in others if there[folders] == 2)]
    return [folders for folders in others if there[folders]]


def _images_folder(root: Path, split: Split) -> str | None:
    """The folder of one domain's images: that of domain A in a set of two domains, else the split's, else, for training, the root."""
    found = _domain_folders(root, split)
    if several := [a for a, _ in found if BETWEEN in a]:
        raise UserError(f"{root}: holds {_told(several[0])}, images of several files, and this method reads one folder of images")
    whole = [folders for folders in found if all((root / folder).is_dir() for folder in folders)]
    if len(whole) > 1:
        raise _two_places(root, split, whole)
    for a, b in found:
        if (root / a).is_dir() and ("/" not in a or (root / b).is_dir()):
            return a
    if (root / split).is_dir():
        return split
    return "" if split == "train" else None


def _two_places(root: Path, split: Split, found: list[Folders]) -> UserError:
    seen = " and ".join(f"{_told(a)}, {_told(b)}" for a, b in found)
    return UserError(f"{root}: has two places for images of split {split}, {seen}; keep one of them")


def _nothing(root: Path) -> str:
    """The message about a folder without a layout."""
    inside = subfolders(root / "train")
    if inside:
        return (
            f"{root}/train: holds {_listed(inside)} and no pictures of its own; if they are the two domains, call them train/A and "
            f"train/B; if each file in them holds A and B side by side, {SET_ALIGNED}; if they are classes, take a method "
            "of several domains, such as stargan (prepare.py: --source labelled)"
        )
    folders = subfolders(root)
    seen = ([_listed(folders)] if folders else []) + (["pictures"] if holds_pictures(root) else [])
    instead = f", but {' and '.join(seen)}" if seen else ""
    return (
        f"{root}: holds neither trainA/ and trainB/ nor train/ nor Parquet files{instead}; "
        "rename its folders, or correct data.root (layouts: data/README.md)"
    )


def nearby(root: Path) -> str | None:
    """A data set below or above the root that was probably meant, in words; None if there is none."""
    below = list(islice(_below(root, _DEPTH), _SHOWN))
    if below:
        named = " or ".join(f"data.root={shown(place)}" for place in below)
        return f"{'one lies' if len(below) == 1 else 'several lie'} in it; did you mean {named}?"
    parts = {folder for split in _SPLITS for names in [*_namings(split), (split, split)] for folder in names}
    absolute = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as they are
    for above in list(absolute.parents)[:2]:
        if absolute.relative_to(above).as_posix() in parts and _candidates(above):
            return f"a part of one; did you mean data.root={shown(above)}?"
    return None


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the data sets in `depth` levels of folders below a folder."""
    for name in subfolders(folder):
        if _candidates(folder / name):
            yield folder / name
        elif depth > 1:
            yield from _below(folder / name, depth - 1)


def holds_pictures(folder: Path) -> bool:
    """Does a folder itself hold pictures? Stops at the first one."""
    return any(is_image_name(entry.name) and not entry.is_dir() for entry in _entries(folder))


def subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder that are not hidden, sorted."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the entries that are not hidden. A folder that cannot be listed yields none; reading it reports the error."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _listed(folders: list[str]) -> str:
    named = ", ".join(f"{shown(name)}/" for name in folders[:_SHOWN])
    return f"the folder{'s' if len(folders) > 1 else ''} {named}" + (f" and {len(folders) - _SHOWN} more" if len(folders) > _SHOWN else "")
