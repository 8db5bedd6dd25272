"""The FCN-score of pix2pix (Isola et al., 2017, arXiv 1611.07004, section 4.1): a segmenter of real photos reads translations.

Departure: the paper's segmenter is an FCN-8s that was trained on Cityscapes. Ours is a small network that is trained on the real pairs of
the data set. Only scores of the same segmenter can be compared. Its score on the real photos is no upper bound (docs/guide/evaluation.md).
"""

import numpy as np
from torch import Tensor

from gan_style.evaluation.task.confusion import Confusion
from gan_style.evaluation.task.segmenter import Segmenter
from gan_style.files import images
from gan_style.label_maps.classes import Classes


class TaskScore:
    """Collects a segmenter's predictions for real photos and for translations of the same label maps."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.real, self.translated = (Confusion(len(segmenter.classes)) for _ in range(2))

    def add(self, labels: np.ndarray, photo: Tensor, translated: Tensor) -> None:
        """Add one image. labels: [h, w, 3] uint8 as in their file; photo, translated: [C, H, W] in [-1, 1]

        A translation of another size is scaled to the photo's size, because a segmenter knows objects at one scale.
        """
        height, width = photo.shape[-2:]
        if translated.shape[-2:] != photo.shape[-2:]:
            translated = images.to_tensor(images.resize(images.to_pixels(translated), height, width, limit=height * width))
        truth = true_classes(labels, self.segmenter.classes, height, width)
        self.real.add(truth, self.segmenter(photo))
        self.translated.add(truth, self.segmenter(translated))

    def scores(self) -> dict[str, dict[str, float]]:
        """`real` or `translated` -> metric -> value."""
        return {"real": self.real.scores(), "translated": self.translated.scores()}


def true_classes(labels: np.ndarray, classes: Classes, height: int, width: int) -> np.ndarray:
    """The classes of a label map, resized to [height, width] by nearest pixel."""
    return classes.of(images.resize(labels, height, width, labels=True))
