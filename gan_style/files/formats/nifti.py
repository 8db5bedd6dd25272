"""NIfTI-1 and NIfTI-2 in one file, also gzipped. nibabel reads the header; the values are read here, as many as are wanted.

A picture's row is the second axis of the array and its column the first: the array is not turned, so that the affine holds for results.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import resolution
from gan_style.files.formats.arrays import MAX_CHANNELS, ArrayFormat, Stored, numeric, read_exactly
from gan_style.files.formats.format import File
from gan_style.files.tiff_metadata import Affine, Metadata

_GZIP = b"\x1f\x8b"
_MAGIC = {348: (344, (b"n+1\0",)), 540: (4, (b"n+2\0",))}  # bytes of a header -> where its magic word is, the words
_MAX_BEFORE = 2**24  # bytes of header extensions
_MM = {"meter": 1000.0, "micron": 0.001}


class NiftiFormat(ArrayFormat):
    called, extra, module = "a medical volume (NIfTI)", "medical", "nibabel"
    written = frozenset({".nii", ".nii.gz"})

    def claims(self, file: File) -> bool:
        if file.name.endswith(".nii.gz"):
            return file.beginning.startswith(_GZIP)
        return any(file.beginning[place : place + 4] in words for place, words in _MAGIC.values())

    def stored(self, file: File) -> Stored:
        import nibabel  # noqa: F401 - whether the extra is there is told before anything about the file

        if file.beginning.startswith(_GZIP):
            return _Volume(file, lambda: gzip.GzipFile(fileobj=file.stream), packed=True)
        return _Volume(file, lambda: file.stream, packed=False)

    def encode(self, path: Path, pixels: np.ndarray, metadata: Metadata, png_compression: int) -> bytes:
        return encoded(path, pixels[:, :, None], metadata)


class _Volume(Stored):
    """packed: the stream is gzipped, and read from its beginning on"""

    def __init__(self, file: File, again: Callable[[], Any], packed: bool) -> None:
        self._stream: IO[bytes] = again()
        header, head_bytes = _header(self._stream)
        shape = tuple(int(side) for side in header.get_data_shape())
        self._as_stored = numeric(file.path, np.dtype(header.get_data_dtype()))
        offset = int(header["vox_offset"])
        if not head_bytes <= offset <= _MAX_BEFORE:
            raise ValueError(f"values that begin at byte {offset}")
        self._path = file.path
        self._offset, self._place, self._packed = offset, head_bytes, packed
        width, height, slices, times, channels = (*shape, 1, 1, 1, 1, 1)[:5]
        if times > 1 or len(shape) > 5 or channels > MAX_CHANNELS:
            sides = " x ".join(map(str, shape))
            raise UserError(f"{file.path}: holds an array of {sides}; pictures have one time: store each time in a file of its own")
        self._scale = _scale(header)
        dtype = self._as_stored if self._scale is None else np.dtype(np.float32)
        self._end = offset + width * height * slices * channels * self._as_stored.itemsize
        affine = _affine(header)
        metadata = Metadata(_dots(affine), affine=affine)
        super().__init__((height, width), channels, dtype, slices, metadata, by_regions=not packed)

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        planes = []
        for channel in range(self.channels):
            row = self.width * self._as_stored.itemsize
            self._go_to(self._offset + ((channel * self.slices + depth) * self.height + top) * row)
            rows = read_exactly(self._stream, height * row)
            self._place += len(rows)
            if self._packed and self._place == self._end:
                self._stream.read(1)  # the checksum of all values stands behind the last one
            planes.append(np.frombuffer(rows, self._as_stored).reshape(height, self.width)[:, left : left + width])
        values = np.stack(planes, axis=2)
        if self._scale is None:
            return values
        slope, intercept = self._scale
        with np.errstate(over="ignore"):  # what float32 does not hold is infinite, which counts as not there
            return (values * np.float64(slope) + intercept).astype(np.float32)

    def _go_to(self, place: int) -> None:
        if not self._packed:
            self._stream.seek(place)
        if self._packed and self._place > place:
            raise UserError(f"{self._path}: is gzipped, and its channels lie one after another; unpack it: gunzip -k FILE")
        while self._packed and self._place < place:  # what is passed over is not kept
            self._place += len(read_exactly(self._stream, min(place - self._place, 2**20)))


def encoded(path: Path, values: np.ndarray, metadata: Metadata) -> bytes:
    """A file of the values [H, W, slices, C]. `UserError` for types that NIfTI does not have."""
    try:
        import nibabel
    except ImportError as failure:
        raise UserError(f"{path}: writing NIfTI needs the package nibabel: pip install 'gan_style[medical]'") from failure

    array = values.transpose(1, 0, 2, 3)
    array = array[:, :, :, 0] if array.shape[3] == 1 else array[:, :, :, None, :]
    image = nibabel.Nifti1Image(array, np.array(metadata.affine or _spacing(metadata)), dtype=array.dtype)  # pyright: ignore[reportPrivateImportUsage]
    image.header.set_xyzt_units("mm")
    if array.ndim == 5:
        image.header.set_intent("vector")
    data = image.to_bytes()
    return gzip.compress(data, 6, mtime=0) if path.name.lower().endswith(".gz") else data


def _spacing(metadata: Metadata) -> Affine:
    """The affine of a picture that says its resolution alone, or nothing."""
    across, down = (25.4 / dots for dots in metadata.dots_per_inch or (25.4, 25.4))
    return ((across, 0.0, 0.0, 0.0), (0.0, down, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def _dots(affine: Affine | None) -> tuple[float, float] | None:
    """Dots per inch across and down, as formats without a place in space say it."""
    steps = [] if affine is None else np.linalg.norm(np.array(affine)[:3, :2], axis=0).tolist()
    return resolution(*(25.4 / step for step in steps)) if steps and min(steps) > 0 else None


def _header(stream: IO[bytes]) -> tuple[Any, int]:
    """The header without its extensions, and its size."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    block = read_exactly(stream, 348)
    if 540 in (int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")):
        block += read_exactly(stream, 540 - 348)
        header = Nifti2Header(block, check=False)
    else:
        header = Nifti1Header(block, check=False)
    place, words = _MAGIC[len(block)]
    if block[place : place + 4] not in words:
        raise ValueError("a header whose values lie in another file")
    return header, len(block)


def _scale(header: Any) -> tuple[float, float] | None:
    """Slope and intercept; None where the values are as stored."""
    slope, intercept = header.get_slope_inter()
    if slope is None or (slope, intercept or 0.0) == (1.0, 0.0):
        return None
    return float(slope), float(intercept or 0.0)


def _affine(header: Any) -> Affine | None:
    """Column, row and slice to millimetres; None if the header gives none, or one that is not finite."""
    affine = np.asarray(header.get_best_affine(), np.float64)
    affine[:3] *= _MM.get(header.get_xyzt_units()[0], 1.0)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        return None
    return tuple(tuple(row) for row in affine.tolist())  # type: ignore[return-value]
