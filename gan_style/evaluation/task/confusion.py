"""Agreement of predicted classes with true classes (Long, Shelhamer and Darrell, 2015, arXiv 1411.4038, section 5)."""

import numpy as np

from gan_style.label_maps.classes import IGNORED


class Confusion:
    """The confusion matrix. counts[i, j]: pixels of class i that were predicted as class j"""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, truth: np.ndarray, predicted: np.ndarray) -> None:
        """Count two arrays of classes with equal shape. Pixels whose truth is IGNORED do not count."""
        known = truth != IGNORED
        size = len(self.counts)
        pairs = truth[known].astype(np.int64) * size + predicted[known]
        self.counts += np.bincount(pairs, minlength=size * size).reshape(size, size)

    def scores(self) -> dict[str, float]:
        """pixel_accuracy: sum_i n_ii / sum_i t_i. class_accuracy: mean of n_ii / t_i over the classes that occur.
        mean_iou: mean of n_ii / (t_i + sum_j n_ji - n_ii) over the classes that occur or are predicted."""
        hits = self.counts.diagonal().astype(np.float64)
        true, taken = self.counts.sum(axis=1), self.counts.sum(axis=0)
        union = true + taken - hits
        if not true.sum():
            return dict.fromkeys(("pixel_accuracy", "class_accuracy", "mean_iou"), float("nan"))
        return {
            "pixel_accuracy": float(hits.sum() / true.sum()),
            "class_accuracy": float((hits[true > 0] / true[true > 0]).mean()),
            "mean_iou": float((hits[union > 0] / union[union > 0]).mean()),
        }
