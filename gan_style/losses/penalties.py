"""Penalties on the slope of a discriminator: functions of its scores and of the images [B, C, H, W] that it scored.

The images must require gradients. The result is a scalar of at least float32 that can be differentiated again. An image's scores must
depend on that image alone, which batch normalisation breaks. The gradient is taken of a sum of scores and divided afterwards in
float32: the gradient of the mean, smaller by the number of scores, would underflow in half precision.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_style.losses.adversarial import Scores, scales
from gan_style.networks.layers.moments import precise


def r1(scores: Scores, images: Tensor, signs: Sequence[Tensor], counts: Tensor | None = None) -> Tensor:
    """1/2 E[|grad D(x)|^2] for images x (1801.04406, equation 9, without gamma).

    Each score of a PatchGAN counts as one discriminator: the result is the mean of |grad|^2 over the scores, summed over the scales.
    With independent signs s_p of 1 or -1 this equals the expectation of |grad sum_p s_p score_p|^2 / P for P scores, because the
    products of different scores cancel. It takes one backward pass instead of P, and the weight means the same for any P.

    signs: one tensor for each scale, shaped like its scores [B, ...]; with one score an image they have no effect
    counts: factors [B] of the images; the mean stays one over the whole batch
    """
    each = scales(scores)
    sizes = [score[0].numel() for score in each]
    fewest = min(sizes)
    weights = [sign.to(score) * (fewest / size) ** 0.5 for score, sign, size in zip(each, signs, sizes, strict=True)]
    return 0.5 * _mean(_slope(each, images, weights).square().sum(dim=1), counts) / fewest


def gradient_penalty(scores: Scores, images: Tensor, counts: Tensor | None = None) -> Tensor:
    """E[(|grad D(x)| - 1)^2] for x between real and generated images (1704.00028, equation 3, without lambda); see `between`.

    D(x) is the mean of an image's scores, summed over the scales, as in the Wasserstein loss E[D(real)] - E[D(generated)].
    counts: as in `r1`
    """
    each = scales(scores)
    sizes = [score[0].numel() for score in each]
    fewest = min(sizes)
    weights = [torch.full_like(score, fewest / size) for score, size in zip(each, sizes, strict=True)]
    slope = _slope(each, images, weights) / fewest
    return _mean((torch.linalg.vector_norm(slope, dim=1) - 1.0).square(), counts)


def between(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """share * real + (1 - share) * fake (1704.00028, section 4). Images are [B, C, H, W], shares [B] in [0, 1)."""
    return fake + shares.to(real)[:, None, None, None] * (real - fake)


def _mean(each: Tensor, counts: Tensor | None) -> Tensor:
    """The mean over the batch of [B] values times their counts."""
    return each.mean() if counts is None else (each * counts.to(each)).mean()


def _slope(scores: Sequence[Tensor], images: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The gradient of the weighted sum of all scores with respect to each image: [B, C H W]."""
    with torch.autocast(images.device.type, enabled=False):
        (slope,) = torch.autograd.grad(scores, images, grad_outputs=weights, create_graph=True)
    return precise(slope).flatten(1)
