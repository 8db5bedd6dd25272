"""Means of maps, over all positions or inside a mask."""

import torch.nn.functional as F
from torch import Tensor

_LEAST = 1e-6  # a sum of weights below it is that of an empty mask


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of values [B, C, H, W], a scalar.

    mask: weights w [B, 1, H', W'] in [0, 1], or None for the plain mean. The mean of an image is sum(w v) / (C sum w). The result is the
    mean over the images of the batch, so it does not depend on how a batch is divided. An image with an empty mask counts 0.
    A map of another size than the mask, such as features of a network, is weighed by the mean of the mask over the area of each position.
    """
    if mask is None:
        return values.mean()
    weights = mask.to(values)
    height, width = values.shape[2:]
    if weights.shape[2:] != (height, width):
        weights = F.adaptive_avg_pool2d(weights, (height, width))
    inside = values.shape[1] * weights.sum(dim=(1, 2, 3))
    return ((values * weights).sum(dim=(1, 2, 3)) / inside.clamp(min=_LEAST)).mean()
