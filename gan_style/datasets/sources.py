"""Which files belong to a data set, and which belong together. Nothing is decoded here.

The layouts are described for users in data/README.md.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from gan_style.errors import UserError
from gan_style.images import IMAGE_SUFFIXES, find_images

Layout = Literal["aligned", "folders", "unpaired", "manifest"]
LayoutChoice = Literal["auto", "aligned", "folders", "unpaired", "manifest"]
Split = Literal["train", "val"]

_KNOWN_SPLITS = ("train", "val", "test")  # test rows of a manifest are left alone


@dataclass(frozen=True)
class Source:
    """The files of one split. Keys are posix paths relative to `root`.

    Where `paired`, a[i] belongs to b[i]. In an aligned source both are the same file: domain A is its left half.
    """

    layout: Layout
    root: Path
    a: tuple[str, ...]
    b: tuple[str, ...]
    paired: bool

    def path(self, key: str) -> Path:
        return self.root / key

    def describe(self) -> str:
        """For people: how many of what."""
        if self.paired:
            return f"{len(self.a)} pairs ({self.layout})"
        return f"{len(self.a)} images of domain A, {len(self.b)} of domain B, unpaired ({self.layout})"


@dataclass(frozen=True)
class Survey:
    """What lies in one split: `source` is None where there is no such split; one line of `problems` for each culprit."""

    source: Source | None
    problems: tuple[str, ...] = ()


def find(root: Path, layout: LayoutChoice, split: Split, paired: bool) -> Source | None:
    """The source of a split, or None where the data set has no validation split.

    A `UserError` names the first of what is missing, empty, without a partner, ambiguous or outside the data set.
    """
    survey = survey_split(root, layout, split, paired)
    if survey.problems:
        named = "; ".join(survey.problems[:3])
        more = f"; and {len(survey.problems) - 3} more" if len(survey.problems) > 3 else ""
        raise UserError(f"{named}{more}; put this right (`python data/prepare.py check {root}` lists every problem)")
    return survey.source


def survey_split(root: Path, layout: LayoutChoice, split: Split, paired: bool) -> Survey:
    """As `find`, but with every problem listed; a `UserError` only where the layout itself does not fit the root."""
    known = resolve_layout(root, layout, paired)
    if known == "manifest":
        return _survey_manifest(root, split, paired)
    if known == "aligned":
        return _survey_aligned(root, split, paired)
    return _survey_folders(root, split, paired, known)


def resolve_layout(root: Path, layout: LayoutChoice, paired: bool) -> Layout:
    """The layout that `auto` stands for at this root, or the given one where it is possible."""
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
    raise UserError(f"{root}: holds neither trainA/ and trainB/ nor train/; correct data.root (layouts: data/README.md)")


def pair_by_stem(a: list[Path], b: list[Path], folder_a: str, folder_b: str) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Pairs of files with the same relative path up to the suffix, sorted; and a problem for each that has none or two."""
    problems: list[str] = []
    by_stem: list[dict[str, Path]] = []
    for files, folder in ((a, folder_a), (b, folder_b)):
        stems: dict[str, Path] = {}
        for file in files:
            stem = file.with_suffix("").as_posix()
            if stem in stems:
                problems.append(f"{folder}/{file.as_posix()}: same stem as {stems[stem].name}; keep one of them")
            stems.setdefault(stem, file)
        by_stem.append(stems)
    for own, other, folder, partner in ((by_stem[0], by_stem[1], folder_a, folder_b), (by_stem[1], by_stem[0], folder_b, folder_a)):
        problems += [f"{folder}/{file.as_posix()}: no file of this stem in {partner}" for stem, file in own.items() if stem not in other]
    return [(file, by_stem[1][stem]) for stem, file in sorted(by_stem[0].items()) if stem in by_stem[1]], problems


def _images_in(folder: Path) -> tuple[list[Path], list[str]]:
    if not folder.is_dir():
        return [], [f"{folder}: no such folder"]
    found = find_images(folder)
    return found, [] if found else [f"{folder}: holds no image ({' '.join(sorted(IMAGE_SUFFIXES))})"]


