"""Volumes of measurements, read slice by slice: NIfTI files with more than one slice."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.formats import nifti
from gan_style.files.formats.arrays import ArrayFormat, Stored, check_size, header_of, read_values
from gan_style.files.formats.format import File, Wanted, check_channels
from gan_style.files.formats.registry import format_of
from gan_style.files.kinds import suffix_of
from gan_style.files.several import Several, check_alike
from gan_style.files.tiff_metadata import Affine, Metadata

VOLUME_SUFFIXES = frozenset({".nii", ".nii.gz"})


def is_volume(path: Path) -> bool:
    """Is the file a volume of more than one slice? `UserError` if it is damaged."""
    return suffix_of(path.name) in VOLUME_SUFFIXES and images.probe(path, raw=True).slices > 1


class Volume:
    """An open volume of one file, or of several whose channels follow one another. Its slices are read in order. `with` closes it.

    height, width, channels: of a slice; slices: their number; metadata: of the whole, which is that of the first file
    """

    def __init__(self, path: Path | Several, channels: int | None = None) -> None:
        """channels: that the volume must have; None for any. `UserError` if a file is no volume or damaged, or if two do not fit."""
        self.path, self._files = path, ExitStack()
        paths = path.files if isinstance(path, Several) else (path,)
        try:
            self._stored = [self._opened(each) for each in paths]
            check_alike({str(each): header_of(stored) for each, stored in zip(paths, self._stored, strict=True)})
            self.channels = sum(stored.channels for stored in self._stored)
            wanted = Wanted(channels or self.channels, raw=True)
            check_channels(paths[0] if len(paths) == 1 else str(path), self.channels, wanted)
            for each, stored in zip(paths, self._stored, strict=True):
                check_size(each, stored, wanted)
                _check_place(each, stored.metadata.affine, paths[0], self._stored[0].metadata.affine)
        except BaseException:
            self._files.close()
            raise
        first = self._stored[0]
        self.height, self.width = first.height, first.width
        self.slices, self.metadata, self.dtype = first.slices, first.metadata, first.dtype

    def read(self, depth: int) -> np.ndarray:
        """The values [H, W, C] of slice `depth`."""
        parts = [read_values(self.path, stored, 0, 0, self.height, self.width, depth) for stored in self._stored]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _opened(self, path: Path) -> Stored:
        file = self._files.enter_context(File(path, max_bytes=float("inf")))
        form = format_of(file)
        if not isinstance(form, ArrayFormat):
            raise UserError(f"{path}: is no volume; give a NIfTI file")
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


def _check_place(path: Path, affine: Affine | None, first: Path, wanted: Affine | None) -> None:
    """`UserError` if two files of a volume lie at different places."""
    if affine is not None and wanted is not None and not np.allclose(affine, wanted, rtol=1e-3, atol=1e-2):
        raise UserError(
            f"{path}: its voxels lie elsewhere than those of {first}, another file of the same volume; resample one onto the other"
        )


def write_volume(path: Path, values: np.ndarray, metadata: Metadata) -> None:
    """Write [H, W, slices, C] atomically as NIfTI. `UserError` if the disk refuses."""
    images.write_encoded(path, nifti.encoded(path, values, metadata))
