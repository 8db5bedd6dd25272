"""PatchNCE: a patch of a translation is classified by its source among the patches of the input (Park et al., 2020, 2007.15651)."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.networks.layers.moments import outside_autocast

Negatives = Literal["image", "batch"]


@outside_autocast
def patch_nce(
    query: Tensor,
    key: Tensor,
    temperature: float = 0.07,
    negatives: Negatives = "image",
    reduction: Literal["mean", "none"] = "mean",
) -> Tensor:
    """Mean over the patches s of -log(exp(z_s . k_s / tau) / sum_t exp(z_s . k_t / tau)) (equations 2 and 3, one layer).

    query, key: z and k, vectors of length 1, [B, P, C]; patch s of the query belongs to patch s of the key
    negatives: the sum runs over the patches t of the same image (`image`, the paper's choice) or of all images (`batch`)
    reduction: `none` returns [B, P]
    No gradient reaches the keys, as in the authors' code. The result is at least float32, inside autocast too.
    """
    key = key.detach()
    images, patches, channels = query.shape
    if negatives == "batch":
        query, key = query.reshape(1, -1, channels), key.reshape(1, -1, channels)
    logits = query @ key.transpose(1, 2) / temperature  # [B, P, P] or [1, B P, B P]
    own = torch.arange(logits.shape[1], device=logits.device).repeat(len(logits))  # the diagonal
    losses = F.cross_entropy(logits.flatten(0, 1), own, reduction=reduction)
    return losses.view(images, patches) if reduction == "none" else losses