def _survey_aligned(root: Path, split: Split, paired: bool) -> Survey:
    if split == "val" and not (root / "val").exists():
        return Survey(None)
    found, problems = _images_in(root / split)
    keys = tuple(f"{split}/{file.as_posix()}" for file in found)
    return Survey(Source("aligned", root, keys, keys, paired), tuple(problems))


def _survey_folders(root: Path, split: Split, paired: bool, layout: Layout) -> Survey:
    names = f"{split}A", f"{split}B"
    if split == "val" and not any((root / name).exists() for name in names):
        return Survey(None)
    (a, problems_a), (b, problems_b) = (_images_in(root / name) for name in names)
    problems = problems_a + problems_b
    if paired and not problems:
        pairs, problems = pair_by_stem(a, b, str(root / names[0]), str(root / names[1]))
        a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    keys_a, keys_b = (tuple(f"{name}/{file.as_posix()}" for file in files) for name, files in zip(names, (a, b), strict=True))
    return Survey(Source(layout, root, keys_a, keys_b, paired), tuple(problems))


def _survey_manifest(manifest: Path, split: Split, paired: bool) -> Survey:
    folder = manifest.parent
    problems: list[str] = []
    domains: dict[str, list[str]] = {"a": [], "b": []}
    for where, row in _manifest_rows(manifest):
        row_split = row.get("split") or "train"
        if row_split not in _KNOWN_SPLITS:
            problems.append(f"{where}: split is {row_split!r}; use one of {', '.join(_KNOWN_SPLITS)}")
            continue
        if row_split != split:
            continue
        keys = {}
        for domain in domains:
            name = row.get(domain)
            if not name:
                continue
            key, problem = _manifest_key(folder, name)
            if problem:
                problems.append(f"{where}: {domain} = {problem}")
            keys[domain] = key
        if (paired and len(keys) < 2) or not keys:
            missing = " and ".join(domain for domain in domains if domain not in keys)
            problems.append(f"{where}: has no {missing}; every row of a paired manifest needs a and b")
            continue
        for domain, key in keys.items():
            domains[domain].append(key)
    if split == "val" and not any(domains.values()) and not problems:
        return Survey(None)
    if not problems:
        problems = [f"{manifest}: no row of split {split} has a file of domain {domain}" for domain, keys in domains.items() if not keys]
    return Survey(Source("manifest", folder, tuple(domains["a"]), tuple(domains["b"]), paired), tuple(problems))


def _manifest_key(folder: Path, name: Any) -> tuple[str, str | None]:
    """A file's key, and what is wrong with it."""
    if not isinstance(name, str):
        return "", f"{name!r}: not a path; write it as text"
    key = PurePosixPath(name.replace("\\", "/"))
    if key.is_absolute() or Path(name).is_absolute() or ".." in key.parts:
        return "", f"{name}: leads out of the manifest's folder; paths are relative to it, without .."
    if not (folder / key).is_file():
        return "", f"{name}: no such file in {folder}"
    return key.as_posix(), None


def _manifest_rows(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields ("manifest, line n", row)."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        raise UserError(f"{manifest}: cannot be read as UTF-8 text ({failure}); a manifest is a .jsonl or .csv file") from failure
    suffix = manifest.suffix.lower()
    if suffix == ".csv":
        reader = csv.DictReader(text.splitlines())
        if not {"a", "b"} & set(reader.fieldnames or ()):
            raise UserError(f"{manifest}, line 1: names neither column a nor b; begin the file with a,b or a,b,split")
        for row in reader:
            yield f"{manifest}, line {reader.line_num}", row
    elif suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            where = f"{manifest}, line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as failure:
                raise UserError(f'{where}: not JSON ({failure.msg}); write one object a line: {{"a": "x.png", "b": "y.png"}}') from failure
            if not isinstance(row, dict):
                raise UserError(f'{where}: not an object; write {{"a": "x.png", "b": "y.png"}}')
            yield where, row
    else:
        raise UserError(f"{manifest}: a manifest must be a .jsonl or .csv file; rename it, or set data.root to a folder")
