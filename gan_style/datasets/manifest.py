"""Manifests: .jsonl, .csv or .tsv files that list the images of a data set. Their content is not trusted."""

import csv
import itertools
import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from gan_style.datasets.keys import Gathering
from gan_style.datasets.listing import Listing
from gan_style.datasets.survey import BETWEEN, Problems, Source, Split, Survey, shown
from gan_style.errors import UserError
from gan_style.terminal.progress import Progress

MAX_BYTES = 2**30  # some ten million rows
MAX_ROW_BYTES = 2**20
MAX_FILES = 64  # of one image: each has a channel or more

_SPLITS = ("train", "val", "test")  # test rows are left alone
_OUTSIDE = "leads out of the manifest's folder; paths are relative to it, without .., and links stay in it"
_DELIMITERS = (",", ";", "\t")  # spreadsheets take a semicolon where the decimal sign is a comma
_KEYS = {"a", "b", "mask", "split", "a1", "a2", "b1", "b2"}
_HEADER = "with a,b or a,b,split"
_OLD_ENDS = "its lines end in CR alone; save it with the line ends of this time (in a spreadsheet: CSV UTF-8)"
_EXAMPLE = '{"a": "x.png", "b": "y.png"}'


def survey_manifest(manifest: Path, split: Split, paired: bool) -> Survey:
    """Survey the rows of one split, in their order."""
    listing, problems = Listing(), Problems()
    lookup = _Lookup(manifest.parent, listing)
    found = {"a": Gathering(), "b": Gathering()}
    masks, masked = {"a": Gathering(), "b": Gathering()}, False
    counts: dict[str, int] = {}  # files of an image
    for where, row in _rows(manifest, listing):
        row_split = row.get("split") or "train"
        if isinstance(row_split, str):
            row_split = row_split.strip().lower()
        if row_split not in _SPLITS:
            value = repr(row_split[:50]) if isinstance(row_split, str) else "no text"
            problems.add(f"{where}: split is {value}; use one of {', '.join(_SPLITS)}")
            continue
        if row_split != split:
            continue
        named = {domain: row[domain] for domain in found if row.get(domain)}
        if (paired and len(named) < 2) or not named:
            missing = " and ".join(domain for domain in found if domain not in named)
            problems.add(f"{where}: has no {missing}; every row of a paired manifest needs a and b")
            continue
        mask, problem = lookup.key(row["mask"]) if row.get("mask") else ("", None)
        masked |= bool(mask)
        if problem:
            problems.add(f"{where}: mask = {problem}")
        for domain, cell in named.items():
            masks[domain].add(mask)
            names = cell if isinstance(cell, list) else [cell]
            key, problem = _key(names, lookup, counts.setdefault(domain, len(names)))
            if problem:
                problems.add(f"{where}: {domain} = {problem}")
            else:
                found[domain].add(key)
    if split != "train" and not any(found.values()) and not problems:
        return Survey(None)
    for domain, keys in found.items() if not problems else ():
        if not keys:
            problems.add(f"{manifest}: no row of split {split} has a file of domain {domain}; add one")
    a, b = (keys.keys() for keys in found.values())
    kept = {domain: keys.keys() for domain, keys in masks.items()} if masked else {}
    return Survey(Source("manifest", manifest.parent, a, b, paired, split=split, masks=kept), problems, listing)


def _key(names: list[Any], lookup: "_Lookup", wanted: int) -> tuple[str, str | None]:
    """The key of an image of one file or several, and what is wrong with it or None. wanted: the number of files of the first row"""
    if len(names) > MAX_FILES:
        return "", f"{len(names)} files of one image, more than {MAX_FILES}; list fewer"
    if len(names) != wanted or not all(names):
        return "", f"{len(list(filter(None, names)))} files, but the first row has {wanted}; list as many for each image"
    keys = []
    for name in names:
        key, problem = lookup.key(name)
        if problem:
            return "", problem
        keys.append(key)
    return BETWEEN.join(keys), None


