"""Label maps by their colours: how often each occurs, which of them are classes, and the nearest class of a pixel."""

from collections.abc import Sequence

import numpy as np

_ALIKE = 8  # largest difference of neighbours in a flat area, of 0 to 255
_CLOSE = 40.0  # a colour nearer than this to a more frequent one may be noise of it
_FEW = 0.25  # of the more frequent one's pixels: noise, if it is close
_RARE = 1e-3  # of all flat pixels: what is left of an edge


def tally(pixels: np.ndarray) -> dict[int, tuple[int, int]]:
    """Colours [H, W, C] uint8 -> how many pixels each has, and how many of them much like all their neighbours, as inside an area."""
    codes = np.zeros(pixels.shape[:2], np.uint32)
    for channel in range(pixels.shape[2]):
        codes = codes << np.uint32(8) | pixels[..., channel]
    different, places = np.unique(codes, return_inverse=True)
    counts = np.bincount(places.ravel(), minlength=len(different))
    flats = np.bincount(places.ravel(), weights=flat_areas(pixels).ravel(), minlength=len(different)).astype(np.int64)
    return {code: (count, flat) for code, count, flat in zip(different.tolist(), counts.tolist(), flats.tolist(), strict=True)}


def frequent(counts: dict[int, tuple[int, int]], channels: int) -> list[int]:
    """The colours that are classes, the most frequent first: neither rare in flat areas, nor close to a class and much rarer than it."""
    total = sum(flat for _, flat in counts.values())
    order = sorted(counts, key=lambda code: (-counts[code][1], code))
    found: list[int] = []
    for code in order:
        flat = counts[code][1]
        if found and flat < max(1, _RARE * total):
            break
        if all(_distance(code, other, channels) >= _CLOSE or flat >= _FEW * counts[other][1] for other in found):
            found.append(code)
    return found


def nearest(pixels: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """A label map [H, W, C] uint8 with each pixel in the nearest of the colours; further channels stay as they are."""
    known = np.array([list(bytes.fromhex(colour[1:])) for colour in colours], np.int64)  # [K, c]
    channels = known.shape[1]
    flat = pixels[..., :channels].reshape(-1, channels)
    different, places = np.unique(flat, axis=0, return_inverse=True)
    distances = np.square(different[:, None].astype(np.int64) - known).sum(axis=2)  # of equally near ones the first
    result = pixels.copy()
    result[..., :channels] = known.astype(np.uint8)[distances.argmin(axis=1)][places.ravel()].reshape(*pixels.shape[:2], channels)
    return result


def flat_areas(pixels: np.ndarray) -> np.ndarray:
    """[H, W, C] -> [H, W]: is a pixel much like its four neighbours, as the inside of an area is and a blended edge is not?"""
    wide = pixels.astype(np.int16)
    flat = np.ones(pixels.shape[:2], bool)
    for axis in (0, 1):
        like = (np.abs(np.diff(wide, axis=axis)) <= _ALIKE).all(axis=2)
        before, after = (slice(None, -1), slice(1, None)) if axis == 0 else ((slice(None), slice(None, -1)), (slice(None), slice(1, None)))
        flat[before] &= like
        flat[after] &= like
    return flat


def _distance(one: int, other: int, channels: int) -> float:
    shifts = range(0, 8 * channels, 8)
    return sum(((one >> shift & 255) - (other >> shift & 255)) ** 2 for shift in shifts) ** 0.5
