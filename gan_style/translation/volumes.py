"""Volumes that are translated slice by slice, from a NIfTI file to a NIfTI file."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files.bounded import Header
from gan_style.files.formats.format import Picture
from gan_style.files.kinds import suffix_of
from gan_style.files.volumes import VOLUME_SUFFIXES, Volume, is_volume, write_volume
from gan_style.machine.batches import Batches, result_of
from gan_style.machine.free_memory import free_memory
from gan_style.terminal.progress import Progress
from gan_style.translation.inputs import Job
from gan_style.translation.picture import Original, original_of, result_pixels
from gan_style.translation.pipeline import translate_together, unfit
from gan_style.translation.predictor import Predictor
from gan_style.translation.translators import Translator

_AT_ONCE = 8  # slices that are held as floats


@dataclass
class VolumePictures:
    """Translates volumes with a bundle of measurements. Results have their volume's size.

    resize: as in `Translation`; batch_size: most slices in one forward
    """

    predictor: Predictor
    translator: Translator
    resize: int | str = "none"
    batch_size: int = 1
    shown: bool = True

    def takes(self, job: Job) -> bool:
        """Is the file a volume? A file that is damaged is none: reading it as a picture says so."""
        try:
            return is_volume(job.source)
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
        with Volume(job.image, info.in_channels) as volume:
            shape = (volume.height, volume.width, volume.slices, info.out_channels)
            size = int(np.prod(shape, dtype=np.int64)) * np.dtype(made.type).itemsize
            if size > free_memory() // 2:
                large = f"its result of {size >> 20} MiB does not fit into the memory"
                raise UserError(f"{job.source}: {large}; cut it: gan-style prepare slices")
            values = np.empty(shape, made.type)
            batches = Batches[Original, Tensor](lambda batch: translate_together(self.translator, batch), self.batch_size)
            with Progress(job.source.name, "slices", volume.slices, shown=self.shown) as progress:
                for first in range(0, volume.slices, _AT_ONCE):
                    several = range(first, min(first + _AT_ONCE, volume.slices))
                    sources = [self._slice(job, volume, depth) for depth in several]
                    for depth, (source, result) in zip(several, batches.over(sources), strict=True):
                        translated = result_of(result)
                        if why := unfit(translated):
                            raise UserError(f"{job.source}: {why}")
                        values[:, :, depth] = result_pixels(source, translated, False, suffix_of(job.target.name))
                        progress.update()
            write_volume(job.target, values, volume.metadata)

    def _slice(self, job: Job, volume: Volume, depth: int) -> Original:
        picture = Picture(volume.read(depth), False, None, metadata=volume.metadata)
        return original_of(job, picture, self.predictor.info, self.resize)
