"""The L1 loss."""

import pytest
import torch

from gan_style.losses.l1 import l1_loss


def test_it_is_the_mean_absolute_error() -> None:
    output, target = torch.tensor([[[[0.5, -1.0], [0.25, 0.0]]]]), torch.tensor([[[[0.0, 1.0], [0.25, 1.0]]]])
    assert l1_loss(output, target).item() == pytest.approx((0.5 + 2 + 0 + 1) / 4)


def test_a_translation_in_half_precision_is_compared_in_the_precision_of_the_real_image() -> None:
    output, target = torch.full((1, 3, 4, 4), 0.5, dtype=torch.bfloat16), torch.full((1, 3, 4, 4), 0.501)
    assert l1_loss(output, target).dtype == torch.float32
    assert l1_loss(output, target).item() == pytest.approx(0.001, rel=1e-3)