class _Lookup:
    """Finds the files of a manifest below its folder. No path may leave that folder, not even through links."""

    def __init__(self, folder: Path, listing: Listing) -> None:
        self.folder = folder
        self.listing = listing
        self.inside = Path(os.path.realpath(folder))
        self.enter = lru_cache(maxsize=2**16)(self._enter)

    def key(self, name: Any) -> tuple[str, str | None]:
        """A file's key, and what is wrong with it or None. The manifest and the disk may write a name in different forms of Unicode."""
        if not isinstance(name, str):
            return "", f"{type(name).__name__}: not a path; write it as text"
        forms = (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))) if not name.isascii() else (name,)
        looked_up = [self._key(form) for form in dict.fromkeys(forms)]
        return next((found for found in looked_up if found[1] is None), looked_up[0])

    def _key(self, name: str) -> tuple[str, str | None]:
        parts = name.replace("\\", "/").split("/")
        key = "/".join(part for part in parts if part not in ("", "."))
        if not parts[0] or ".." in parts:
            return "", f"{shown(name)}: {_OUTSIDE}"
        try:
            if not self.enter(key.rpartition("/")[0]):
                return "", f"{shown(name)}: {_OUTSIDE}"
            path = self.inside / key
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                mode = path.stat().st_mode
                if not self._stays(path):
                    return "", f"{shown(name)}: {_OUTSIDE}"
            if not stat.S_ISREG(mode):
                return "", f"{shown(name)}: is no file"
        except (OSError, ValueError):  # ValueError: names that no file can have
            return "", f"{shown(name)}: no such file in {self.folder}"
        return key, None

    def _enter(self, folder: str) -> bool:
        """Is the folder inside the manifest's folder, after its links are followed?"""
        path = self.inside / folder
        self.listing.add(path)
        return os.path.realpath(path) == str(path) or self._stays(path)

    def _stays(self, path: Path) -> bool:
        """Does a link lead to a place inside? Links may change, so a list with links is never cached."""
        self.listing.settled = False
        return Path(os.path.realpath(path)).is_relative_to(self.inside)


