"""The result of a picture that is translated by regions."""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gan_style.bundles.file import BundleInfo, BundleValues
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.kinds import TIFF_SUFFIXES, suffix_of
from gan_style.files.region_reader import RegionReader
from gan_style.files.region_writer import RegionWriter, Storage
from gan_style.files.samples import rounded_to_8_bits
from gan_style.files.writing import ALPHA_SUFFIXES, DEEP_SUFFIXES
from gan_style.terminal.progress import Progress
from gan_style.tiling.scratch import Waiting
from gan_style.tiling.spans import Region
from gan_style.translation.inputs import Job
from gan_style.translation.nodata import absent_pixels, mark_of, marked, put_back, replaces_missing
from gan_style.translation.picture import fit_format, in_units

RESULT = "result.raw"  # among a picture's scratch files


class Result(ABC):
    """The picture that is written, region by region: a TIFF, or pixels in memory or a scratch file that are encoded at the end.

    alpha: is the source's alpha the last channel?; bytes: of all pixels, and of the smaller copies
    """

    @staticmethod
    def of(job: Job, reader: RegionReader, info: BundleInfo, folder: Path | None, storage: Storage) -> "Result":
        """info: of the bundle that translates; folder: of scratch files, None: memory; storage: of a TIFF"""
        suffix = suffix_of(job.target.name)
        values = info.values_out
        alpha = reader.alpha and suffix in ALPHA_SUFFIXES and info.out_channels in (1, 3) and values is None
        dtype = values.type if values is not None else "uint16" if reader.depth == 16 and suffix in DEEP_SUFFIXES else "uint8"
        made = _Tiff if suffix in TIFF_SUFFIXES else _Encoded
        return made(job, reader, info, alpha, np.dtype(dtype), folder, storage)

    def __init__(
        self,
        job: Job,
        reader: RegionReader,
        info: BundleInfo,
        alpha: bool,
        dtype: np.dtype,
        folder: Path | None,
        storage: Storage,
    ) -> None:
        self.job, self.reader, self.info, self.dtype, self.folder = job, reader, info, dtype, folder
        self.alpha, self.channels, self.values = alpha, info.out_channels + alpha, info.values_out
        self.mark = mark_of(self.values, job.target, reader.metadata.nodata) if self.values is not None and replaces_missing(info) else None
        self.storage = replace(storage, metadata=marked(storage.metadata, self.mark))
        pyramid = storage.pyramid and job.target.suffix.lower() in TIFF_SUFFIXES
        self.bytes = reader.height * reader.width * self.channels * dtype.itemsize * (4 if pyramid else 3) // 3

    def write(self, region: Region, values: Tensor) -> None:
        """Take the translation [1, C, h, w] of a region. `UserError` if it is not finite."""
        if not torch.isfinite(values).all():  # would be written as black
            raise UserError(f"{self.job.source}: its translation is not finite; take --precision fp32 or an earlier checkpoint")
        rows, columns = region
        if self.values is not None:
            self.put(region, self._in_units(region, values[0], self.values))
            return
        pixels = images.to_pixels(values[0], 8 * self.dtype.itemsize)
        if self.alpha:
            alpha = self.reader.read_alpha(rows.start, columns.start, rows.length, columns.length)
            assert alpha is not None
            if self.dtype == np.uint8:
                alpha = rounded_to_8_bits(alpha)
            pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
        self.put(region, pixels)

    def _in_units(self, region: Region, result: Tensor, values: BundleValues) -> np.ndarray:
        """The translation [C, h, w] of a region in units, with the mark where the source has no value."""
        made = in_units(result, values)
        if replaces_missing(self.info):
            rows, columns = region
            stored = self.reader.read(rows.start, columns.start, rows.length, columns.length)
            put_back(made, absent_pixels(stored, self.reader.metadata), self.mark, self.job.source)
        return made

    @abstractmethod
    def put(self, region: Region, pixels: np.ndarray) -> None:
        """Take the pixels [h, w, C] of a region."""

    @abstractmethod
    def finish(self, png_compression: int, shown: bool) -> None:
        """Write the file. png_compression: 0 (fast) to 9 (small); shown: show the progress"""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...


class _Tiff(Result):
    def __enter__(self) -> Self:
        assert self.folder is not None
        size = self.reader.height, self.reader.width
        self._writer = RegionWriter(self.job.target, *size, self.channels, self.dtype, self.folder / RESULT, self.storage)
        return self

    def put(self, region: Region, pixels: np.ndarray) -> None:
        self._writer.write(region[0].start, region[1].start, pixels)

    def finish(self, png_compression: int, shown: bool) -> None:
        with Progress(f"writing {self.job.target.name}", "tiles", self._writer.tiles, brief=True, shown=shown) as progress:
            self._writer.finish(progress.update)

    def __exit__(self, *_: object) -> None:
        self._writer.close()


class _Encoded(Result):
    def __enter__(self) -> Self:
        size = self.reader.height, self.reader.width
        path = None if self.folder is None else self.folder / RESULT
        self._pixels = Waiting(*size, self.channels, getattr(torch, self.dtype.name), path)
        return self

    def put(self, region: Region, pixels: np.ndarray) -> None:
        self._pixels.write(region, pixels)

    def finish(self, png_compression: int, shown: bool) -> None:
        pixels = self._pixels.all()
        fitted = pixels if self.values is not None else fit_format(pixels, suffix_of(self.job.target.name))
        images.write(self.job.target, fitted, self.reader.dots_per_inch, png_compression, self.reader.metadata)

    def __exit__(self, *_: object) -> None:
        self._pixels.close(forget=False)
