"""The L1 loss of pairs, cycles and identities (1611.07004, equation 3; 1703.10593, equation 2)."""

import torch.nn.functional as F
from torch import Tensor

from gan_style.losses.masked import masked_mean


def l1_loss(output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean absolute error in the target's precision, because half precision is for the networks alone. Both: [B, C, H, W]

    mask: [B, 1, H, W], the weight of each pixel as in `masked_mean`; None weighs all alike
    """
    if mask is None:
        return F.l1_loss(output.to(target), target)
    return masked_mean((output.to(target) - target).abs(), mask)