def _rows(manifest: Path, listing: Listing) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ("manifest, line n", row)."""
    suffix = manifest.suffix.lower()
    if suffix not in (".csv", ".tsv", ".jsonl"):
        raise UserError(f"{manifest}: a manifest must be a .jsonl or .csv file; rename it, or set data.root to a folder")
    try:
        size = listing.add(manifest).st_size
        if size > MAX_BYTES:
            raise UserError(f"{manifest}: has {size >> 20} MB, more than the {MAX_BYTES >> 20} MB allowed; leave out what is not needed")
        with (
            manifest.open("rb") as file,
            Progress(f"reading {manifest.name}", "B", size, brief=True) as progress,
        ):
            lines = _Lines(manifest, file)
            for number, row in _json_rows(lines) if suffix == ".jsonl" else _csv_rows(lines):
                progress.update(lines.row_bytes)
                lines.row_bytes = 0
                yield f"{manifest}, line {number}", row
    except OSError as failure:
        raise UserError(f"{manifest}: cannot be read ({failure.strerror or failure}); check the path and its permissions") from failure


class _Lines:
    """The lines of a file as text. No line, and no row of several lines, may be longer than MAX_ROW_BYTES."""

    def __init__(self, manifest: Path, file: BinaryIO) -> None:
        self.manifest = manifest
        self.file = file
        self.number = 0
        self.row_bytes = 0  # since the last row was complete

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.row_bytes += len(line)
        if self.number == 1 and b"\r" in line.rstrip(b"\r\n"):
            raise self.mistake(_OLD_ENDS)
        if self.row_bytes > MAX_ROW_BYTES:
            raise self.mistake(f"more than {MAX_ROW_BYTES} bytes for one row; is there an end of line or a quote missing?")
        if self.number == 1 and b"\0" in line:
            raise self.mistake("looks like UTF-16 text; save it as UTF-8 (in a spreadsheet: CSV UTF-8)")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as failure:
            raise self.mistake(
                f"cannot be read as UTF-8 text ({failure.reason}); save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
            ) from failure

    def mistake(self, words: str) -> UserError:
        return UserError(f"{self.manifest}, line {self.number}: {words}")


def _csv_rows(lines: _Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a table as spreadsheets write it, with commas, semicolons or tabs, blanks around names, empty rows and columns."""
    first = next((line for line in lines if line.strip() and not line.lower().startswith("sep=")), "")
    if not lines.number:
        raise UserError(f"{lines.manifest}: is empty; begin it {_HEADER}")
    delimiter = max(_DELIMITERS, key=lambda each: len(_KEYS & set(_columns(first.replace('"', "").split(each)))))
    reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter, skipinitialspace=True)
    try:
        columns = _columns(next(reader, []))
        if twice := _repeated(filter(None, columns)):
            raise lines.mistake(_twice(twice))
        if not {"a", "b", "a1", "b1"} & set(columns):
            raise lines.mistake("names neither column a nor b; begin the file " + _HEADER)
        numbered = {domain: names for domain in "ab" if (names := [name for name in columns if re.fullmatch(rf"{domain}[1-9]\d?", name)])}
        for domain, names in numbered.items():
            names.sort(key=lambda name: int(name[1:]))
            if domain in columns or names != [f"{domain}{number}" for number in range(1, len(names) + 1)]:
                wanted = f"number the files of an image from {domain}1 on, without a column {domain}"
                raise lines.mistake(f"has columns {', '.join(names)}; {wanted}")
        for cells in reader:
            cells = [cell.rstrip() for cell in cells]
            if any(cells[len(columns) :]):
                raise lines.mistake(f"has {len(cells)} cells, more than the {len(columns)} columns; put names with {delimiter} in quotes")
            if any(cells):
                row = dict(zip(columns, cells, strict=False))
                yield lines.number, _listed(row, numbered) if numbered else row
            else:
                lines.row_bytes = 0
    except csv.Error as failure:
        if "new-line character" in str(failure):
            raise lines.mistake(_OLD_ENDS) from failure
        raise lines.mistake(f"not CSV ({failure}); are the quotes in pairs?") from failure


def _columns(header: list[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _listed(row: dict[str, str], numbered: dict[str, list[str]]) -> dict[str, Any]:
    """A row with the cells of a1, a2, ... as the list of a. Without any of them the row has no a."""
    lists = {domain: [row.get(name, "") for name in names] for domain, names in numbered.items()}
    return {**row, **{domain: names for domain, names in lists.items() if any(names)}}


def _json_rows(lines: _Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    for line in lines:
        if not line.strip():
            lines.row_bytes = 0
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except _NamedTwice as failure:
            raise lines.mistake(_twice(str(failure))) from failure
        except (ValueError, RecursionError) as failure:  # not JSON, or a number of thousands of digits; nested brackets
            reason = failure.msg if isinstance(failure, json.JSONDecodeError) else type(failure).__name__
            raise lines.mistake(f"not JSON ({reason}); write one object a line: {_EXAMPLE}") from failure
        if not isinstance(row, dict):
            raise lines.mistake(f"not an object; write {_EXAMPLE}")
        yield lines.number, row


class _NamedTwice(ValueError):
    """A key occurs twice in one JSON object; Python's parser would keep the last one."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := _repeated(key for key, _ in pairs):
        raise _NamedTwice(twice)
    return dict(pairs)


def _twice(name: str) -> str:
    return f"names {shown(name)!r} twice; leave one of them out"


def _repeated(names: Iterable[str]) -> str | None:
    """The first name that occurs twice; None if there is none."""
    seen = set[str]()
    return next((name for name in names if name in seen or seen.add(name)), None)
