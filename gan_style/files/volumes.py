"""Volumes of measurements, read slice by slice: NIfTI files with more than one slice, DICOM files with more than one frame.

An image can be a slice of a volume with its neighbours as further channels (2.5 dimensions): `Neighbours`.
"""

import threading
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import Header, check_pixels
from gan_style.files.formats.arrays import ArrayFormat, Stored, check_size, header_of, read_values
from gan_style.files.formats.format import File, Picture, Wanted, check_channels
from gan_style.files.formats.registry import format_of
from gan_style.files.kinds import suffix_of
from gan_style.files.several import Several, check_alike
from gan_style.files.tiff_metadata import Affine, Metadata
from gan_style.terminal.counted import counted

MAX_SLICES = 2**16  # of a volume; each becomes an image of a data set
VOLUME_SUFFIXES = frozenset({".nii", ".nii.gz"})  # of volumes that are written
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})


def is_volume(path: Path) -> bool:
    """Is the file a volume of more than one slice? `UserError` if it is damaged."""
    if suffix_of(path.name) not in VOLUME_SUFFIXES | _DICOM_SUFFIXES:
        return False
    with File(path) as file:
        return format_of(file).probe(file, raw=True).slices > 1


@dataclass(frozen=True)
class Neighbours:
    """A slice of a volume, with those around it: an image of `count` slices, whose channels follow one another from the first slice on.

    depth: of the slice in the middle, from 0; count: odd. At the ends of the volume its last slice stands for those beyond.
    """

    volume: Path | Several
    depth: int
    count: int

    def __str__(self) -> str:
        return f"{self.volume}, slice {self.depth}"

    def depths(self, slices: int) -> list[int]:
        """The slices in a volume of so many."""
        return neighbours(self.depth, self.count, slices)


