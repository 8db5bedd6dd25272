"""Volumes of measurements, read slice by slice: NIfTI files with more than one slice."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.formats import nifti
from gan_style.files.formats.arrays import ArrayFormat, check_size, read_values
from gan_style.files.formats.format import File, Wanted, check_channels
from gan_style.files.formats.registry import format_of
from gan_style.files.kinds import suffix_of
from gan_style.files.tiff_metadata import Affine, Metadata

VOLUME_SUFFIXES = frozenset({".nii", ".nii.gz"})


def is_volume(path: Path) -> bool:
    """Is the file a volume of more than one slice? `UserError` if it is damaged."""
    return suffix_of(path.name) in VOLUME_SUFFIXES and images.probe(path, raw=True).slices > 1


class Volume:
    """An open volume, whose slices are read in order. Leaving the `with` block closes it.

    height, width, channels: of a slice; slices: their number; metadata: of the whole
    """

    def __init__(self, path: Path, channels: int | None = None) -> None:
        """channels: that the volume must have; None for any. `UserError` if the file is no volume, or damaged."""
        self.path, self._file = path, File(path, max_bytes=float("inf"))
        try:
            form = format_of(self._file)
            if not isinstance(form, ArrayFormat):
                raise UserError(f"{path}: is no volume; give a NIfTI file")
            self._stored = form.opened(self._file)
            wanted = Wanted(channels or self._stored.channels, raw=True)
            check_channels(path, self._stored.channels, wanted)
            check_size(path, self._stored, wanted)
        except BaseException:
            self._file.close()
            raise
        self.height, self.width, self.channels = self._stored.height, self._stored.width, self._stored.channels
        self.slices, self.metadata, self.dtype = self._stored.slices, self._stored.metadata, self._stored.dtype

    def read(self, depth: int) -> np.ndarray:
        """The values [H, W, C] of slice `depth`."""
        return read_values(self.path, self._stored, 0, 0, self.height, self.width, depth)

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
        self._stored.close()
        self._file.close()


def write_volume(path: Path, values: np.ndarray, metadata: Metadata) -> None:
    """Write [H, W, slices, C] atomically as NIfTI. `UserError` if the disk refuses."""
    images.write_encoded(path, nifti.encoded(path, values, metadata))
