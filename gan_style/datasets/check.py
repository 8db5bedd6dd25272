"""Reads every file of a data set and says what was found, so that training does not stop at its worst file."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from gan_style import images
from gan_style.datasets.sources import LayoutChoice, Source, Split, survey_split
from gan_style.errors import UserError

_SPLITS: tuple[Split, ...] = ("train", "val")
_COLUMNS = ("split", "domain", "files", "bad", "size", "channels", "bits", "palettes")


@dataclass(frozen=True)
class Facts:
    """One file: its header, or why it cannot be read."""

    header: images.Header | None
    problem: str | None


@dataclass(frozen=True)
class Report:
    """A table (lines of text) of what was found, and one line for each problem, which names its culprit."""

    table: str
    problems: tuple[str, ...]


def check(root: Path, layout: LayoutChoice = "auto", workers: int | None = None, progress: bool = True) -> Report:
    """Decode every file of the data set at `root`. A `layout` of "unpaired" looks for no pairs; every other one does.

    workers: processes; None takes every core this process may use
    """
    surveys = {split: survey_split(root, layout, split, paired=layout != "unpaired") for split in _SPLITS}
    problems = [problem for survey in surveys.values() for problem in survey.problems]
    sources = {split: survey.source for split, survey in surveys.items() if survey.source is not None}
    keys = {split: {domain: _every_key(source, split, domain) for domain in ("a", "b")} for split, source in sources.items()}
    paths = sorted({source.path(key) for split, source in sources.items() for found in keys[split].values() for key in found})
    facts = dict(zip(paths, _inspect_all(paths, workers, progress), strict=True))
    problems += [fact.problem for fact in facts.values() if fact.problem]
    rows = []
    for split, source in sources.items():
        problems += _problems_of_pairs(source, facts)
        for domain in ("a", "b"):
            found = [facts[source.path(key)] for key in keys[split][domain]]
            rows.append(_row(split, domain, found, halves=source.layout == "aligned"))
    return Report(_table(rows), tuple(problems))


def inspect(path: Path) -> Facts:
    """Decode one file at its own number of channels."""
    try:
        header = images.probe(path)
        images.read(path, header.channels)
    except UserError as mistake:
        return Facts(None, str(mistake))
    return Facts(header, None)


def _every_key(source: Source, split: str, domain: str) -> Sequence[str]:
    """The keys of a domain, with those that have no partner."""
    folder = source.root / f"{split}{domain.upper()}"
    if source.layout == "folders" and folder.is_dir():
        return [f"{folder.name}/{file.as_posix()}" for file in images.find_images(folder)]
    return sorted(set(source.a if domain == "a" else source.b))


def _inspect_all(paths: Sequence[Path], workers: int | None, progress: bool) -> Iterable[Facts]:
    cores = workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    chunk = max(1, min(32, len(paths) // (cores * 4)))
    with ProcessPoolExecutor(cores) as pool:
        return list(tqdm(pool.map(inspect, paths, chunksize=chunk), total=len(paths), desc="reading", unit=" files", disable=not progress))


def _problems_of_pairs(source: Source, facts: dict[Path, Facts]) -> list[str]:
    problems = []
    for key_a, key_b in zip(source.a, source.b, strict=True) if source.paired else ():
        path_a, path_b = source.path(key_a), source.path(key_b)
        a, b = facts[path_a].header, facts[path_b].header
        if a is None or b is None:
            continue
        if source.layout == "aligned":
            if a.width % 2:
                problems.append(f"{path_a}: is {a.width} pixels wide; a side-by-side file of two equal halves has an even width")
        elif (a.width, a.height) != (b.width, b.height):
            problems.append(f"{path_a}: is {a.width} x {a.height}, its partner {path_b} is {b.width} x {b.height}")
    return problems


def _row(split: str, domain: str, facts: Sequence[Facts], halves: bool) -> tuple[str, ...]:
    headers = [fact.header for fact in facts if fact.header is not None]
    sizes = sorted({(header.width // 2 if halves else header.width, header.height) for header in headers})
    if len(sizes) > 1:
        widths, heights = [size[0] for size in sizes], [size[1] for size in sizes]
        size = f"{min(widths)}-{max(widths)} x {min(heights)}-{max(heights)} ({len(sizes)} sizes)"
    else:
        size = " ".join(f"{width} x {height}" for width, height in sizes) or "-"
    channels = _counts(header.channels for header in headers)
    bits = _counts(header.depth for header in headers)
    palettes = sum(header.palette for header in headers)
    return (split, domain.upper(), str(len(facts)), str(len(facts) - len(headers)), size, channels, bits, str(palettes))


def _counts(values: Iterable[int]) -> str:
    """ "3" where all are 3, "1 (20), 3 (180)" where they differ."""
    counted = sorted(Counter(values).items())
    return (
        ", ".join(f"{value} ({count})" for value, count in counted)
        if len(counted) > 1
        else "".join(str(value) for value, _ in counted) or "-"
    )


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [_COLUMNS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