def neighbours(depth: int, count: int, slices: int) -> list[int]:
    """The `count` slices around `depth` of a volume of so many slices; at its ends the last slice stands for those beyond."""
    return [min(max(each, 0), slices - 1) for each in range(depth - count // 2, depth + count // 2 + 1)]


class Volume:
    """An open volume of one file, or of several whose channels follow one another. Its slices are read in order. `with` closes it.

    height, width, channels: of a slice; slices: their number; metadata: of the whole, which is that of the first file
    in_order: can slices be read from the first to the last alone, as of gzipped files?
    """

    def __init__(self, path: Path | Several, channels: int | None = None) -> None:
        """channels: that the volume must have; None for any. `UserError` if a file is no volume or damaged, or if two do not fit."""
        self.path, self._files = path, ExitStack()
        paths = self._paths = path.files if isinstance(path, Several) else (path,)
        try:
            self._stored = [self._opened(each) for each in paths]
            check_alike({str(each): header_of(stored) for each, stored in zip(paths, self._stored, strict=True)})
            self.channels = sum(stored.channels for stored in self._stored)
            wanted = Wanted(channels or self.channels, raw=True)
            check_channels(paths[0] if len(paths) == 1 else str(path), self.channels, wanted)
            for each, stored in zip(paths, self._stored, strict=True):
                check_size(each, stored, wanted)
                _check_place(each, stored.metadata.affine, paths[0], self._stored[0].metadata.affine)
            if self._stored[0].slices > MAX_SLICES:
                raise UserError(f"{path}: claims {self._stored[0].slices} slices, more than {MAX_SLICES}; cut it, or remove it")
        except BaseException:
            self._files.close()
            raise
        first = self._stored[0]
        self.height, self.width = first.height, first.width
        self.slices, self.metadata, self.dtype = first.slices, first.metadata, first.dtype
        self.in_order = not all(stored.by_regions for stored in self._stored)

    def read(self, depth: int) -> np.ndarray:
        """The values [H, W, C] of slice `depth`."""
        files = zip(self._paths, self._stored, strict=True)
        parts = [read_values(path, stored, 0, 0, self.height, self.width, depth) for path, stored in files]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    @property
    def header(self) -> Header:
        """The header of the whole."""
        return replace(header_of(self._stored[0]), channels=self.channels)

    def _opened(self, path: Path) -> Stored:
        file = self._files.enter_context(File(path, max_bytes=float("inf")))
        form = format_of(file)
        if not isinstance(form, ArrayFormat):
            raise UserError(f"{path}: is no volume; give a NIfTI file, or a DICOM file of several frames")
        stored = form.opened(file)
        self._files.callback(stored.close)
        return stored

    def metadata_of(self, depth: int) -> Metadata:
        """The metadata of slice `depth` by itself."""
        affine = self.metadata.affine
        if affine is None:
            return self.metadata
        moved = np.array(affine)
        moved[:, 3] += depth * moved[:, 2]
        rows: Affine = tuple(tuple(row) for row in moved.tolist())  # type: ignore[assignment]
        return Metadata(self.metadata.dots_per_inch, affine=rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._files.close()


def lie_elsewhere(affine: Affine | None, other: Affine | None) -> bool:
    """Do two affines put voxels at different places? One that is not known fits any."""
    return affine is not None and other is not None and not np.allclose(affine, other, rtol=1e-3, atol=1e-2)


def _check_place(path: Path, affine: Affine | None, first: Path, wanted: Affine | None) -> None:
    """`UserError` if two files of a volume lie at different places."""
    if lie_elsewhere(affine, wanted):
        raise UserError(
            f"{path}: its voxels lie elsewhere than those of {first}, another file of the same volume; resample one onto the other"
        )


_KEPT_BYTES = 2**28  # of volumes that are kept, for files that are read from the beginning on
_kept: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()  # [slices, H, W, C] of this process, the newest last
_keeping = threading.Lock()


def probe_neighbours(image: Neighbours) -> Header:
    """The header of the image that `read_neighbours` reads."""
    with Volume(image.volume) as volume:
        return replace(volume.header, channels=image.count * volume.channels, slices=1)


def read_neighbours(image: Neighbours, wanted: Wanted) -> Picture:
    """Read a slice with its neighbours. `UserError` as for other images."""
    if not wanted.raw:
        raise UserError(f"{image}: slices of a volume are measurements; set the domain's range (docs/guide/measurements.md)")
    with Volume(image.volume) as volume:
        if image.count * volume.channels != wanted.channels:
            channels = counted(volume.channels, "channel")
            told = f"{image.count} slices of {channels}" if image.count > 1 else channels
            number = image.count * volume.channels
            raise UserError(f"{image.volume}: gives {told}, but {wanted.channels} are read; train with the domain's channels={number}")
        if not image.depth < volume.slices:
            raise UserError(f"{image.volume}: has {volume.slices} slices now, and had more when the training began; put it back")
        weight = image.count * volume.channels * (volume.dtype.itemsize + 4)
        check_pixels(f"{image}: claims", volume.width, volume.height, weight, wanted.max_pixels)
        values = _slices(volume, image.depths(volume.slices))
        return Picture(np.concatenate(values, axis=2), False, None, metadata=volume.metadata_of(image.depth))


def _slices(volume: Volume, depths: list[int]) -> list[np.ndarray]:
    """Some slices, in rising order. A gzipped volume that is not too large is unpacked once and kept."""
    whole = volume.height * volume.width * volume.channels * volume.slices * volume.dtype.itemsize
    if not volume.in_order or whole > _KEPT_BYTES // 2:
        found = {depth: volume.read(depth) for depth in sorted(set(depths))}
        return [found[depth] for depth in depths]
    files = volume.path.files if isinstance(volume.path, Several) else (volume.path,)
    key = tuple((str(path), path.stat().st_mtime_ns) for path in files)
    with _keeping:
        if key not in _kept:
            _kept[key] = np.stack([volume.read(depth) for depth in range(volume.slices)])
        _kept.move_to_end(key)
        held = _kept[key]
        while sum(each.nbytes for each in _kept.values()) > _KEPT_BYTES:
            _kept.popitem(last=False)
    return [held[depth] for depth in depths]
