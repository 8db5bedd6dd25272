"""PatchNCE: a patch of a translation is classified by its source among the patches of the input (Park et al., 2020, 2007.15651).

MoNCE (Zhan et al., 2022, 2203.09333) weighs the negatives. The weights are an optimal transport plan between all patches of the translation
and all patches of the input, so that a patch that many others resemble does not take the weight of all.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.networks.layers.moments import outside_autocast

Negatives = Literal["image", "batch"]
Weighting = Literal["none", "monce"]

_SINKHORN_STEPS = 50  # as in MoNCE's code


@outside_autocast
def patch_nce(
    query: Tensor,
    key: Tensor,
    temperature: float = 0.07,
    negatives: Negatives = "image",
    reduction: Literal["mean", "none"] = "mean",
    weighting: Weighting = "none",
    weighting_temperature: float = 1.0,
) -> Tensor:
    """Mean over the patches s of -log(exp(z_s . k_s / tau) / sum_t exp(z_s . k_t / tau)) (equations 2 and 3, one layer).

    query, key: z and k, vectors of length 1, [B, P, C]; patch s of the query belongs to patch s of the key
    negatives: the sum runs over the N patches t of the same image (`image`, the paper's choice) or of all images (`batch`)
    reduction: `none` returns [B, P]
    weighting: `monce` multiplies each negative, t other than s, by (N - 1) w_st; w is what `transport_plan` returns, a constant
    weighting_temperature: beta of the plan, at least 0.05
    No gradient reaches the keys, as in the authors' code. The result is at least float32, inside autocast too.
    """
    key = key.detach()
    images, patches, channels = query.shape
    if negatives == "batch":
        query, key = query.reshape(1, -1, channels), key.reshape(1, -1, channels)
    similarities = query @ key.transpose(1, 2)  # [B, N, N], N = P; or [1, N, N], N = B P
    logits = similarities / temperature
    if weighting == "monce" and logits.shape[1] > 1:  # a single patch has no negatives
        logits = logits + _log_weights(transport_plan(similarities.detach(), weighting_temperature))
    own = torch.arange(logits.shape[1], device=logits.device).repeat(len(logits))  # the diagonal
    losses = F.cross_entropy(logits.flatten(0, 1), own, reduction=reduction)
    return losses.view(images, patches) if reduction == "none" else losses


def transport_plan(similarities: Tensor, temperature: float) -> Tensor:
    """Weights w [B, N, N] of negatives: w_ss = 0, each row and each column sums to 1, and similar patches have large weights.

    w maximises sum_st w_st x_st + beta H(w), with the entropy H and beta the temperature: it is the plan of optimal transport that MoNCE
    calls hard weighting and takes for unpaired translation (2203.09333, section 3.2; Sinkhorn's algorithm, 1306.0895).

    similarities: x [B, N, N] in [-1, 1], N >= 2; temperature: at least 0.05, so that exp(x / beta) stays within float32
    """
    kernel = (similarities / temperature).exp() * (1.0 - torch.eye(similarities.shape[1], device=similarities.device))
    rows = columns = torch.ones_like(kernel[:, :, :1])  # [B, N, 1]
    for _ in range(_SINKHORN_STEPS):
        rows = (kernel @ columns).reciprocal()
        columns = (kernel.transpose(1, 2) @ rows).reciprocal()
    return rows * kernel * columns.transpose(1, 2)


def _log_weights(plan: Tensor) -> Tensor:
    """log((N - 1) w) of the negatives, and 0 of the positives on the diagonal."""
    diagonal = torch.eye(plan.shape[1], dtype=torch.bool, device=plan.device)
    return ((plan.shape[1] - 1) * plan).masked_fill(diagonal, 1.0).log()
