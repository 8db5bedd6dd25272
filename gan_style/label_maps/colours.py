"""The colours of label maps: how often each occurs, which ones are classes, and the nearest class of a pixel.

A colour is a number here: the bytes of its channels, of which there may be one to four. `classes` reads maps of three channels as class
numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

_ALIKE = 8  # largest difference of neighbours in a flat area, of 0 to 255
_CLOSE = 40.0  # a colour nearer than this to a more frequent one may be noise of it
_FEW = 0.25  # a close colour with a smaller share of the more frequent one's pixels is noise
_RARE = 1e-3  # a colour with a smaller share of all flat pixels is the rest of an edge
_BAND = 4096  # colours that are compared with all classes at once
_OWN = 0.1  # smallest share of a colour's pixels inside areas of this colour alone


class ColourCount(NamedTuple):
    """Counts for one colour: its pixels, those that are similar to all their neighbours, and those that equal all their neighbours."""

    pixels: int
    flat: int
    inside: int

    @property
    def own(self) -> bool:
        """Does the colour fill areas, as a class does and noise does not?"""
        return self.inside >= max(1.0, _OWN * self.pixels)


def packed(pixels: np.ndarray, channels: int) -> np.ndarray:
    """The codes [...] uint32 of colours [..., C] uint8: the bytes of the first `channels` channels as one number."""
    codes = np.zeros(pixels.shape[:-1], np.uint32)
    for channel in range(channels):
        codes = codes << np.uint32(8) | pixels[..., channel]
    return codes


def distinct(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sorted distinct values of [N], N >= 1, and the number of times each occurs.

    Label maps are mostly runs of one colour: sorting the runs is much faster than sorting the pixels.
    """
    ends = np.append(np.flatnonzero(codes[1:] != codes[:-1]), len(codes) - 1)
    lengths = np.diff(ends, prepend=-1)
    different, places = np.unique(codes[ends], return_inverse=True)
    return different, np.bincount(places, weights=lengths).astype(np.int64)


def tally(pixels: np.ndarray) -> dict[int, ColourCount]:
    """Count the colours of [H, W, C] uint8 by their codes."""
    codes = packed(pixels, pixels.shape[2])
    different, places = np.unique(codes, return_inverse=True)
    areas = (np.ones(codes.shape, bool), flat_areas(pixels), flat_areas(pixels, 0))
    counts = [np.bincount(places.ravel(), area.ravel(), len(different)).astype(np.int64).tolist() for area in areas]
    return {code: ColourCount(*each) for code, *each in zip(different.tolist(), *counts, strict=True)}


def add(sums: dict[int, ColourCount], part: Mapping[int, ColourCount]) -> None:
    """Add the counts of `part` to `sums`."""
    for code, each in part.items():
        before = sums.get(code)
        sums[code] = each if before is None else ColourCount(*(a + b for a, b in zip(before, each, strict=True)))


def summed(parts: Iterable[Mapping[int, ColourCount]]) -> dict[int, ColourCount]:
    """The sums of several tallies."""
    sums: dict[int, ColourCount] = {}
    for part in parts:
        add(sums, part)
    return sums


def frequent(counts: Mapping[int, ColourCount], channels: int) -> list[int]:
    """The colours that are classes, the most frequent first.

    A colour that fills areas is a class if most colours close to it fill areas too; noise is spread over many colours that fill none.
    Among noise, a colour is a class if it is not rare in flat areas, and is either far from every other class or nearly as frequent.
    """
    codes = np.array(sorted(counts), np.int64)
    colours, own = _split(codes, channels), np.array([counts[code].own for code in codes.tolist()], bool)
    flats = np.array([counts[code].flat for code in codes.tolist()], np.int64)
    rare = flats < max(1, _RARE * flats.sum())
    likely = np.flatnonzero(~rare | own)
    found: list[int] = []  # places in `codes`
    for place in likely[np.argsort(-flats[likely], kind="stable")].tolist():
        distances = _distances(colours[found], colours[place])
        near = distances < _CLOSE
        distinct = own[place] and (distances > _ALIKE).all() and (flats[place] >= _FEW * flats[found])[near].all()
        if (not rare[place] and (distinct or not near.any())) or (own[place] and not _spread(colours, own, place)):
            found.append(place)
    return codes[found].tolist()


def inside_share(counts: Mapping[int, ColourCount], classes: Sequence[int]) -> float:
    """The share of all pixels, in [0, 1], that lie inside areas of a class: large for a label map, nearly 0 for a photo."""
    return sum(counts[code].inside for code in classes) / sum(each.pixels for each in counts.values())


def moved_share(counts: Mapping[int, ColourCount], classes: Sequence[int]) -> float:
    """The share of all pixels, in [0, 1], whose colour is not a class and which therefore take the nearest class."""
    return 1 - sum(counts[code].pixels for code in classes if code in counts) / sum(each.pixels for each in counts.values())


def to_nearest(pixels: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """Replace each pixel of a label map [H, W, C] uint8 by the nearest of `colours`. Channels beyond the colours' do not change."""
    known = np.array([list(bytes.fromhex(colour[1:])) for colour in colours], np.int64)  # [K, c]
    channels = known.shape[1]
    flat = pixels[..., :channels].reshape(-1, channels)
    different, places = np.unique(flat, axis=0, return_inverse=True)
    closest = np.empty(len(different), np.int64)
    for start in range(0, len(different), _BAND):  # a photo has a million colours
        band = slice(start, start + _BAND)
        distances = np.square(different[band, None].astype(np.int64) - known).sum(axis=2)
        closest[band] = distances.argmin(axis=1)  # the first one of equally near colours
    result = pixels.copy()
    result[..., :channels] = known.astype(np.uint8)[closest][places.ravel()].reshape(*pixels.shape[:2], channels)
    return result


def flat_areas(pixels: np.ndarray, alike: int = _ALIKE) -> np.ndarray:
    """[H, W, C] -> [H, W] bool: does the pixel differ from its four neighbours by at most `alike`? Blended edges do not qualify."""
    wide = pixels.astype(np.int16)
    flat = np.ones(pixels.shape[:2], bool)
    for axis in (0, 1):
        like = (np.abs(np.diff(wide, axis=axis)) <= alike).all(axis=2)
        before, after = (slice(None, -1), slice(1, None)) if axis == 0 else ((slice(None), slice(None, -1)), (slice(None), slice(1, None)))
        flat[before] &= like
        flat[after] &= like
    return flat


def _spread(colours: np.ndarray, own: np.ndarray, place: int) -> bool:
    """Is the colour part of noise? It is if most colours close to it fill no areas."""
    close = _distances(colours, colours[place]) < _CLOSE
    return int((close & ~own).sum()) > int((close & own).sum())


def _split(codes: np.ndarray, channels: int) -> np.ndarray:
    """Convert codes [N] to colours [N, channels]."""
    return np.stack([codes >> shift & 255 for shift in range(8 * (channels - 1), -1, -8)], axis=1)


def _distances(colours: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(colours - colour).sum(axis=1))
