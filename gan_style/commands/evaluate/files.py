"""How files that are compared become images in [-1, 1]: as pictures, or as values of which two are black and white."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_style.datasets.masks import read_labels
from gan_style.errors import UserError
from gan_style.evaluation.suite import Case
from gan_style.files import images
from gan_style.files.scale import Scale, nodata_of
from gan_style.files.volumes import Neighbours, Volume, is_volume
from gan_style.terminal.counted import percent
from gan_style.translation.nodata import absent_pixels

Image = Path | Neighbours  # a file, or a slice of a volume


class Pictures:
    """Files that are compared as RGB."""

    def images(self, files: Mapping[str, Path]) -> dict[str, Image]:
        """The images in files, by name."""
        return dict(files)

    def read(self, image: Image) -> Tensor:
        """[C, H, W] in [-1, 1]. `UserError` names a file that cannot be read."""
        try:
            return images.to_tensor(images.read(image, 3).pixels)
        except UserError:
            if values := images.probe(image, raw=True).values:
                raise UserError(
                    f"{image}: holds {values} values; give the two that are black and white as --range LOW HIGH, such as "
                    "data.domain_b.range in the run's config.yaml"
                ) from None
            raise

    def case(self, result: Image, truth: Image | None, source: Image | None, mask: Image | None) -> Case:
        """A result and what it is compared with."""
        true, given = (None if each is None else self.read(each) for each in (truth, source))
        return Case(str(result), self.read(result), true, given, mask=None if mask is None else _labels(mask))

    def notes(self) -> list[str]:
        """Lines about the files that were compared, once all are."""
        return []


class Values(Pictures):
    """Files that are compared as values of one unit, of any number of channels. Each slice of a volume is an image.

    Pixels that are not there, in a result or its truth, do not count. low, high: the values that become -1 and 1
    """

    def __init__(self, low: float, high: float) -> None:
        self.scale = Scale(low, high, missing=low)
        self._beyond: dict[str, list[float]] = {"results": [], "truth": []}
        self._absent, self._pixels = list[int](), list[int]()

    def images(self, files: Mapping[str, Path]) -> dict[str, Image]:
        found: dict[str, Image] = {}
        for name, path in files.items():
            if not is_volume(path):
                found[name] = path
                continue
            with Volume(path) as volume:
                slices = volume.slices
            found |= {f"{name}, slice {depth}": Neighbours(path, depth, 1) for depth in range(slices)}
        return found

    def read(self, image: Image) -> Tensor:
        return self._read(image)[0]

    def case(self, result: Image, truth: Image | None, source: Image | None, mask: Image | None) -> Case:
        translated, gone, beyond = self._read(result)
        self._beyond["results"].append(beyond)
        true, labels = None, None if mask is None else _labels(mask)
        if truth is not None:
            true, lost, beyond = self._read(truth)
            self._beyond["truth"].append(beyond)
            if true.shape == translated.shape:  # else the suite refuses them
                gone = gone | lost
                translated, true = (image.masked_fill(gone, -1.0) for image in (translated, true))
        if gone.any() and (labels is None or labels.shape == gone.shape):
            labels = torch.where(gone, 0, 1 if labels is None else labels)
        self._absent.append(int(gone.sum()))
        self._pixels.append(gone.numel())
        return Case(str(result), translated, true, None, self.scale.span, labels)

    def notes(self) -> list[str]:
        cut = {side: sum(shares) / len(shares) for side, shares in self._beyond.items() if any(shares)}
        notes = []
        if cut:
            words = " and ".join(f"{percent(share)} of the values of --{side}" for side, share in cut.items())
            notes.append(f"warning: --range {self.scale.low:g} {self.scale.high:g}: {words} are beyond and are cut")
        if absent := sum(self._absent):
            notes.append(
                f"warning: {absent} of {sum(self._pixels)} pixels are not there in a result or its truth (not a number, infinite, no data) "
                "and do not count"
            )
        return notes

    def _read(self, image: Image) -> tuple[Tensor, Tensor, float]:
        """(the image [C, H, W] in [-1, 1], which of its pixels [1, H, W] are not there, the share of its values beyond the range)."""
        picture = images.read(image, images.probe(image, raw=True).channels, raw=True)
        scaled, beyond = self.scale.inward(picture.pixels, str(image), nodata_of(picture.metadata.nodata))
        return images.to_tensor(scaled), torch.from_numpy(absent_pixels(picture.pixels, picture.metadata))[None], beyond


def _labels(mask: Image) -> Tensor:
    return images.to_integers(read_labels(mask).astype(np.int32))
