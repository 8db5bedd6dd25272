"""Zarr, versions 2 and 3: folders whose name ends in .zarr with an array, or with an OME-Zarr image, of which the largest level is read.

Chunks are decoded one by one, each into a buffer of the size that it must have: a chunk may claim any size, and the codecs of the zarr
package would believe it. Its filters, one of which unpickles, are refused.
"""

import json
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import resolution
from gan_style.files.formats.arrays import ArrayFormat, Stored, axes_of, numeric
from gan_style.files.formats.format import File
from gan_style.files.kinds import is_store_name
from gan_style.files.opening import open_regular, read_regular
from gan_style.files.tiff_metadata import Metadata

_MAX_JSON = 2**20  # bytes of a file that describes an array
_MAX_CHUNK = 2**27  # bytes of a decoded chunk
_MAX_AXES = 8
_MOST_CHUNKS = 2**16  # of a region; each is a file
_KEPT_BYTES = 2**27  # of decoded chunks
_INCH = 25_400  # micrometres
_PLACE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*")
_UNPACKED = "copy it with zarr.create_array(..., shards=None, compressors=zarr.codecs.ZstdCodec())"


class ZarrFormat(ArrayFormat):
    called = "a Zarr store"
    by_regions = True

    def claims(self, file: File) -> bool:
        return isinstance(file.path, Path) and is_store_name(file.name) and file.path.is_dir()

    def stored(self, file: File) -> Stored:
        root = cast(Path, file.path)
        level, metadata = _largest(root)
        array = _described(level)
        if len(array.shape) > _MAX_AXES or len(array.shape) != len(array.chunks) or min((*array.shape, *array.chunks)) < 1:
            raise ValueError(f"chunks of {array.chunks} in an array of {array.shape}")
        if math.prod(array.chunks) * array.dtype.itemsize > _MAX_CHUNK:
            raise UserError(f"{root}: has chunks of more than {_MAX_CHUNK >> 20} MiB; copy it with smaller ones")
        numeric(root, array.dtype)
        return _Chunks(root, level, array, metadata)


