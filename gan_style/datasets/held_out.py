"""Validation images for a data set that has none: some of its training images, which training then does not see.

A hash of the names chooses them. So an image that is added or removed changes one of them at most, and two domains whose files have equal
names hold out the same ones.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from heapq import nsmallest

from gan_style.datasets.keys import Keys
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.files.stems import stem


def divided(source: Source, count: int) -> tuple[Source, Source]:
    """(training, validation): the images of a source without and with those held out.

    count: pairs, or images of each domain, that are held out; of a labelled set images of all classes together, as many of each, but at
        most half of a class
    `UserError` if more than half of a domain would be held out.
    """
    if source.layout == "parquet":
        raise UserError(f"data.hold_out: {source.root} holds Parquet tables; make tables of validation images (val-*.parquet) in its place")
    a = _chosen(source, "a", count)
    b = a if source.b is source.a or source.paired else _chosen(source, "b", count)
    return _part(source, a, b, held_out=False), _part(source, a, b, held_out=True)


def _part(source: Source, a: set[int], b: set[int], held_out: bool) -> Source:
    """The images of a source at the given places of each domain, if they are `held_out`; else those at all other places."""

    own = _kept(source.a, a, held_out)
    masks = {domain: _kept(masks, a if domain == "a" else b, held_out) for domain, masks in source.masks.items()}
    return replace(source, a=own, b=own if source.b is source.a else _kept(source.b, b, held_out), masks=masks, held_out=held_out)


def _kept(keys: Sequence[str], chosen: set[int], held_out: bool) -> Keys:
    return Keys.of(key for place, key in enumerate(keys) if (place in chosen) is held_out)


def _chosen(source: Source, domain: str, count: int) -> set[int]:
    """The places of the images of a domain that are held out."""
    total = len(source.keys(domain))
    if 2 * count > total:
        raise UserError(
            f"data.hold_out: {count} of the {total} images of domain {domain.upper()} of {source.root} are more than half; hold out fewer, "
            "or add images"
        )
    groups = _by_class(source) if source.classes else [range(total)]
    each = max(1, count // len(groups))
    chosen = [nsmallest(min(each, len(group) // 2), group, key=lambda place: _rank(source, domain, place)) for group in groups]
    return {place for group in chosen for place in group}


def _by_class(source: Source) -> list[Sequence[int]]:
    places: dict[str, list[int]] = {name: [] for name in source.classes}
    for place in range(len(source.a)):
        places[source.label(place)].append(place)
    return list(places.values())


def _rank(source: Source, domain: str, place: int) -> bytes:
    name = stem(source.below(domain, place))
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
