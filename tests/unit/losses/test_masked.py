"""Means inside a mask."""

import pytest
import torch

from gan_style.losses.feature_matching import feature_matching_loss
from gan_style.losses.l1 import l1_loss
from gan_style.losses.masked import masked_mean
from gan_style.losses.perceptual import absolute_loss, content_loss


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_an_image_counts_by_the_pixels_inside_alone() -> None:
    values = torch.tensor([[[[1.0, 2.0], [3.0, 100.0]], [[5.0, 6.0], [7.0, 100.0]]]])
    mask = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    assert masked_mean(values, mask).item() == pytest.approx((1 + 2 + 3 + 5 + 6 + 7) / 6)


def test_each_image_has_its_own_sum_of_weights() -> None:
    values, mask = drawn(3, 2, 4, 5), (drawn(3, 1, 4, 5, seed=1) > 0.5).double()
    each = [masked_mean(value[None], weight[None]) for value, weight in zip(values, mask, strict=True)]
    assert masked_mean(values, mask).item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-12)


def test_an_empty_mask_counts_nothing_and_has_no_slope() -> None:
    values = drawn(2, 3, 4, 4).requires_grad_()
    mask = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
    loss = masked_mean(values, mask)
    assert loss.item() == pytest.approx(values[1].mean().item() / 2, rel=1e-6)
    loss.backward()
    assert values.grad is not None and not values.grad[0].any() and values.grad[1].all()


def test_a_smaller_map_is_weighed_by_the_share_of_each_area() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2, :1] = 1  # half of the upper left quarter
    mask[..., :2, 2:] = 1  # the whole upper right one
    values = torch.tensor([[[[1.0, 4.0], [100.0, 100.0]]]])
    assert masked_mean(values, mask).item() == pytest.approx((0.5 * 1 + 1 * 4) / 1.5)


@pytest.mark.parametrize("loss", [l1_loss, absolute_loss, content_loss])
def test_a_mask_of_ones_changes_nothing_and_pixels_outside_have_no_slope(loss: object) -> None:
    assert callable(loss)
    output, target = drawn(2, 3, 6, 5).requires_grad_(), drawn(2, 3, 6, 5, seed=2)
    plain = loss(output, target)
    torch.testing.assert_close(loss(output, target, mask=torch.ones(2, 1, 6, 5)), plain)
    mask = torch.ones(2, 1, 6, 5)
    mask[:, :, 2:] = 0
    [slope] = torch.autograd.grad(loss(output, target, mask=mask), [output])
    assert slope[:, :, :2].all() and not slope[:, :, 2:].any()


def test_features_of_all_scales_and_layers_are_weighed() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4, :] = 1
    fake = [[torch.zeros(1, 2, 8, 8), torch.zeros(1, 3, 4, 4)], [torch.zeros(1, 2, 4, 4)]]
    real = [[each.clone() for each in scale] for scale in fake]
    for place, layer in enumerate(layer for scale in real for layer in scale):
        layer[:, :, : layer.shape[2] // 2] = place + 1.0  # inside
        layer[:, :, layer.shape[2] // 2 :] = 50.0
    assert feature_matching_loss(fake, real, mask).item() == pytest.approx((1 + 2 + 3) / 2)


def test_half_precision_ends_at_the_loss() -> None:
    values = torch.full((1, 1, 300, 300), 1.001)
    with torch.autocast("cpu", torch.bfloat16):
        loss = absolute_loss(values.bfloat16(), torch.zeros_like(values), mask=torch.ones(1, 1, 300, 300))
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(1.0, rel=1e-4)
