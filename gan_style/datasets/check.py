"""Checking a data set: every file is read before training, which would otherwise stop at a broken file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gan_style.datasets.checked_file import Facts, inspect
from gan_style.datasets.folders import ImageTree
from gan_style.datasets.histogram import Histogram, drawn
from gan_style.datasets.inspecting import Load, inspect_all
from gan_style.datasets.layouts import not_used, resolve_layout
from gan_style.datasets.listing import Listing
from gan_style.datasets.mask_check import MaskFacts, check_masks
from gan_style.datasets.measured import measured_notes, odd_channels, odd_units
from gan_style.datasets.pairs import Shape, doubt, mismatch
from gan_style.datasets.sources import survey_split
from gan_style.datasets.survey import BETWEEN, LayoutChoice, Problems, Source, Split
from gan_style.datasets.values import histogram_in, notes_and_warnings
from gan_style.datasets.volumes import volume_problems
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.several import check_alike
from gan_style.terminal.counted import counted

_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_COLUMNS = ("split", "domain", "files", "bad", "size", "channels", "bits", "palettes", "values")


@dataclass(frozen=True)
class Findings:
    """The findings about a data set: a table (lines of text), one line for each problem, one line for each note.

    A problem names its file. no_pairs: as in `Survey`, of the first split that holds no pairs although pairs were expected
    """

    table: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    no_pairs: str = ""


def check(root: Path | str, layout: LayoutChoice = "auto", workers: int | None = None) -> Findings:
    """Decode every image of the data set at `root`.

    layout: every layout but "unpaired" expects pairs; Parquet tables say themselves whether they hold pairs
    workers: number of processes; None takes every core that this process may use
    """
    paired = _expects_pairs(root, layout)
    surveys = {split: survey_split(root, layout, split, paired) for split in _SPLITS}
    problems = [problem for survey in surveys.values() for problem in survey.problems.lines]
    more = sum(survey.problems.count for survey in surveys.values()) - len(problems)
    problems += [f"{root}: has {more} more of them"] if more else []
    sources = {split: survey.source for split, survey in surveys.items() if survey.source is not None}
    files = {(split, part): loads for split, source in sources.items() for part, loads in _parts(source).items()}
    halves = any(source.layout == "aligned" for source in sources.values())
    loads = {name: load for of_part in files.values() for name, load in of_part.items()}
    facts = inspect_all(loads, workers, partial(inspect, halves=halves), partial(Facts, None))
    masks = check_masks(sources.values(), {name: fact.header for name, fact in facts.items()}, workers)
    problems += [problem for name in sorted(facts) if (problem := facts[name].problem)]
    rows = []
    for split, source in sources.items():
        problems += _problems_of_files(source, facts) + _problems_of_pairs(source, facts)
        for part in _parts(source):
            found = [facts[name] for name in files[split, part]]
            problems += odd_channels({name: facts[name].measured for name in files[split, part]})
            values = [values for fact in found if (values := _histogram(fact, part, bool(source.classes)))]
            rows.append((*_row(split, part, found, halves=source.layout == "aligned"), drawn(values)))
        if found := masks.facts.get(split):
            rows.append((*_row(split, "mask", found, halves=False), ""))
    problems += [*masks.problems, *_other_numbers(list(sources.values()))]
    notes, alarms = [*masks.notes], [*masks.warnings]
    for split, part in files:
        side = _side(part, bool(sources[split].classes))
        domain = "b" if side else "a"
        found = [facts[name].values for name in files[split, part]]
        more = notes_and_warnings(f"{split} {part}", [values[side] for values in found if values], domain)
        notes += more[0]
        alarms += more[1]
        measured = {name: values for name in files[split, part] if (values := facts[name].measured)}
        more = measured_notes(f"{split} {part}", {name: values[side] for name, values in measured.items()}, domain)
        notes += more[0]
        alarms += more[1] + odd_units(measured)
    notes += [f"warning: {alarm}" for alarm in alarms]
    notes += [f"left out of {split}: {words}" for split, source in sources.items() if (words := source.left_out.words())]
    notes += [f"not used for {split}: {words}" for split, source in sources.items() if (words := not_used(source))]
    for split, source in sources.items():
        headers = [facts[name].header for (of, _), loads in files.items() if of == split for name in loads]
        if volumes := [header.slices for header in headers if header and header.slices > 1]:
            least, most = min(volumes), max(volumes)
            words = f"{counted(len(volumes), 'volume')} of {least if least == most else f'{least} to {most}'} slices"
            notes.append(f"{split}: {words}; train with data.domain_a.slices=1, or 3 for a slice with its neighbours")
            more = volume_problems(source if masks.problems else masks.sources[split])
            problems += more[0]
            notes += [f"warning: {line}" for line in more[1]]
    several = sorted(name for name, fact in facts.items() if fact.header is not None and fact.header.several)
    if several:
        notes.append(f"several pages or frames, of which the first is read: {len(several)} files, such as {several[0]}")
    large = sorted(name for name, fact in facts.items() if fact.in_parts)
    if large:
        notes.append(f"too large to be decoded at once: {counted(len(large), 'file')}, such as {large[0]}; train with data.preprocess=crop")
    if "test" in sources and "val" not in sources and sources["test"].layout != "manifest":
        notes.append(f"validation: {sources['test'].places()}, since there is no val")
    no_pairs = next((survey.no_pairs for survey in surveys.values() if survey.no_pairs), "")
    return Findings(_table(rows), tuple(dict.fromkeys(problems)), tuple(notes), no_pairs)


def _other_numbers(sources: Sequence[Source]) -> Iterator[str]:
    """The splits whose images are another number of files than those of the first one, which is training."""
    for source in sources[1:]:
        for domain in source.domains if sources[0].domains == source.domains else ():
            here, first = source.inputs(domain), sources[0].inputs(domain)
            if here != first:
                told = f"{counted(here, 'file')} for each image of domain {domain.upper()}, split {sources[0].split} has {first}"
                yield f"{source.root}: split {source.split} has {told}; add what is missing, or remove the others"


def _expects_pairs(root: Path | str, layout: LayoutChoice) -> bool:
    if resolve_layout(root, layout, paired=layout not in ("unpaired", "labelled")) != "parquet":
        return layout not in ("unpaired", "labelled")
    from gan_style.datasets.parquet import find_tables

    return "train" in find_tables(str(root))


def _parts(source: Source) -> dict[str, dict[str, Load]]:
    """The rows of the table: each domain, or each class of a labelled set -> its images by name."""
    if not source.classes:
        return {part: files for domain in ("a", "b") for part, files in _files(source, domain).items()}
    parts: dict[str, dict[str, Load]] = {name: {} for name in source.classes}
    for index in range(len(source.a)):
        parts[source.label(index)][source.name("a", index)] = partial(_file, source, "a", index, 0)
    return parts


def _files(source: Source, domain: str) -> dict[str, dict[str, Load]]:
    """The files of a domain by name, including those without a partner; A1, A2, ... where an image is several files."""
    folders, count = source.folders["ab".index(domain)].split(BETWEEN), source.inputs(domain)
    parts: dict[str, dict[str, Load]] = {}
    for place in range(max(count, len(folders))):
        part = f"{domain.upper()}{place + 1 if max(count, len(folders)) > 1 else ''}"
        if source.layout == "folders" and (folder := source.root / folders[place]).is_dir():
            names = ImageTree(source.root, folders[place], Listing(), Problems()).names()
            parts[part] = {str(folder / name): partial(Path, folder, name) for name in names}
        elif count == 1:
            parts[part] = {
                source.name(domain, index): partial(_file, source, domain, index, 0) for index in range(len(source.keys(domain)))
            }
        else:
            named = ((str(source.files(domain, index)[place]), index) for index in range(len(source.keys(domain))))
            parts[part] = {name: partial(_file, source, domain, index, place) for name, index in named}
    return parts


def _file(source: Source, domain: str, index: int, place: int) -> Path | images.Encoded:
    return source.files(domain, index)[place]


def _problems_of_pairs(source: Source, facts: Mapping[str, Facts]) -> list[str]:
    problems = []
    for index in range(len(source.a) if source.paired else 0):
        name_a, name_b = (_names(source, domain, index)[0] for domain in ("a", "b"))
        a, b = facts[name_a].header, facts[name_b].header
        if a is None or b is None:
            continue
        if source.layout == "aligned":
            if a.width % 2:
                problems.append(f"{name_a}: is {a.width} pixels wide; a side-by-side file of two equal halves has an even width")
            continue
        shapes = [Shape(name, each.width, each.height, each.orientation) for name, each in ((name_a, a), (name_b, b))]
        if problem := mismatch(*shapes) or doubt(*shapes):
            problems.append(problem)
    return problems


def _problems_of_files(source: Source, facts: Mapping[str, Facts]) -> list[str]:
    """What does not fit among the files of one image, where an image is several files."""
    problems = []
    for domain in (domain for domain in ("a", "b") if source.inputs(domain) > 1):
        for index in range(len(source.keys(domain))):
            named = {name: header for name in _names(source, domain, index) if (header := facts[name].header)}
            try:
                check_alike(named)
            except UserError as mistake:
                problems.append(str(mistake))
    return problems


def _names(source: Source, domain: str, index: int) -> tuple[str, ...]:
    """The names of the files of an image, as `_files` gives them."""
    return tuple(map(str, source.files(domain, index))) if source.inputs(domain) > 1 else (source.name(domain, index),)


def _histogram(fact: Facts, part: str, labelled: bool) -> Histogram | None:
    """The histogram of a file, or of the half that belongs to a row of the table."""
    place = _side(part, labelled)
    if fact.measured:
        return fact.measured[place].histogram
    return histogram_in(fact.values[place]) if fact.values else None


def _side(part: str, labelled: bool) -> int:
    """The place of a row's domain among the halves of a side-by-side file."""
    return -1 if part.startswith("B") and not labelled else 0


def _row(split: str, part: str, facts: Sequence[Facts | MaskFacts], halves: bool) -> tuple[str, ...]:
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
    return (split, part, str(len(facts)), str(len(facts) - len(headers)), size, channels, bits, str(palettes))


def _counts(values: Iterable[int]) -> str:
    """ "3" if all values are 3; "1 (20), 3 (180)" if they differ."""
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
