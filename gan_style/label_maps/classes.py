"""The classes of the task score: found in the label maps that a segmenter is trained on, and read as class numbers.

A run finds its classes by `datasets.class_colours`, which serves another purpose: a network encodes every colour, so each counts, however
rare, and too many are a mistake; with `labels: nearest` the pixels of training and translation change to the classes' colours. A
segmenter changes no pixel. It needs classes that cover most pixels, so it leaves rare and blended colours out of maps that were saved with
loss, and its scores compare with earlier ones only as long as `find_classes` stays as it is.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from gan_style.errors import UserError
from gan_style.label_maps.colours import distinct, flat_areas

Colour = tuple[int, int, int]

MAX_CLASSES = 256
IGNORED = -1  # the class number of pixels that do not count
_UNKNOWN = -2
# Among more than MAX_CLASSES colours, of 0 to 255 a channel:
_CLOSE = 40.0  # colours nearer than this to a more frequent one are noise of it
_RARE = 2e-4  # a colour with a smaller share of all flat pixels is the rest of an edge
_BINS = 1 << 18


class Classes:
    """The classes of a data set. Class k has `colours[k]`. A pixel whose colour is nearest to one of `ignored` has no class."""

    def __init__(self, colours: Sequence[Colour], ignored: Sequence[Colour] = ()) -> None:
        self.colours, self.ignored = tuple(colours), tuple(ignored)
        self._table = np.full(1 << 24, _UNKNOWN, np.int16)  # colour -> class, filled as colours occur

    def __len__(self) -> int:
        return len(self.colours)

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Convert [H, W, 3] uint8 to classes [H, W] int16: the class of the nearest colour, or IGNORED."""
        codes = _codes(pixels)
        found = self._table[codes]
        if len(new := np.unique(codes[found == _UNKNOWN])):
            known = np.array([*self.colours, *self.ignored], np.int64)
            distances = np.stack([np.square(_colours(new) - colour).sum(axis=1) for colour in known], axis=1)
            nearest = distances.argmin(axis=1)
            self._table[new] = np.where(nearest < len(self.colours), nearest, IGNORED)
            found = self._table[codes]
        return found.reshape(pixels.shape[:2])


def find_classes(maps: Iterable[np.ndarray], ignored: Sequence[Colour] = ()) -> Classes:
    """Find the classes of label maps [H, W, 3] uint8, the most frequent first.

    With at most 256 colours, each colour is a class, however rare. More colours mean that JPEG or scaling blended the edges: then the
    classes are the colours of flat areas that are neither rare nor close to a more frequent colour.
    """
    exact: dict[int, int] = {}  # colour -> pixels, as long as there are few
    counts, sums = np.zeros(_BINS, np.int64), np.zeros((3, _BINS))  # of flat areas, by colour with 6 bits a channel
    for pixels in maps:
        if len(exact) <= MAX_CLASSES:
            for code, count in zip(*distinct(_codes(pixels)), strict=True):
                exact[int(code)] = exact.get(int(code), 0) + int(count)
        flat = pixels[flat_areas(pixels)]
        places = _codes(flat >> 2, 6)
        counts += np.bincount(places, minlength=_BINS)
        sums += [np.bincount(places, flat[:, channel], _BINS) for channel in range(3)]
    if len(exact) <= MAX_CLASSES:
        codes = sorted(exact, key=lambda code: (-exact[code], code))
        found = [colour for code in codes if (colour := (code >> 16, code >> 8 & 255, code & 255)) not in ignored]
    else:
        found = []
        for place in np.argsort(-counts, kind="stable")[: int((counts >= max(1, _RARE * counts.sum())).sum())]:
            colour: Colour = tuple(round(total / counts[place]) for total in sums[:, place])  # type: ignore[assignment] - three of them
            if not any(is_close(colour, other) for other in (*ignored, *found)):
                found.append(colour)
    if not 2 <= len(found) <= MAX_CLASSES:
        many = len(exact) if len(exact) <= MAX_CLASSES else f"more than {MAX_CLASSES}"
        raise UserError(
            f"the label maps of the training set have {many} colours, which make {len(found)} classes and not 2 to {MAX_CLASSES}: "
            "are they label maps? --direction says which domain is translated"
        )
    return Classes(found, ignored)


def is_close(one: Sequence[int], other: Sequence[int]) -> bool:
    """Are two colours so close that one may be noise of the other?"""
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) < _CLOSE**2


def _codes(pixels: np.ndarray, bits: int = 8) -> np.ndarray:
    """Convert colours [..., 3] of `bits` bits a channel to one number each, [N]."""
    wide = pixels.reshape(-1, 3).astype(np.int32)
    return wide[:, 0] << 2 * bits | wide[:, 1] << bits | wide[:, 2]


def _colours(codes: np.ndarray) -> np.ndarray:
    """Convert codes [N] of 8 bits a channel to colours [N, 3]; inverse of `_codes`."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.int64)
