"""Feature matching: a discriminator's features of a translation should be those of the truth (1711.11585, equation 4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_style.losses.perceptual import absolute_loss


def feature_matching_loss(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]], mask: Tensor | None = None) -> Tensor:
    """sum_i 1/N_i |D_k^(i)(s, x) - D_k^(i)(s, G(s))|_1, averaged over the scales k.

    fake, real: for each scale k a list of features, one for each layer i
    mask: weights [B, 1, H, W] of the positions of the images, as in `masked_mean`
    1/N_i and the mean over the batch make each layer's distance a mean. No gradient reaches `real`. Departure: equation 5 sums over
    the scales; the mean, as in the public code, gives the weight the same meaning for any number of scales.
    """
    scales = [
        torch.stack([absolute_loss(own, target.detach(), mask=mask) for own, target in zip(layers, targets, strict=True)]).sum()
        for layers, targets in zip(fake, real, strict=True)
    ]
    return torch.stack(scales).mean()