@dataclass(frozen=True)
class _Array:
    """What a store says of an array. name: the file of the chunk at these places; decode: its bytes to those of a whole chunk."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype
    fill: float
    order: str
    name: Callable[[tuple[int, ...]], str]
    decode: Callable[[bytes, bytearray], object]


class _Chunks(Stored):
    def __init__(self, root: Path, folder: Path, array: _Array, metadata: Metadata) -> None:
        last = len(array.shape) - 2
        self._axes = [axis for axis, side in enumerate(array.shape) if axis >= last or side > 1 or len(array.shape) <= 3]
        size, channels, first = axes_of(root, tuple(array.shape[axis] for axis in self._axes))
        self._first, self._folder, self._array = first, folder, array
        self._kept: OrderedDict[tuple[int, ...], np.ndarray] = OrderedDict()
        super().__init__(size, channels, array.dtype, metadata=metadata, by_regions=True)

    def read(self, top: int, left: int, height: int, width: int, depth: int = 0) -> np.ndarray:
        spans = [slice(top, top + height), slice(left, left + width)]
        if len(self._axes) == 3:
            spans.insert(0 if self._first else 2, slice(0, self.channels))
        whole = [slice(0, 1)] * len(self._array.shape)
        for axis, span in zip(self._axes, spans, strict=True):
            whole[axis] = span
        region = np.empty([span.stop - span.start for span in whole], self.dtype)
        for place, inside, within in _touched(whole, self._array.chunks):
            region[within] = self._chunk(place)[inside]
        region = region.reshape([span.stop - span.start for span in spans])
        return region.transpose(1, 2, 0) if self._first else region.reshape(height, width, self.channels)

    def _chunk(self, place: tuple[int, ...]) -> np.ndarray:
        if place in self._kept:
            self._kept.move_to_end(place)
            return self._kept[place]
        array = self._array
        size = math.prod(array.chunks) * array.dtype.itemsize
        path = self._folder / array.name(place)
        try:
            with open_regular(path) as file:
                encoded = file.read(2 * size + 2**16)
        except FileNotFoundError:
            return np.full(array.chunks, array.fill, array.dtype)
        decoded = bytearray(size)
        array.decode(encoded, decoded)
        self._kept[place] = np.frombuffer(decoded, array.dtype).reshape(array.chunks, order=cast(Any, array.order))
        while len(self._kept) > max(1, _KEPT_BYTES // size):
            self._kept.popitem(last=False)
        return self._kept[place]


def _touched(whole: list[slice], chunks: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """For each chunk that a region touches: its places, the part of it that is meant, and that part in the region."""
    rows = [range(span.start // side, -(-span.stop // side)) for span, side in zip(whole, chunks, strict=True)]
    if math.prod(map(len, rows)) > _MOST_CHUNKS:
        raise ValueError(f"{math.prod(map(len, rows))} chunks in a region")
    for place in product(*rows):
        parts = [
            slice(max(span.start, at * side), min(span.stop, (at + 1) * side)) for span, at, side in zip(whole, place, chunks, strict=True)
        ]
        inside = tuple(slice(part.start - at * side, part.stop - at * side) for part, at, side in zip(parts, place, chunks, strict=True))
        within = tuple(slice(part.start - span.start, part.stop - span.start) for part, span in zip(parts, whole, strict=True))
        yield place, inside, within


def _largest(root: Path) -> tuple[Path, Metadata]:
    """The folder of the array to read, and what the store says beside it."""
    if (root / "zarr.json").is_file():
        found = _json(root / "zarr.json")
        about = found.get("attributes", {}) if found.get("node_type") == "group" else None
    else:
        about = None if (root / ".zarray").is_file() else _json(root / ".zattrs")
    if about is None:
        return root, Metadata()
    scales = about.get("ome", about).get("multiscales")
    if not scales:
        raise UserError(f"{root}: is a group of arrays without an image; name the folder of one array NAME.zarr, or save an OME-Zarr image")
    level = scales[0]["datasets"][0]
    if not _PLACE.fullmatch(level["path"]):
        raise ValueError(f"an array in {level['path'][:80]!r}")
    return root / level["path"], _metadata(scales[0], level)


def _metadata(scale: dict[str, Any], level: dict[str, Any]) -> Metadata:
    """The resolution, if it is given in micrometres."""
    axes = scale.get("axes", [])[-2:]
    for transform in level.get("coordinateTransformations", []):
        if transform.get("type") == "scale" and all(axis.get("unit") == "micrometer" for axis in axes):
            down, across = (float(step) for step in transform["scale"][-2:])
            return Metadata(resolution(_INCH / across, _INCH / down)) if min(down, across) > 0 else Metadata()
    return Metadata()


def _described(folder: Path) -> _Array:
    if (folder / "zarr.json").is_file():
        return _version_3(folder, _json(folder / "zarr.json"))
    found = _json(folder / ".zarray")
    if found.get("filters"):
        raise UserError(f"{folder}: its chunks are filtered, which is not read; {_UNPACKED}")
    separator = found.get("dimension_separator", ".")
    compressor = (found.get("compressor") or {}).get("id", "")
    return _Array(
        tuple(map(int, found["shape"])),
        tuple(map(int, found["chunks"])),
        np.dtype(str(found["dtype"])),
        float(found.get("fill_value") or 0),
        {"C": "C", "F": "F"}[found.get("order", "C")],
        lambda place: {".": ".", "/": "/"}[separator].join(map(str, place)),
        _decoder(folder, compressor),
    )


def _version_3(folder: Path, found: dict[str, Any]) -> _Array:
    first, *others = found["codecs"]
    names = [codec["name"] for codec in found["codecs"]]
    if first["name"] != "bytes" or len(others) > 1 or found["chunk_grid"]["name"] != "regular" or found.get("storage_transformers"):
        raise UserError(f"{folder}: its chunks are stored by {', '.join(map(str, names))[:80]}, which is not read; {_UNPACKED}")
    big = {"little": False, "big": True}[first.get("configuration", {}).get("endian", "little")]
    dtype = np.dtype(str(found["data_type"])).newbyteorder(">" if big else "<")
    key, settings = found["chunk_key_encoding"]["name"], found["chunk_key_encoding"].get("configuration", {})
    separator = {".": ".", "/": "/"}[settings.get("separator", "/" if key == "default" else ".")]
    before = {"default": ["c"], "v2": []}[key]
    return _Array(
        tuple(map(int, found["shape"])),
        tuple(map(int, found["chunk_grid"]["configuration"]["chunk_shape"])),
        dtype,
        float(found["fill_value"]),
        "C",
        lambda place: separator.join([*before, *map(str, place)]),
        _decoder(folder, others[0]["name"] if others else ""),
    )


def _decoder(folder: Path, codec: str) -> Callable[[bytes, bytearray], object]:
    """The function that fills a chunk. It fails for data that are longer than the chunk, and here also for shorter ones."""
    import imagecodecs

    known: dict[str, Callable[..., Any]] = {
        "blosc": imagecodecs.blosc_decode,
        "zstd": imagecodecs.zstd_decode,
        "gzip": imagecodecs.gzip_decode,
        "zlib": imagecodecs.zlib_decode,
        "lz4": lambda data, out: imagecodecs.lz4_decode(data, header=True, out=out),
        "": lambda data, out: data,
    }
    if codec not in known:
        raise UserError(f"{folder}: its chunks are compressed by {str(codec)[:40]}, which is not read; {_UNPACKED}")

    def decode(data: bytes, out: bytearray) -> None:
        found = known[codec](data, out=out)
        if len(found) != len(out):
            raise ValueError(f"a chunk of {len(found)} bytes where {len(out)} should be")
        if found is not out:
            out[:] = found

    return decode


def _json(path: Path) -> dict[str, Any]:
    data = read_regular(path, _MAX_JSON + 1)
    if len(data) > _MAX_JSON:
        raise ValueError(f"{path.name} of more than {_MAX_JSON} bytes")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError(f"{path.name} that holds no keys")
    return found
