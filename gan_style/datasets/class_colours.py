"""Finding the classes of a run's label maps: their colours.

`find_colours` finds every colour of maps that were saved without loss, `find_frequent` the classes of maps for `labels: nearest`. The
classes of the task score are found by `label_maps.classes`, which says why.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gan_style.config.schema import DataConfig
from gan_style.datasets.reading import read_domain
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.label_maps.colours import ColourCount, add, distinct, frequent, inside_share, packed, tally
from gan_style.terminal.progress import Progress

MOST = 256
_AT_ONCE = 64  # files that are read at once
SURVEYED = 3000  # label maps, evenly spread over a set, in which colours are counted
_LIMIT = 2**20  # most colours that are counted separately
_LEAST_INSIDE = 0.05  # smallest share of a label map's pixels inside areas of a class


def are_label_maps(source: Source, config: DataConfig, domain: str) -> bool:
    """Are the images of domain "a" or "b" label maps? The first image decides."""
    return read_domain(source, config, domain, 0).labels


def find_colours(source: Source, config: DataConfig, domain: str, channels: int) -> list[str]:
    """All colours in the label maps of domain "a" or "b", sorted, as "#" and two digits for each of the first `channels` channels.

    `UserError` names a file that is not a label map, or the file at which there are more than MOST colours.
    """
    found: set[int] = set()
    count = len(source.keys(domain))
    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads,
        Progress("reading the classes' colours", "files", count, brief=True) as progress,
    ):
        for first in range(0, count, _AT_ONCE):
            part = range(first, min(count, first + _AT_ONCE))
            for index, codes in zip(part, threads.map(lambda index: _codes(source, config, domain, index, channels), part), strict=True):
                if len(codes) <= MOST:
                    found.update(codes.tolist())
                if max(len(codes), len(found)) > MOST:
                    raise UserError(
                        f"{source.name(domain, index)}: with it the label maps have more than {MOST} colours; store them without loss "
                        "(PNG), name the classes in method.labels.colours, or set method.labels.one_hot=false"
                    )
                progress.update()
    return [f"#{code:0{2 * channels}x}" for code in sorted(found)]


def _codes(source: Source, config: DataConfig, domain: str, index: int, channels: int) -> np.ndarray:
    """The distinct colours of one label map, each as one number."""
    loaded = read_domain(source, config, domain, index)
    settings = f"data.domain_{domain}.labels"
    if not loaded.labels:
        raise UserError(f"{loaded.file}: has no palette, but the first file has: are they label maps? Set {settings}=yes, or no")
    if loaded.pixels.dtype != np.uint8:
        raise UserError(f"{loaded.file}: has 16 bits; label maps need 8: save it as a palette PNG, or set method.labels.one_hot=false")
    return distinct(packed(loaded.pixels, channels).ravel())[0]


def find_frequent(source: Source, config: DataConfig, domain: str) -> list[str]:
    """The classes of noisy label maps, such as JPEG: colours that fill areas and are not noise of others, as from `find_colours`.

    `UserError` if the images are not label maps: they have 16 bits, fewer than two classes, or more than MOST classes.
    """
    channels = (config.domain_a if domain == "a" else config.domain_b).channels
    channels -= channels in (2, 4)  # alpha is not a colour
    count, settings = len(source.keys(domain)), f"data.domain_{domain}.labels"
    counts: dict[int, ColourCount] = {}
    for place in spread(count, SURVEYED):
        loaded = read_domain(source, config, domain, place)
        if loaded.pixels.dtype != np.uint8:
            raise UserError(f"{loaded.file}: has 16 bits; label maps need 8: save it as PNG of 8 bits")
        add(counts, tally(loaded.pixels[..., :channels]))
        if len(counts) > _LIMIT:
            raise UserError(f"{loaded.file}: with it the label maps have more than {_LIMIT} colours: set {settings}=no")
    found = frequent(counts, channels)
    if len(found) > MOST:
        raise UserError(f"{settings}: nearest finds {len(found)} classes, more than {MOST}: are they label maps? Set it to no")
    if len(found) < 2 or inside_share(counts, found) < _LEAST_INSIDE:
        why = f"{len(found)} class{'es' * (len(found) != 1)}" if len(found) < 2 else "hardly an area of one colour"
        raise UserError(
            f"{settings}: nearest finds {why} in the {count} images of domain {domain.upper()}, such as {source.name(domain, 0)}, "
            "which are no label maps then; set it to no, or list the classes in "
            f"data.domain_{domain}.colours"
        )
    return [f"#{code:0{2 * channels}x}" for code in sorted(found)]
