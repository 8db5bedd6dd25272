"""Adversarial losses: the distance of a discriminator's scores from `real` or from `fake`.

Scores are logits of any shape. A loss is the mean over all scores, a scalar of at least float32, inside autocast too.
A discriminator with several scales gives a list with one tensor for each scale; its loss is the sum over the scales (1711.11585,
equation 3). A discriminator is trained with the true `is_real`, a generator with `is_real=True` on its own output.
"""

from collections.abc import Callable, Sequence
from functools import wraps

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.networks.layers.moments import precise

Scores = Tensor | Sequence[Tensor]
AdversarialLoss = Callable[[Scores, bool], Tensor]


def scales(scores: Scores) -> Sequence[Tensor]:
    """The scores of each scale."""
    return (scores,) if isinstance(scores, Tensor) else scores


def _summed_over_scales(loss: Callable[[Tensor, bool], Tensor]) -> AdversarialLoss:
    @wraps(loss)
    def summed(scores: Scores, is_real: bool) -> Tensor:
        if isinstance(scores, Tensor):
            return loss(precise(scores), is_real)
        return torch.stack([loss(precise(each), is_real) for each in scores]).sum()

    return summed


def counted(loss: AdversarialLoss, scores: Scores, is_real: bool, counts: Tensor | None) -> Tensor:
    """The mean over the batch of each image's loss times its count. counts: [B]; None counts each image once"""
    if counts is None:
        return loss(scores, is_real)
    each = torch.stack([loss([scale[place : place + 1] for scale in scales(scores)], is_real) for place in range(len(counts))])
    return (each * counts.to(each)).mean()


@_summed_over_scales
def lsgan(scores: Tensor, is_real: bool) -> Tensor:
    """Least squares (1611.04076, equation 9 with a = 0, b = c = 1, without the halves): mean (score - 1)^2 or mean score^2."""
    return F.mse_loss(scores, torch.full_like(scores, float(is_real)))


@_summed_over_scales
def vanilla(scores: Tensor, is_real: bool) -> Tensor:
    """Cross-entropy (1406.2661, equation 1, non-saturating): mean -log sigmoid(score) or mean -log(1 - sigmoid(score)).

    It is also called the logistic loss: softplus(-score) or softplus(score). The target is float32 for scores of every type, as in
    pytorch-CycleGAN-and-pix2pix: for float64 scores torch rounds the value, but not the gradient, to float32, and the golden
    trajectories hold rounded values.
    """
    target = torch.full((), float(is_real), dtype=torch.float32, device=scores.device)
    return F.binary_cross_entropy_with_logits(scores, target.expand_as(scores))


@_summed_over_scales
def hinge(scores: Tensor, is_real: bool) -> Tensor:
    """A discriminator's hinge loss (1705.02894; 1802.05957, equation 16): mean max(0, 1 - score) or mean max(0, 1 + score)."""
    return F.relu(1.0 - scores if is_real else 1.0 + scores).mean()


@_summed_over_scales
def wgan(scores: Tensor, is_real: bool) -> Tensor:
    """A critic's scores (1701.07875, equation 2): mean -score or mean score. The loss is bounded only by the critic's slope."""
    return -scores.mean() if is_real else scores.mean()


def minimax(scores: Scores, is_real: bool = True) -> Tensor:
    """The generator's loss of 1406.2661, equation 1: mean log(1 - sigmoid(score)). Its gradient vanishes while the discriminator wins."""
    return -vanilla(scores, not is_real)


# The discriminator's loss by name. `non-saturating` is cross-entropy too; papers use this name for its generator's loss.
ADVERSARIAL: dict[str, AdversarialLoss] = {"vanilla": vanilla, "non-saturating": vanilla, "lsgan": lsgan, "hinge": hinge, "wgan": wgan}

# The generator's loss: the same function, except for hinge, whose generator minimises -E[score] (1802.05957, equation 17).
GENERATORS_SIDE: dict[str, AdversarialLoss] = {**ADVERSARIAL, "hinge": wgan}

# The score halfway between the targets for real and for generated images. A critic's scores have no target.
MIDDLE: dict[str, float] = {"vanilla": 0.0, "non-saturating": 0.0, "lsgan": 0.5, "hinge": 0.0}
