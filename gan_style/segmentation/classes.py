"""The classes of label maps, by their colours."""

from collections.abc import Iterable, Sequence

import numpy as np

from gan_style.errors import UserError

Colour = tuple[int, int, int]

MAX_CLASSES = 256
IGNORED = -1  # the class of pixels that do not count
_UNKNOWN = -2
_CLOSE = 40.0  # colours nearer than this (of 0 to 255 a channel) to a more frequent one are blends of it
_RARE = 2e-4  # share of all pixels under which a colour among more than MAX_CLASSES is a blend, too


class Classes:
    """Class k has `colours[k]`; pixels whose colour is nearest to one of `ignored` count nowhere."""

    def __init__(self, colours: Sequence[Colour], ignored: Sequence[Colour] = ()) -> None:
        self.colours, self.ignored = tuple(colours), tuple(ignored)
        self._table = np.full(1 << 24, _UNKNOWN, np.int16)  # colour -> class, as far as colours have been met

    def __len__(self) -> int:
        return len(self.colours)

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 -> classes [H, W] int16: each pixel that of the nearest colour, or IGNORED."""
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
    """The classes of label maps [H, W, 3] uint8, the most frequent first.

    Where there are at most 256 colours each of them is a class, however rare. Where there are more the edges were blended, by JPEG or
    by scaling: then a colour is a class if it is neither rare nor close to a more frequent one.
    """
    counts: dict[int, int] = {}
    for pixels in maps:
        for code, count in zip(*_tally(_codes(pixels)), strict=True):
            counts[int(code)] = counts.get(int(code), 0) + int(count)
    codes = sorted(counts, key=lambda code: (-counts[code], code))
    total = sum(counts.values())
    found: list[Colour] = []
    for code in codes:
        colour = (code >> 16, code >> 8 & 255, code & 255)
        if len(codes) <= MAX_CLASSES:
            if colour not in ignored:
                found.append(colour)
        elif counts[code] < _RARE * total:
            break
        elif all(_distance(colour, other) >= _CLOSE for other in (*ignored, *found)):
            found.append(colour)
    if not 2 <= len(found) <= MAX_CLASSES:
        raise UserError(
            f"the label maps of the training set have {len(codes)} colours, which make {len(found)} classes and not 2 to {MAX_CLASSES}: "
            "are they label maps? --direction says which domain is translated"
        )
    return Classes(found, ignored)


def _tally(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different codes and how often each occurs: by runs, of which label maps have few."""
    ends = np.append(np.flatnonzero(codes[1:] != codes[:-1]), len(codes) - 1)
    lengths = np.diff(ends, prepend=-1)
    different, places = np.unique(codes[ends], return_inverse=True)
    return different, np.bincount(places, weights=lengths).astype(np.int64)


def _distance(one: Colour, other: Colour) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5


def _codes(pixels: np.ndarray) -> np.ndarray:
    """[H, W, 3] -> one number for each pixel's colour, [H W]."""
    wide = pixels.reshape(-1, 3).astype(np.int32)
    return wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]


def _colours(codes: np.ndarray) -> np.ndarray:
    """[N] -> [N, 3], the inverse of `_codes`."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.int64)
