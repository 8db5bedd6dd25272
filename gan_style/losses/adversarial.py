"""Adversarial losses: how far a discriminator's scores are from `real` or from `fake`.

Scores of any shape, without a sigmoid; the loss is their mean over all of them, a scalar of at least float32, inside autocast too.
A discriminator is trained towards the truth, a generator towards `is_real=True` on what it made.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def lsgan(scores: Tensor, is_real: bool) -> Tensor:
    """Least squares (1611.04076, equation 9 with a = 0, b = c = 1, without the halves): mean (score - 1)^2 or mean score^2."""
    scores = _exact(scores)
    return F.mse_loss(scores, torch.full_like(scores, float(is_real)))


def vanilla(scores: Tensor, is_real: bool) -> Tensor:
    """Cross entropy (1406.2661, equation 1, non-saturating): mean -log sigmoid(score) or mean -log(1 - sigmoid(score)).

    The target is float32 whatever the scores are, as in the field's implementation: for float64 scores torch then rounds the
    value, but not the gradient, to float32, and the golden trajectories hold the rounded values.
    """
    scores = _exact(scores)
    target = torch.full((), float(is_real), dtype=torch.float32, device=scores.device)
    return F.binary_cross_entropy_with_logits(scores, target.expand_as(scores))


ADVERSARIAL: dict[str, Callable[[Tensor, bool], Tensor]] = {"lsgan": lsgan, "vanilla": vanilla}


def _exact(scores: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))
