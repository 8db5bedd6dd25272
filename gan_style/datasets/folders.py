"""Surveys of the layouts `folders`, `unpaired`, `aligned` and `images`: images below folders, with or without pairs."""

import os
from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Literal

from gan_style.datasets.keys import Gathering, Keys
from gan_style.datasets.layouts import Folders
from gan_style.datasets.listing import Listing
from gan_style.datasets.survey import BETWEEN, Problems, Source, Split, Survey, shown
from gan_style.files.kinds import IMAGE_SUFFIXES, is_image_name, is_store_name
from gan_style.files.left_out import LeftOut, is_hidden, is_plain, why
from gan_style.files.stems import composed, stem
from gan_style.terminal.counted import counted
from gan_style.terminal.progress import Progress

_FEW = 10  # the domains are not pairs if less than one in so many images of the smaller one has a partner
_OTHER_FORM = "the same name as {}, written in another form of Unicode (macOS writes accents as characters of their own)"


def survey_aligned(root: Path, folders: Folders, split: Split, paired: bool) -> Survey:
    """Survey side-by-side files, which hold a pair each."""
    tree = ImageTree(root, folders[0], Listing(), Problems())
    keys = _all_keys(tree)
    source = Source("aligned", root, keys, keys, paired, folders=folders, split=split, left_out=tree.left_out)
    return Survey(source, tree.problems, tree.listing)


def survey_folders(root: Path, folders: Folders, split: Split, paired: bool) -> Survey:
    """Survey the folder of domain A and the folder of domain B, or the folders of each where an image is several files."""
    listing, problems, orphans = Listing(), Problems(), Problems()
    left_out = LeftOut()
    domains = [[ImageTree(root, part, listing, problems, left_out) for part in folder.split(BETWEEN)] for folder in folders]
    trees = [tree for domain in domains for tree in domain]
    a, b = domains[0][0], domains[1][0]
    if paired:
        found = [Gathering(), Gathering()]
        for names in rows_by_stem(trees, orphans):
            files = [f"{tree.name}/{name}" for tree, name in zip(trees, names, strict=True)]
            found[0].add(BETWEEN.join(files[: len(domains[0])]))
            found[1].add(BETWEEN.join(files[len(domains[0]) :]))
        keys_a, keys_b = (keys.keys() for keys in found)
    else:
        keys_a, keys_b = (_all_keys(domain[0]) if len(domain) == 1 else _rows(domain, orphans) for domain in domains)
    no_pairs = ""
    if _FEW * len(keys_a) < min(tree.count for tree in trees) and paired:
        no_pairs = (
            f"{root}: has {counted(len(keys_a), 'pair')} of one stem among {counted(a.count, 'image')} in {a.name}/ and "
            f"{b.count} in {b.name}/ ({orphans.lines[0]})"
        )
    elif all(tree.count for tree in trees):  # one that is empty explains them all
        problems.extend(orphans)
    layout = "folders" if paired else "unpaired"
    source = Source(layout, root, keys_a, keys_b, paired, folders=folders, split=split, left_out=left_out)
    return Survey(source, problems, listing, no_pairs)


def survey_images(root: Path, folders: Folders, split: Split) -> Survey:
    """Survey the images of one domain."""
    tree = ImageTree(root, folders[0], Listing(), Problems())
    keys = _all_keys(tree)
    source = Source("images", root, keys, keys, False, folders=folders, split=split, left_out=tree.left_out)
    return Survey(source, tree.problems, tree.listing)


def _rows(trees: list["ImageTree"], problems: Problems) -> Keys:
    """The keys of images of several files."""
    found = Gathering()
    for names in rows_by_stem(trees, problems):
        found.add(BETWEEN.join(f"{tree.name}/{name}" for tree, name in zip(trees, names, strict=True)))
    return found.keys()


def _all_keys(tree: "ImageTree") -> Keys:
    found = Gathering()
    for name in tree.names():
        found.add(f"{tree.name}/{name}" if tree.name else name)
    return found.keys()


