"""The interface of pictures that are read region by region, whatever they are stored in."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gan_style.files.bounded import Encoded
from gan_style.files.tiff_metadata import NO_METADATA, Metadata


class RegionReader(ABC):
    """An open picture. `read` gives any region of it; leaving the `with` block closes the file. Several threads may read.

    path:         of the file, for messages
    height, width: of the upright picture, in pixels
    channels:     of the regions: 1 (gray), 2 (gray + alpha), 3 (RGB) or 4 (RGB + alpha)
    depth:        bits of a value: 8 or 16; of a reader of stored values also 32 and 64
    alpha:        the file has alpha and `channels` has no place for it; `read_alpha` gives it
    labels:       the file has a palette, as label maps have
    orientation:  EXIF's, 1 to 8; regions are already upright
    metadata:     what a writer can carry over
    """

    def __init__(
        self,
        path: Path | Encoded,
        size: tuple[int, int],
        channels: int,
        depth: int,
        alpha: bool = False,
        labels: bool = False,
        orientation: int = 1,
        metadata: Metadata = NO_METADATA,
    ) -> None:
        """size: height, width"""
        self.path = path
        self.height, self.width = size
        self.channels, self.depth, self.alpha, self.labels = channels, depth, alpha, labels
        self.orientation, self.metadata = orientation, metadata
        self._lock = threading.Lock()

    @property
    def dots_per_inch(self) -> tuple[float, float] | None:
        """Across and down of the upright picture; None if the file does not say."""
        return self.metadata.dots_per_inch

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """[height, width, channels] of uint8 or uint16, or of stored values: what `images.read` gives, cut.

        `UserError` if the file is damaged there. `ValueError` if the region does not lie in the picture.
        """
        return self._cut(top, left, height, width)[0]

    def parts(self, side: int) -> Iterator[np.ndarray]:
        """The whole picture in regions of `side` pixels a side or less, row by row."""
        for top in range(0, self.height, side):
            for left in range(0, self.width, side):
                yield self.read(top, left, min(side, self.height - top), min(side, self.width - left))

    def read_alpha(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """[height, width] in the type of the pixels; None unless `alpha`."""
        return self._cut(top, left, height, width)[1] if self.alpha else None

    @abstractmethod
    def close(self) -> None:
        """Close the file. A closed reader cannot be read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _cut(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        inside = 0 <= top < top + height <= self.height and 0 <= left < left + width <= self.width
        if not inside:
            raise ValueError(f"{height} x {width} pixels at {top}, {left} of a picture of {self.height} x {self.width}")
        with self._lock:
            pixels, alpha = self._region(top, left, height, width)
        return _own(pixels), None if alpha is None else _own(alpha)

    @abstractmethod
    def _region(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The pixels of a region [height, width, channels], and its alpha [height, width] if `alpha`. One thread at a time calls it."""


def _own(pixels: np.ndarray) -> np.ndarray:
    """`pixels` in an array that the caller may change: not a part of a larger one."""
    whole = pixels.base is None and pixels.flags.writeable and pixels.flags.c_contiguous
    return pixels if whole else pixels.copy()
