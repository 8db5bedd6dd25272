"""The strips or tiles of a TIFF's page: where they lie, and the decoding of those that a region touches.

A strip or tile is decoded as a whole, and no two are decoded at the same time. Decoded ones are kept up to a number of bytes.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gan_style.files.bounded import MAX_BYTES, Encoded, check_scans
from gan_style.files.tiff_samples import JPEG

if TYPE_CHECKING:
    from tifffile import TiffPage

_RAW = 1  # the compression of samples that are not compressed
_DIVIDED = 2**20  # bytes: a raw strip of more is read in pieces


class Parts:
    """The parts of a page, which are its strips or its tiles.

    shape: height, width and bands as stored
    tall, wide: of a part
    planes: 1, or the number of bands if each band has parts of its own
    """

    def __init__(self, page: "TiffPage", stream: IO[bytes], path: Path | Encoded, kept_bytes: int = 0, divide: bool = False) -> None:
        """kept_bytes: most bytes of decoded parts that are kept; divide: read raw strips by rows, so that a strip may be of any size"""
        self._page, self._stream, self._path = page, stream, path
        self.shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        self.planes = self.shape[2] if page.planarconfig == 2 else 1
        self.tall, self.wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, self.shape[1])
        if min(*self.shape, self.tall, self.wide) < 1:
            raise ValueError(f"{self.shape[1]} x {self.shape[0]} pixels in parts of {self.wide} x {self.tall}")
        self._strip, self._row_bytes = self.tall, 0  # rows of a strip in the file, of which `tall` may be a part; bytes of a raw row
        if divide and not page.is_tiled and page.compression == _RAW:
            self._divide()
        self._kept_bytes, self._kept_now = kept_bytes, 0
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()  # the one that was used last is the last

    @property
    def down(self) -> int:
        """Rows of parts."""
        return -(-self.shape[0] // self.tall)

    @property
    def across(self) -> int:
        """Columns of parts."""
        return -(-self.shape[1] // self.wide)

    def check_index(self) -> None:
        """`ValueError` if the file does not say where all parts lie."""
        count = -(-self.shape[0] // self._strip) * self.across * self.planes
        known = min(len(self._page.dataoffsets), len(self._page.databytecounts))
        if known < count:
            raise ValueError(f"{known} of its {count} parts")

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """[height, width, bands] of bool, uint8 or uint16 as stored. The array may be read-only. Tiles without bytes are 0."""
        self.check_index()
        if sum(self._place(index)[1] for index, *_ in self._touched(top, left, height, width)) > 2 * MAX_BYTES:
            raise ValueError("its parts are larger than the file")  # they may overlap, but not without end
        region = None
        for index, y, x, bands in self._touched(top, left, height, width):
            part = self._part(index)
            if part is None:
                continue
            cut = part[max(top - y, 0) : top + height - y, max(left - x, 0) : left + width - x]
            if cut.shape == (height, width, self.shape[2]):
                return cut
            if region is None:
                region = np.zeros((height, width, self.shape[2]), part.dtype)
            down, across = max(y - top, 0), max(x - left, 0)
            region[down : down + cut.shape[0], across : across + cut.shape[1], bands] = cut
        return np.zeros((height, width, self.shape[2]), self._page.dtype) if region is None else region

    def _touched(self, top: int, left: int, height: int, width: int) -> Iterator[tuple[int, int, int, slice]]:
        """The parts that a region touches: number, row and column of the corner, bands."""
        for plane in range(self.planes):
            bands = slice(plane, plane + 1) if self.planes > 1 else slice(None)
            for row in range(top // self.tall, -(-(top + height) // self.tall)):
                for column in range(left // self.wide, -(-(left + width) // self.wide)):
                    yield (plane * self.down + row) * self.across + column, row * self.tall, column * self.wide, bands

    def _part(self, index: int) -> np.ndarray | None:
        """[h, w, bands] of a part, without the padding of a tile; None if the part has no bytes."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        part = self._decoded(index)
        if part is None or part.nbytes > self._kept_bytes:
            return part
        part.flags.writeable = False  # regions are views of it
        self._kept[index] = part
        self._kept_now += part.nbytes
        while self._kept_now > self._kept_bytes:
            self._kept_now -= self._kept.popitem(last=False)[1].nbytes
        return part

    def _decoded(self, index: int) -> np.ndarray | None:
        page = self._page
        offset, size = self._place(index)
        if not size and page.is_tiled:
            return None  # GDAL leaves out tiles of zeros
        options: dict[str, Any] = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression == JPEG else {}
        encoded = self._encoded(offset, size)
        decoded, (_, _, top, left, _), _ = page.decode(encoded, index, **options)
        if decoded is None:
            raise ValueError(f"nothing in part {index + 1}")
        return decoded[0, : self.shape[0] - top, : self.shape[1] - left]

    def _encoded(self, offset: int, size: int) -> bytes:
        """The bytes of a part."""
        self._stream.seek(offset)
        encoded = self._stream.read(size)
        if not size or len(encoded) < size:
            raise ValueError(f"{len(encoded)} bytes where {size or 'some'} should be")
        if self._page.compression == JPEG:
            _check_jpeg(self._path, encoded, self._page.jpegtables, self.tall, self.wide)
        return encoded

    def _place(self, index: int) -> tuple[int, int]:
        """The offset and the size of a part in the file."""
        offsets, sizes = self._page.dataoffsets, self._page.databytecounts
        if self.tall == self._strip:
            return offsets[index], sizes[index]
        plane, piece = divmod(index, self.down)
        strip, row = divmod(piece * self.tall, self._strip)
        strip += plane * -(-self.shape[0] // self._strip)
        before = row * self._row_bytes
        rows = min(self.tall, self.shape[0] - piece * self.tall)
        if before + rows * self._row_bytes > sizes[strip]:
            raise ValueError(f"{sizes[strip]} bytes where {before + rows * self._row_bytes} should be")
        return offsets[strip] + before, rows * self._row_bytes

    def _divide(self) -> None:
        """Let parts be pieces of strips: as many rows as `_DIVIDED` bytes hold and as divide a strip evenly."""
        page = self._page
        self._row_bytes = -(-self.shape[1] * (self.shape[2] if self.planes == 1 else 1) * page.bitspersample // 8)
        if self._strip * self._row_bytes <= _DIVIDED:
            return
        rows = max(1, _DIVIDED // self._row_bytes)
        if self._strip < self.shape[0]:
            rows = next(fewer for fewer in range(rows, 0, -1) if self._strip % fewer == 0)
        page.rowsperstrip = self.tall = rows  # tifffile decodes what it takes for a strip


def _check_jpeg(path: Path | Encoded, data: bytes, tables: bytes | None, tall: int, wide: int) -> None:
    """Refuse a JPEG that claims a larger size than its strip or tile: only the size of the strip or tile has been checked."""
    if tables and _jpeg_size(tables):
        raise ValueError("a picture in the place of JPEG tables")
    size = _jpeg_size(data)
    if not size or size[0] > tall or size[1] > wide:
        raise ValueError(f"a JPEG that is not of {wide} x {tall} pixels")
    check_scans(path, size[1], size[0], data.count(b"\xff\xda"))


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) that a JPEG claims; None if it holds no frame. `ValueError` for bytes between its segments.

    This is stricter than a decoder, which would skip such bytes and find another frame.
    """
    place = 2
    while place + 9 <= len(data):
        marker = data[place + 1]
        if data[place] != 0xFF:
            raise ValueError("a JPEG with bytes between its segments")
        if marker in (0xD9, 0xDA):
            return None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[place + 5 : place + 7], "big"), int.from_bytes(data[place + 7 : place + 9], "big")
        place += 1 if marker == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
