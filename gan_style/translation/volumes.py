"""Volumes that are translated slice by slice, from a NIfTI file, or a DICOM file of several frames, to a NIfTI file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from gan_style.bundles.file import BundleValues
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Header
from gan_style.files.formats import nifti
from gan_style.files.formats.format import Picture
from gan_style.files.kinds import suffix_of
from gan_style.files.volumes import VOLUME_SUFFIXES, Volume, is_volume, neighbours
from gan_style.machine.batches import Batches, result_of
from gan_style.machine.free_memory import free_memory
from gan_style.terminal.progress import Progress
from gan_style.translation.inputs import Job
from gan_style.translation.nodata import absent_pixels, mark_of, put_back, replaces_missing
from gan_style.translation.picture import Original, original_of, result_floats
from gan_style.translation.pipeline import translate_together, unfit
from gan_style.translation.predictor import Predictor
from gan_style.translation.translators import Translator

_AT_ONCE = 8  # slices that are held as floats
_CUBIC = 1.5  # times the smallest side of a voxel that the largest may have, for views from three sides
_VIEWS = {"axial": (0, 1, 2), "coronal": (2, 1, 0), "sagittal": (2, 0, 1)}  # which axes are rows, columns and slices of a view


@dataclass
class VolumePictures:
    """Translates volumes with a bundle of measurements. Results have their volume's size.

    resize: as in `Translation`; batch_size: most slices in one forward
    views: 1, or 3 for the mean of the translations of slices across each of the three axes
    """

    predictor: Predictor
    translator: Translator
    resize: int | str = "none"
    batch_size: int = 1
    shown: bool = True
    views: int = 1

    def takes(self, job: Job) -> bool:
        """Is the file a volume? A file that is damaged is none: reading it as a picture says so. With several views all files are taken."""
        try:
            return self.views > 1 or is_volume(job.source)
        except UserError:
            return False

    def check(self, job: Job, header: Header) -> None:
        """No picture turns out to be a volume."""

    def translate(self, job: Job) -> None:
        """Translate and write one volume. `UserError` names it."""
        info = self.predictor.info
        made = info.values_out
        if info.values_in is None or made is None:
            raise UserError(f"{job.source}: is a volume, which a bundle of measurements translates; train one with data.domain_a.range")
        if suffix_of(job.target.name) not in VOLUME_SUFFIXES:
            raise UserError(f"{job.source}: is a volume, whose result is a NIfTI file; take --format nifti")
        with Volume(job.image, info.in_channels // (info.slices or 1)) as volume:
            if self.views > 1:
                values = self._of_three_sides(job, volume, made)
            else:
                values = np.empty(self._fitting(job, volume, np.dtype(made.type).itemsize), made.type)
                for depth, source, result in self._translated(job, self._slices(job, volume), volume.slices):
                    values[:, :, depth] = made.scale.outward(result, made.type)
                    if source.absent is not None:
                        put_back(values[:, :, depth], source.absent, mark_of(made, job.target, None), job.source)
            images.write_encoded(job.target, nifti.encoded(job.target, values, volume.metadata))

    def _of_three_sides(self, job: Job, volume: Volume, made: BundleValues) -> np.ndarray:
        """[H, W, slices, C]: the mean of the translations of the slices across each axis."""
        self._check_views(job, volume)
        scale = self.predictor.info.values_in
        assert scale is not None
        shape = self._fitting(job, volume, 4 * (volume.channels + 2 * self.predictor.info.out_channels) // self.predictor.info.out_channels)
        given = np.stack([volume.read(depth) for depth in range(volume.slices)], axis=2)
        total = np.zeros(shape, np.float32)
        for view, axes in _VIEWS.items():
            turned, results = given.transpose(*axes, 3), total.transpose(*axes, 3)
            count, held = turned.shape[2], dict(enumerate(turned.transpose(2, 0, 1, 3)))
            sources = (self._around(job, volume, held, depth, count) for depth in range(count))
            for depth, _, result in self._translated(job, sources, count, view):
                results[:, :, depth] += result
        values = np.stack([made.scale.outward(total[:, :, depth] / len(_VIEWS), made.type) for depth in range(volume.slices)], axis=2)
        if replaces_missing(self.predictor.info):
            for depth in range(volume.slices):
                put_back(values[:, :, depth], absent_pixels(given[:, :, depth]), mark_of(made, job.target, None), job.source)
        return values

    def _check_views(self, job: Job, volume: Volume) -> None:
        """`UserError` where slices across the other axes would not look like those that the network knows."""
        if volume.slices == 1:
            raise UserError(f"{job.source}: has one slice; --views 3 is for volumes")
        if volume.metadata.affine is not None:
            sides = np.linalg.norm(np.array(volume.metadata.affine)[:3, :3], axis=0)
            if sides.max() > _CUBIC * sides.min():
                voxel = " x ".join(f"{side:.3g}" for side in sides)
                raise UserError(f"{job.source}: its voxels of {voxel} mm look other from the side; leave --views out, or resample it")

    def _fitting(self, job: Job, volume: Volume, item_bytes: int) -> tuple[int, int, int, int]:
        """The shape of the result. `UserError` if so many bytes for each of its values do not fit into the memory."""
        shape = (volume.height, volume.width, volume.slices, self.predictor.info.out_channels)
        size = int(np.prod(shape, dtype=np.int64)) * item_bytes
        if size > free_memory() // 2:
            large = f"its result of {size >> 20} MiB does not fit into the memory"
            raise UserError(f"{job.source}: {large}; cut it: gan-style prepare slices")
        return shape

    def _slices(self, job: Job, volume: Volume) -> Iterator[Original]:
        """Each slice with its neighbours. Slices are read once, in order, and held as long as they are neighbours."""
        half = (self.predictor.info.slices or 1) // 2
        held: dict[int, np.ndarray] = {}
        for depth in range(volume.slices):
            for each in range(depth if depth == 0 else depth + half, min(depth + half, volume.slices - 1) + 1):
                held[each] = volume.read(each)
            held = {place: values for place, values in held.items() if place >= depth - half}
            yield self._around(job, volume, held, depth, volume.slices)

    def _around(self, job: Job, volume: Volume, held: dict[int, np.ndarray], depth: int, count: int) -> Original:
        """Slice `depth` of `count` with its neighbours, as one picture."""
        parts = [held[place] for place in neighbours(depth, self.predictor.info.slices or 1, count)]
        picture = Picture(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2), False, None, metadata=volume.metadata)
        original = original_of(job, picture, self.predictor.info, self.resize)
        return original if original.absent is None else replace(original, absent=absent_pixels(held[depth]))

    def _translated(self, job: Job, sources: Iterator[Original], count: int, view: str = "") -> Iterator[tuple[int, Original, np.ndarray]]:
        """Each slice's place, the slice, and its translation [H, W, C] in [-1, 1]."""
        batches = Batches[Original, Tensor](lambda batch: translate_together(self.translator, batch), self.batch_size)
        with Progress(f"{job.source.name} {view}".strip(), "slices", count, shown=self.shown) as progress:
            for first in range(0, count, _AT_ONCE):
                several = range(first, min(first + _AT_ONCE, count))
                group = [next(sources) for _ in several]
                for depth, (source, result) in zip(several, batches.over(group), strict=True):
                    translated = result_of(result)
                    if why := unfit(translated):
                        raise UserError(f"{job.source}: {why}")
                    yield depth, source, result_floats(translated, (source.height, source.width))
                    progress.update()
