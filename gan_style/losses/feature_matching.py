"""Feature matching: a discriminator's features of a translation should be those of the truth (1711.11585, equation 4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_style.losses.perceptual import absolute_loss


def feature_matching_loss(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """sum_i 1/N_i |D_k^(i)(s, x) - D_k^(i)(s, G(s))|_1, the mean over the scales k; for each scale a list of features by layer i.

    1/N_i and the mean over the batch make each layer's distance a mean. No gradient reaches `real`. Equation 5 sums over the scales;
    the papers' public code takes their mean, and so do we, so that the weight means the same for any number of scales.
    """
    scales = [
        torch.stack([absolute_loss(own, target.detach()) for own, target in zip(layers, targets, strict=True)]).sum()
        for layers, targets in zip(fake, real, strict=True)
    ]
    return torch.stack(scales).mean()
