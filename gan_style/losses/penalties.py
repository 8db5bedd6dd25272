"""Penalties on the slope of a discriminator: functions of its scores and of the images [B, C, H, W] that they were computed from.

The images require gradients; what comes back is a scalar of at least float32 that can be differentiated once more. Each image's scores
must be its own: under batch normalisation the slope is of the whole batch's. In half precision a slope of size 1 is taken where
a mean's, 1 / (number of scores), would vanish; the numbers are divided afterwards, in float32, so that no scaling of the loss is needed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_style.losses.adversarial import Scores, scales
from gan_style.networks.layers.moments import precise


def r1(scores: Scores, images: Tensor, signs: Sequence[Tensor]) -> Tensor:
    """1/2 E[|grad D(x)|^2] (1801.04406, equation 9, without gamma), x the images.

    Of a PatchGAN every score is a discriminator of its own: the mean over the scores of |grad|^2, summed over the scales. With signs
    s_p, 1 or -1 and independent, that is the expectation of |grad sum_p s_p score_p|^2 / P for P scores, in which the products of
    different scores cancel out. One backward pass instead of P, and the weight means the same for any number of patches.

    signs: one tensor for each scale, shaped like its scores [B, ...]; with one score an image they change nothing.
    """
    each = scales(scores)
    counts = [score[0].numel() for score in each]
    fewest = min(counts)
    weights = [sign.to(score) * (fewest / count) ** 0.5 for score, sign, count in zip(each, signs, counts, strict=True)]
    return 0.5 * _slope(each, images, weights).square().sum(dim=1).mean() / fewest


def gradient_penalty(scores: Scores, images: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] (1704.00028, equation 3, without lambda), x between real and made images, see `between`.

    D(x) is the mean of an image's scores, summed over the scales: the critic whose E[D(real)] - E[D(made)] the Wasserstein loss is.
    """
    each = scales(scores)
    counts = [score[0].numel() for score in each]
    fewest = min(counts)
    weights = [torch.full_like(score, fewest / count) for score, count in zip(each, counts, strict=True)]
    slope = _slope(each, images, weights) / fewest
    return (torch.linalg.vector_norm(slope, dim=1) - 1.0).square().mean()


def between(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """share * real + (1 - share) * fake (1704.00028, section 4), images [B, C, H, W], shares [B] uniform in [0, 1)."""
    return fake + shares.to(real)[:, None, None, None] * (real - fake)


def _slope(scores: Sequence[Tensor], images: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The gradient of the weighted sum of all scores with respect to each image: [B, C H W]."""
    with torch.autocast(images.device.type, enabled=False):
        (slope,) = torch.autograd.grad(scores, images, grad_outputs=weights, create_graph=True)
    return precise(slope).flatten(1)
