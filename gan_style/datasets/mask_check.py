"""What a check of a data set tells of its masks: those of another size, empty ones, labels, and masks without an image."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from gan_style.datasets.checked_file import PART
from gan_style.datasets.folders import ImageTree
from gan_style.datasets.inspecting import inspect_all
from gan_style.datasets.layouts import mask_folder
from gan_style.datasets.listing import Listing
from gan_style.datasets.masks import check_channels, found_masks, labels_of, size_mistake
from gan_style.datasets.pairs import Shape
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Problems, Source, shown
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Encoded, TooLarge
from gan_style.files.regions import open_regions, probe_regions, read_in_parts
from gan_style.files.volumes import Volume
from gan_style.terminal.counted import counted, percent

_MOST_LABELS = 32  # a mask of more values holds noise or weights


@dataclass(frozen=True)
class MaskFacts:
    """The findings about one mask: its header, or why it cannot be read; the share of its pixels inside; its labels, as far as counted."""

    header: images.Header | None
    problem: str | None
    share: float = 0.0
    labels: frozenset[int] = frozenset()


def inspect_mask(path: Path | Encoded) -> MaskFacts:
    """Decode one mask, in parts if it is too large to be decoded at once."""
    assert isinstance(path, Path)
    inside, labels = 0, set[int]()
    try:
        header = header_of_mask(path)
        check_channels(path, header.channels)
        for part in parts_of_mask(path, header):
            found = labels_of(part)
            inside += int(np.count_nonzero(found))
            if len(labels) <= _MOST_LABELS:
                labels.update(np.unique(found[found != 0]).tolist())
    except UserError as mistake:
        return MaskFacts(None, str(mistake))
    return MaskFacts(header, None, inside / (header.width * header.height * header.slices), frozenset(labels))


def labels_in(source: Source, most: int) -> frozenset[int]:
    """The labels of up to `most` masks, evenly spread over a source. Of masks with too many values for labels: none."""
    files = dict.fromkeys(source.mask_file(domain, place) for domain, keys in source.masks.items() for place in spread(len(keys), most))
    found = (inspect_mask(file).labels for file in files)
    return frozenset[int]().union(*(labels for labels in found if len(labels) <= _MOST_LABELS))


@dataclass(frozen=True)
class MaskFindings:
    """The findings about the masks of a data set: those about each mask by split, and one line for each problem, note and warning.

    sources: split -> its source with the masks
    """

    sources: dict[str, Source] = field(default_factory=dict)
    facts: dict[str, list[MaskFacts]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_masks(sources: Iterable[Source], headers: Mapping[str, images.Header | None], workers: int | None) -> MaskFindings:
    """Decode the masks of all splits. headers: of the images, by the names of their first files; workers: as in `inspect_all`"""
    found, lacking = MaskFindings(), Problems()
    for source in (found_masks(source, lacking) for source in sources):
        found.sources[source.split] = source
        files = {str(path): path for keys in source.masks.values() for path in (source.root / key for key in keys if key)}
        if not files:
            continue
        facts = inspect_all({name: partial(Path, path) for name, path in files.items()}, workers, inspect_mask, partial(MaskFacts, None))
        found.facts[source.split] = list(facts.values())
        found.problems.extend([*filter(None, (fact.problem for fact in facts.values())), *_other_sizes(source, facts, headers)])
        _tell(source, {name: fact for name, fact in facts.items() if fact.header}, found)
    found.problems.extend(lacking.lines)
    if "train" in found.facts and "val" in found.sources and "val" not in found.facts:
        found.notes.append("val mask: there is none, so validation measures whole images")
    return found


def _other_sizes(source: Source, facts: Mapping[str, MaskFacts], headers: Mapping[str, images.Header | None]) -> Iterator[str]:
    halves = 2 if source.layout == "aligned" else 1
    for domain, masks in source.masks.items():
        for index, key in enumerate(masks if domain == "a" or not source.paired else ()):
            name, image = str(source.root / key), str(source.files(domain, index)[0])
            of_mask, of_image = facts[name].header if key else None, headers[image]
            if of_mask and of_image:
                shapes = Shape(name, of_mask.width, of_mask.height, 1), Shape(image, of_image.width // halves, of_image.height, 1)
                if mistake := size_mistake(*shapes):
                    yield mistake
                elif of_mask.slices != of_image.slices:
                    yield f"{name}: has {of_mask.slices} slices, its image {image} {of_image.slices}; a mask has the size of its image"


def _tell(source: Source, facts: Mapping[str, MaskFacts], found: MaskFindings) -> None:
    """Add what the masks of a source that can be read show."""
    if not facts:
        return
    where, names = f"{source.split} mask", sorted(facts)
    labels = sorted(frozenset[int]().union(*(fact.labels for fact in facts.values())))
    share = sum(fact.share for fact in facts.values()) / len(facts)
    told = f"; labels {', '.join(map(str, labels))}" if 1 < len(labels) <= _MOST_LABELS else ""
    found.notes.append(f"{where}: {percent(share)} of the pixels are inside{told}")
    empty = [name for name in names if not facts[name].share]
    if len(empty) == len(names):
        found.problems.append(f"{source.root}: all masks of split {source.split} are empty; give the pixels that count a value above 0")
    elif empty:
        found.warnings.append(
            f"{where}: {len(empty)} of {len(names)} files are empty, such as {empty[0]}; weighed losses do not count their images"
        )
    if many := [name for name in names if len(facts[name].labels) > _MOST_LABELS]:
        told = f"{len(many)} of {len(names)} files hold more than {_MOST_LABELS} values, such as {many[0]}"
        found.warnings.append(f"{where}: {told}; all but 0 is inside, so traces of JPEG count: save masks as PNG")
    if unused := _without_image(source):
        found.warnings.append(f"{where}: {counted(len(unused), 'file')} without an image, such as {shown(unused[0])}")


def header_of_mask(path: Path) -> images.Header:
    """The header of a mask of any size."""
    try:
        return images.probe(path, raw=True)
    except TooLarge:
        if not read_in_parts(path):
            raise
        return probe_regions(path)


def parts_of_mask(path: Path, header: images.Header) -> Iterator[np.ndarray]:
    """The stored values of a mask, in parts that are decoded one at a time."""
    if header.slices > 1:
        with Volume(path) as volume:
            yield from (volume.read(depth) for depth in range(volume.slices))
        return
    if not read_in_parts(path):
        yield images.read(path, 1, raw=True).pixels
        return
    with open_regions(path, 1, raw=True) as reader:
        yield from reader.parts(PART)


def _without_image(source: Source) -> list[Path]:
    """The masks of a folder that belong to no image."""
    if (folder := mask_folder(source)) is None:
        return []
    used = {key for keys in source.masks.values() for key in keys}
    names = ImageTree(source.root, folder, Listing(), Problems()).names()
    return [source.root / folder / name for name in names if f"{folder}/{name}" not in used]