class ImageTree:
    """The images below root/name/. Hidden files and folders are skipped, links are followed, each folder is entered once.

    This is the rule of `files.walking`, which says why this walk is another one.
    """

    def __init__(self, root: Path, name: str, listing: Listing, problems: Problems, left_out: LeftOut | None = None) -> None:
        self.folder = root / name
        self.name = name
        self.listing = listing
        self.problems = problems
        self.left_out = LeftOut() if left_out is None else left_out
        self.count = 0
        self._left_out_of: tuple[str, dict[str, str]] = "", {}  # a folder, and what was left out of it: stem -> name

    def left_out_of_stem(self, name: str) -> Path | None:
        """A file that may have been meant as the partner of the image `name`: it has the same stem, but not an image's suffix.

        If names are asked for in order, each folder is listed once.
        """
        if not self.left_out:
            return None
        folder = name.rpartition("/")[0]
        if self._left_out_of[0] != f"{folder}/":
            found: dict[str, str] = {}
            with suppress(OSError), os.scandir(self.folder / folder) as entries:
                others = sorted(entry.name for entry in entries if not is_hidden(entry.name) and not is_image_name(entry.name))
                for other in sorted(others, key=is_plain):  # a text of this name is the last that was meant
                    found.setdefault(composed(other.rpartition(".")[0] or other), other)
            self._left_out_of = f"{folder}/", found
        meant = self._left_out_of[1].get(stem(name).rpartition("/")[2])
        path = self.folder / folder / meant if meant else None
        return path if path and path.is_file() else None

    def names(self, by_stem: bool = False) -> Iterator[str]:
        """Yield paths relative to the folder, sorted in one form of Unicode, or, with `by_stem`, by their stems.

        Memory does not grow with the files: the entries of the folders on one path are held at a time, and two numbers for each folder.
        """
        seen: set[tuple[int, int]] = set()  # a link may lead back up
        failed = False
        waiting = [""]  # the next one last; names of folders end in a slash, which gives everything below them its place
        with Progress(f"listing {self.name}", "files", brief=True) as progress:
            while waiting:
                name = waiting.pop()
                if name and not name.endswith("/"):
                    self.count += 1
                    progress.update()
                    yield name
                    continue
                folder = self.folder / name
                try:
                    stat = self.listing.add(folder)
                    if (stat.st_dev, stat.st_ino) in seen:
                        continue
                    seen.add((stat.st_dev, stat.st_ino))
                    entries = sorted(self._entries(folder, name), key=lambda entry: (composed(entry), entry))
                except OSError as failure:
                    missing = not (name or self.folder.is_dir())
                    why = "no such folder" if missing else f"cannot be listed ({failure.strerror}); put its permissions right or move it"
                    self.problems.add(f"{shown(folder)}: {why}")
                    failed = True
                    continue
                if by_stem:
                    entries.sort(key=stem)
                    self._refuse_two_of_one_name(entries)
                entries.reverse()
                waiting += entries
        if not self.count and not failed:
            others = f", but {self.left_out.words()}" if self.left_out else ""
            self.problems.add(f"{self.folder}: holds no image ({' '.join(sorted(IMAGE_SUFFIXES))}){others}")

    def _refuse_two_of_one_name(self, entries: list[str]) -> None:
        """Leave out the second of two folders whose names differ only in the form of Unicode: their contents have no unique order."""
        for one, other in pairwise(entries[:]):
            if one.endswith("/") and stem(one) == stem(other):
                self.problems.add(f"{shown(self.folder / other)}: {_OTHER_FORM.format(shown(Path(one).name))}; put them together")
                entries.remove(other)

    def _entries(self, folder: Path, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                image = is_image_name(entry.name)
                kind = _kind(entry)
                if kind == "folder":
                    yield f"{prefix}{entry.name}/"
                elif kind == "file" and image:
                    yield f"{prefix}{entry.name}"
                elif kind == "file":
                    self.left_out.add(folder, entry.name)
                elif kind == "neither":
                    if image:
                        self.problems.add(f"{shown(entry.path)}: is no file (a broken link?); remove it")
                    self.listing.settled = False  # it may begin to lead somewhere, which no folder's stamp would tell


def rows_by_stem(trees: list[ImageTree], problems: Problems) -> Iterator[tuple[str, ...]]:
    """Yield files of all trees with the same relative path up to the suffix, sorted. One that a tree lacks, or has twice, is a problem."""

    def found(tree: ImageTree, place: int) -> Iterator[tuple[str, int, str]]:
        return ((stem(name), place, name) for name in tree.names(by_stem=True))

    for _, group in groupby(merge(*(found(tree, place) for place, tree in enumerate(trees))), key=itemgetter(0)):
        names: list[list[str]] = [[] for _ in trees]
        for _, place, name in group:
            names[place].append(name)
        for tree, own in zip(trees, names, strict=True):
            for name in own[1:]:
                first = shown(Path(own[0]).name)
                same = f"same stem as {first}" if _bare(name) == _bare(own[0]) else _OTHER_FORM.format(first)
                problems.add(f"{shown(tree.folder / name)}: {same}; keep one of them")
        if all(names):
            yield tuple(own[0] for own in names)
            continue
        known_by, known = next((tree, own[0]) for tree, own in zip(trees, names, strict=True) if own)
        for tree in (tree for tree, own in zip(trees, names, strict=True) if not own):
            instead = tree.left_out_of_stem(known)
            but = f", but {shown(instead)} {why(instead)}" if instead else ""
            problems.add(f"{shown(known_by.folder / known)}: no file of this stem in {tree.folder}{but}")


def _bare(name: str) -> str:
    return name.rpartition(".")[0]


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "neither"]:
    try:
        if entry.is_dir():
            return "file" if is_store_name(entry.name) else "folder"
        return "file" if entry.is_file() else "neither"
    except OSError:  # a link to itself, or into a folder that may not be entered
        return "neither"
