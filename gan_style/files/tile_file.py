"""A scratch file of raw pixels in square tiles, each at a fixed place, in which any region can be written and read again.

Nothing of it stays in memory. A region that is written again has its newest pixels, so work that was cut off can be repeated.
"""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from gan_style.errors import UserError

TILE = 512  # side of a tile, in pixels
_HEAD = 4096  # bytes before the first tile


class TileFile:
    """A picture [height, width, channels] of one type in a file. What was not written is 0.

    resumed: the file was there with the pixels of an earlier process
    """

    def __init__(self, path: Path, height: int, width: int, channels: int, dtype: DTypeLike) -> None:
        """Open `path`; if it holds a picture of another size, or is no such file, make it anew. `UserError` if the disk refuses."""
        self.path, self.height, self.width, self.channels = path, height, width, channels
        self.dtype = np.dtype(dtype)
        self._lock = threading.Lock()  # a seek and what follows belong together
        shape = {"height": height, "width": width, "channels": channels, "type": self.dtype.name, "tile": TILE}
        head = json.dumps(shape).encode().ljust(_HEAD)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._file = path.open("r+b", buffering=0)  # a buffer that a full disk refuses would be refused again on closing
            size = scratch_bytes(height, width, channels, self.dtype)
            self.resumed = os.fstat(self._file.fileno()).st_size == size and self._file.read(_HEAD) == head
            if not self.resumed:
                self._file.truncate(0)
                self._file.truncate(size)
                self._file.seek(0)
                self._put(head)
        except OSError as failure:
            raise self._refused(failure) from failure

    @property
    def tiles(self) -> int:
        """Their number."""
        return -(-self.height // TILE) * -(-self.width // TILE)

    def write(self, top: int, left: int, pixels: np.ndarray) -> None:
        """Put [h, w, channels] at `top`, `left`. `ValueError` if it does not fit there, `UserError` if the disk refuses."""
        self._check(top, left, *pixels.shape[:2])
        if pixels.dtype != self.dtype or pixels.shape[2:] != (self.channels,):
            raise ValueError(f"{pixels.shape} of {pixels.dtype} for {self.channels} channels of {self.dtype}")
        try:
            with self._lock:
                for place, part, region in self._parts(top, left, *pixels.shape[:2]):
                    cut = np.ascontiguousarray(pixels[region])
                    if cut.shape[:2] != (TILE, TILE):
                        tile = self._tile(place)
                        tile[part] = cut
                        cut = tile
                    self._file.seek(place)
                    self._put(cut.data.cast("B"))
        except OSError as failure:
            raise self._refused(failure) from failure

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """[height, width, channels] from `top`, `left`."""
        self._check(top, left, height, width)
        pixels = np.empty((height, width, self.channels), self.dtype)
        try:
            with self._lock:
                for place, part, region in self._parts(top, left, height, width):
                    pixels[region] = self._tile(place)[part]
        except OSError as failure:
            raise UserError(f"{self.path}: cannot be read ({failure.strerror or failure}); remove it and start again") from failure
        return pixels

    def each_tile(self) -> Iterator[np.ndarray]:
        """[TILE, TILE, channels] row by row. Beyond the picture a tile repeats the picture's last row and column."""
        for top in range(0, self.height, TILE):
            for left in range(0, self.width, TILE):
                height, width = min(TILE, self.height - top), min(TILE, self.width - left)
                tile = self.read(top, left, height, width)
                yield np.pad(tile, ((0, TILE - height), (0, TILE - width), (0, 0)), mode="edge")

    def flush(self) -> None:
        """Wait until all that was written is on the disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as failure:
            raise self._refused(failure) from failure

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _put(self, data: bytes | memoryview) -> None:
        """Write at the file's place. A disk that is nearly full takes a part."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def _tile(self, place: int) -> np.ndarray:
        """[TILE, TILE, channels] at a place of the file."""
        tile = np.empty((TILE, TILE, self.channels), self.dtype)
        self._file.seek(place)
        if self._file.readinto(tile.data) < tile.nbytes:
            raise OSError("it was cut short meanwhile")
        return tile

    def _parts(self, top: int, left: int, height: int, width: int) -> Iterator[tuple[int, tuple[slice, slice], tuple[slice, slice]]]:
        """For each tile that a region touches: its place in the file, the part of it that is meant, and that part in the region."""
        across = -(-self.width // TILE)
        size = TILE * TILE * self.channels * self.dtype.itemsize
        for row in range(top // TILE, -(-(top + height) // TILE)):
            for column in range(left // TILE, -(-(left + width) // TILE)):
                y, x = row * TILE, column * TILE
                rows = slice(max(top, y), min(top + height, y + TILE))
                columns = slice(max(left, x), min(left + width, x + TILE))
                part = slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)
                region = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
                yield _HEAD + (row * across + column) * size, part, region

    def _check(self, top: int, left: int, height: int, width: int) -> None:
        if not (0 <= top < top + height <= self.height and 0 <= left < left + width <= self.width):
            raise ValueError(f"{height} x {width} pixels at {top}, {left} of a picture of {self.height} x {self.width}")

    def _refused(self, failure: OSError) -> UserError:
        return UserError(f"{self.path}: cannot be written ({failure.strerror or failure}); free the disk or choose another folder")


def scratch_bytes(height: int, width: int, channels: int, dtype: DTypeLike) -> int:
    """The size of a `TileFile`."""
    return _HEAD + -(-height // TILE) * -(-width // TILE) * TILE * TILE * channels * np.dtype(dtype).itemsize
