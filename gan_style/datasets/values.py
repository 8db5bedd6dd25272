"""The values of a domain's images: how much of their range they use, and the classes if they are label maps."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.histogram import Histogram
from gan_style.datasets.reading import read_for_crop
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.label_maps.colours import ColourCount, frequent, moved_share, summed, tally, to_nearest
from gan_style.terminal.counted import counted, percent

_LOOKED_AT = 32  # images of a domain, when a training starts
_MIDDLE = 2048  # pixels of a side, in a file that is read in part
MOST = 256  # colours of a label map
_LEAST_USED = 0.1  # a domain that uses a smaller share of its range gets a warning
# Bits -> one of this many values may be an outlier at each end, such as a hot pixel. In 8 bits, fewer may be the lights of a night.
PER_OUTLIER = {8: 100_000, 16: 10_000}
_BINS = 256
_BAND = 2**20  # values that are counted at once
_RUN = 4  # pixels of one colour in a row, on average, in a file that looks like a label map
_SHOWN = 6


@dataclass(frozen=True)
class Values:
    """The values of one image.

    low, high: smallest and largest value, of `depth` bits
    counts: [256], the number of values for each value of their upper 8 bits
    colours: code -> count of each colour if the image is a label map or looks like one, else None
    labels: is the image known to be a label map?
    """

    low: int
    high: int
    depth: int
    channels: int
    counts: np.ndarray = field(compare=False)
    colours: dict[int, ColourCount] | None = None
    labels: bool = True


def values_of(pixels: np.ndarray, labels: bool, guess: bool = True) -> Values:
    """The values of an image [H, W, C], uint8 or uint16.

    labels: the image is known to be a label map
    guess: if it is not known, let the pixels tell whether it looks like one
    """
    depth = 8 * pixels.dtype.itemsize
    colour = pixels[..., : 1 if pixels.shape[2] <= 2 else 3]  # without alpha
    colours = None
    if depth == 8 and (labels or (guess and _looks_labelled(colour))):
        counted = tally(colour)
        colours = counted if len(counted) <= MOST else None
    return Values(int(colour.min()), int(colour.max()), depth, colour.shape[2], _histogram(colour, depth), colours, labels)


def histogram_in(values: Values) -> Histogram:
    """The histogram of one image, to the upper 8 bits."""
    shift = values.depth - 8
    return Histogram(values.low, values.high, values.counts[values.low >> shift : (values.high >> shift) + 1])


def together(parts: Sequence[Values]) -> Values:
    """The values of an image from those of its parts. Neighbours across a border between parts do not count as neighbours."""
    counted = [each.colours for each in parts if each.colours is not None]
    colours = summed(counted) if len(counted) == len(parts) else None
    first = parts[0]
    return Values(
        min(each.low for each in parts),
        max(each.high for each in parts),
        first.depth,
        first.channels,
        sum((each.counts.astype(np.int64) for each in parts), np.zeros(_BINS, np.int64)),
        colours if colours is not None and len(colours) <= MOST else None,
        first.labels,
    )


def glance(source: Source, config: DataConfig, by_class: str | None) -> tuple[list[str], list[str]]:
    """`notes_and_warnings` for some evenly spread images of each domain. by_class: the domain that a network sees class by class"""
    notes, warnings = [], []
    for domain in source.domains:
        if getattr(config, f"domain_{domain}").range is not None:  # measurements: `value_range.describe_values`
            continue
        count = len(source.keys(domain))
        places = spread(count, _LOOKED_AT)
        where = f"domain {domain.upper()}" + (f" ({len(places)} of {count} files)" if len(places) < count else "")
        found, moved = _look(source, config, domain, places)
        more = notes_and_warnings(where, found, domain)
        notes += [*more[0], *([f"{where}: {moved}"] if moved else [])]
        warnings += [line for line in more[1] if domain != by_class or "-bit values" not in line]
    return notes, warnings


def _look(source: Source, config: DataConfig, domain: str, places: Sequence[int]) -> tuple[list[Values], str | None]:
    """Some images of a domain; and what their nearest classes changed, where the domain has `labels: nearest`."""
    settings: DomainConfig = getattr(config, f"domain_{domain}")
    raw = config.model_copy(update={f"domain_{domain}": settings.model_copy(update={"colours": None})})
    found: list[Values] = []
    different, moved, total = set[int](), 0, 0
    for place in places:
        with suppress(UserError):  # reported when training reads the file
            loaded = read_for_crop(source, raw, domain, place)
            pixels = original = _looked_at(loaded.pixels)
            if settings.colours and pixels.dtype == np.uint8:
                pixels = to_nearest(pixels, settings.colours)
                different.update(tally(original[..., : len(settings.colours[0]) // 2]))
                moved += int((pixels != original).any(axis=2).sum())
                total += pixels.shape[0] * pixels.shape[1]
            found.append(values_of(pixels, loaded.labels, guess=settings.labels == "auto"))
    if not settings.colours or not total:
        return found, None
    made = f"{len(settings.colours)} classes of {counted(len(different), 'colour')}"
    return found, f"labels: nearest made {made} and moved {percent(moved / total)} of the pixels"


def _looked_at(pixels: np.ndarray) -> np.ndarray:
    """An image, or the middle of a file that is read in part."""
    if isinstance(pixels, np.ndarray):
        return pixels
    height, width = pixels.shape[:2]
    top, left = max(0, (height - _MIDDLE) // 2), max(0, (width - _MIDDLE) // 2)
    return pixels[top : min(top + _MIDDLE, height), left : min(left + _MIDDLE, width)]


def notes_and_warnings(where: str, found: Sequence[Values], domain: str = "a") -> tuple[list[str], list[str]]:
    """Of the images of domain "a" or "b": (lines worth knowing, warnings). where: what the lines begin with, such as `domain A`."""
    notes, warnings = [], []
    for depth in sorted({each.depth for each in found}):
        alike, top = [each for each in found if each.depth == depth], 2**depth - 1
        extremes, (low, high) = (min(each.low for each in alike), max(each.high for each in alike)), _span(alike, depth)
        if high - low < _LEAST_USED * top:
            outliers = "" if (low, high) == extremes else f" (without outliers, with them {extremes[0]}..{extremes[1]})"
            share = percent((high - low) / top)
            measured = f", or read them as measurements with data.domain_{domain}.range=auto" if depth > 8 else ""
            warnings.append(
                f"{where}: {depth}-bit values {low}..{high}{outliers} use {share} of 0..{top}, so that a network sees nearly nothing; "
                f"spread them over the range{measured} (class numbers: give the files a palette)"
            )
    counted = [each.colours for each in found if each.colours is not None]
    if found and len(counted) == len(found) and any(len(colours) > 1 for colours in counted):  # one colour in each image: no label maps
        counts = summed(counted)
        channels = max(each.channels for each in found)
        if len(counts) > MOST:  # files of few colours each, but not of the same
            return notes, warnings
        key = f"data.domain_{domain}.labels"
        blended = "" if any(each.labels for each in found) else f"; read as pictures, whose colours are blended, unless {key}=yes"
        notes.append(f"{where}: {_classes(counts, channels)}{blended}")
        if noise := _noise(counts, channels, key):
            warnings.append(f"{where}: {noise}")
    return notes, warnings


def _histogram(colour: np.ndarray, depth: int) -> np.ndarray:
    """[256] uint32: how many values have each of the upper 8 bits."""
    values, counts = colour.reshape(-1), np.zeros(_BINS, np.int64)
    for start in range(0, len(values), _BAND):
        counts += np.bincount(values[start : start + _BAND] >> (depth - 8), minlength=_BINS)
    return counts.astype(np.uint32)


def _span(alike: Sequence[Values], depth: int) -> tuple[int, int]:
    """Between which values all but outliers lie, rounded outwards to a bin, but not beyond the least and the greatest."""
    counts = sum((each.counts for each in alike), np.zeros(_BINS, np.int64))
    outliers, width = int(counts.sum()) // PER_OUTLIER[depth], 2**depth // _BINS
    low = int(np.searchsorted(counts.cumsum(), outliers, side="right")) * width
    high = (_BINS - int(np.searchsorted(counts[::-1].cumsum(), outliers, side="right"))) * width - 1
    return max(low, min(each.low for each in alike)), min(high, max(each.high for each in alike))


def _looks_labelled(colour: np.ndarray) -> bool:
    """Is it made of long runs of one colour?"""
    rows = colour.reshape(len(colour), -1, colour.shape[2])
    changes = int((rows[:, 1:] != rows[:, :-1]).any(axis=2).sum())
    return changes * _RUN <= rows.shape[0] * rows.shape[1]


def _classes(counts: dict[int, ColourCount], channels: int) -> str:
    total = sum(each.pixels for each in counts.values())
    order = sorted(counts, key=lambda code: (-counts[code].pixels, code))
    named = ", ".join(f"{_colour(code, channels)} {percent(counts[code].pixels / total)}" for code in order[:_SHOWN])
    more = f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else ""
    return f"{len(order)} class{'es' if len(order) != 1 else ''} by colour: {named}{more}"


def _noise(counts: dict[int, ColourCount], channels: int, key: str) -> str | None:
    """The colours that are probably no classes, as JPEG and blended edges make them, and what `labels: nearest` would do."""
    total = sum(each.pixels for each in counts.values())
    kept = frequent(counts, channels)
    odd = sorted(set(counts) - set(kept), key=lambda code: (-counts[code].pixels, code))
    if not odd or not kept:
        return None
    named = ", ".join(f"{_colour(code, channels)} {percent(counts[code].pixels / total)}" for code in odd[:_SHOWN])
    return (
        f"{len(odd)} of {len(counts)} classes have no areas of their own ({named}{', ...' if len(odd) > _SHOWN else ''}); "
        f"if JPEG or blended edges made them, set {key}=nearest, which leaves {len(kept)} and moves "
        f"{percent(moved_share(counts, kept))} of the pixels, or save label maps as PNG"
    )


def _colour(code: int, channels: int) -> str:
    return f"#{code:0{2 * channels}x}"
