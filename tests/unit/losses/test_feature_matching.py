import pytest
import torch

from gan_style.losses.feature_matching import feature_matching_loss


def test_by_hand() -> None:
    """Two scales of two layers: sums of mean absolute differences, 0.5 + 2 and 1 + 0, and their mean."""
    fake = [[torch.zeros(1, 1, 1, 2), torch.full((2, 1, 2, 2), 3.0)], [torch.ones(1, 2, 1, 1), torch.ones(1, 1, 1, 1)]]
    real = [[torch.tensor([[[[0.0, -1.0]]]]), torch.ones(2, 1, 2, 2)], [torch.tensor([[[[3.0]], [[1.0]]]]), torch.ones(1, 1, 1, 1)]]
    assert feature_matching_loss(fake, real).item() == pytest.approx((0.5 + 2.0 + 1.0 + 0.0) / 2)


def test_no_gradient_reaches_the_real_features() -> None:
    fake, real = (torch.rand(1, 2, 3, 3, requires_grad=True) for _ in range(2))
    feature_matching_loss([[fake]], [[real]]).backward()
    assert real.grad is None
    assert fake.grad is not None
    torch.testing.assert_close(fake.grad, (fake - real).sign().detach() / fake.numel())


def test_half_precision_ends_at_the_loss() -> None:
    fake, real = (30 * torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(seed)).bfloat16() for seed in (1, 2))
    with torch.autocast("cpu", torch.bfloat16):
        loss = feature_matching_loss([[fake]], [[real]])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(feature_matching_loss([[fake.float()]], [[real.float()]]).item(), rel=1e-6)


def test_scales_that_do_not_correspond_are_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        feature_matching_loss([[torch.ones(1)]], [[torch.ones(1)], [torch.ones(1)]])
