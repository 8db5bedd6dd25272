"""Arrays of NumPy: .npy, and .npz with one array. Nothing is unpickled."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded
from gan_style.files.formats.arrays import ArrayFormat, Stored, axes_of, numeric, read_exactly
from gan_style.files.formats.format import File
from gan_style.files.tiff_metadata import Metadata

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000  # bytes of an array's header, as NumPy itself bounds them
_MAX_INDEX = 2**16  # bytes of the list of an archive's members; each becomes an object of half a kilobyte
_END = b"PK\5\6"  # of a zip archive
_END_64 = b"PK\6\7"


class NumpyFormat(ArrayFormat):
    called = "an array of NumPy"
    written = frozenset({".npy"})

    def claims(self, file: File) -> bool:
        return file.beginning.startswith(_MAGIC) or (file.name.endswith(".npz") and file.beginning.startswith(b"PK"))

    def stored(self, file: File) -> Stored:
        if file.beginning.startswith(_MAGIC):
            return _Array(file.path, lambda: file.stream, seekable=True)
        return _member(file)

    def encode(self, path: Path, pixels: np.ndarray, metadata: Metadata, png_compression: int) -> bytes:
        stream = BytesIO()
        np.lib.format.write_array(stream, np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), allow_pickle=False)
        return stream.getvalue()


class _Array(Stored):
    """An array in NumPy's format. again: the open stream at its beginning; seekable: it can be read from any place."""

    def __init__(self, path: Path | Encoded, again: Callable[[], IO[bytes]], seekable: bool) -> None:
        self._stream = again()
        shape, fortran, dtype = _header(self._stream)
        numeric(path, dtype)
        size, channels, self._first = axes_of(path, shape)
        self._shape, self._fortran, self._as_stored, self._offset = shape, fortran, dtype, self._stream.tell()
        self._seekable = seekable
        super().__init__(size, channels, dtype, by_regions=seekable and not fortran and not self._first)

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        if self.by_regions:
            row = self.width * self.channels * self._as_stored.itemsize
            self._stream.seek(self._offset + top * row)
            values = np.frombuffer(read_exactly(self._stream, height * row), self._as_stored)
            return values.reshape(height, self.width, self.channels)[:, left : left + width]
        if self._seekable:
            self._stream.seek(self._offset)
        count = self.height * self.width * self.channels
        values = np.frombuffer(read_exactly(self._stream, count * self._as_stored.itemsize), self._as_stored)
        values = values.reshape(self._shape, order="F" if self._fortran else "C")
        values = values.transpose(1, 2, 0) if self._first else values.reshape(self.height, self.width, self.channels)
        return values[top : top + height, left : left + width]

    def close(self) -> None:
        if not self._seekable:
            self._stream.close()


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether the first axis varies fastest, type)."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version[0]}.{version[1]} of NumPy's format")
    return read(stream, max_header_size=_MAX_HEADER)


def _member(file: File) -> Stored:
    """The only array of an archive."""
    _check_index(file.stream)
    with zipfile.ZipFile(file.stream) as archive:
        members = archive.infolist()
        if len(members) != 1:
            names = ", ".join(member.filename.removesuffix(".npy")[:40] for member in members[:4])
            raise UserError(f"{file.path}: holds {len(members)} arrays ({names}); save the one that is the picture as .npy")
        if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # LZMA takes the memory that a file asks for
            raise ValueError(f"an archive with the compression {members[0].compress_type}")
        return _Array(file.path, lambda: archive.open(members[0]), seekable=False)


def _check_index(stream: IO[bytes]) -> None:
    """`ValueError` for an archive whose list of members is long: it would be read as a whole."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 2**16 - 22))
    end = stream.read()
    stream.seek(0)
    place = end.rfind(_END)
    if place < 0 or end.rfind(_END_64, 0, place) >= 0:
        raise ValueError("an archive without an end, or one of more than 4 GB")
    if (listed := int.from_bytes(end[place + 12 : place + 16], "little")) > _MAX_INDEX:
        raise ValueError(f"a list of members of {listed} bytes")
