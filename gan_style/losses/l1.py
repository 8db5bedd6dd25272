"""The L1 loss of pairs, cycles and identities (1611.07004, equation 3; 1703.10593, equation 2)."""

import torch.nn.functional as F
from torch import Tensor


def l1_loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error in the target's precision, because half precision is for the networks alone. Both: [B, C, H, W]"""
    return F.l1_loss(output.to(target), target)
