import math
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.losses.patch_nce import patch_nce

Which = Literal["image", "batch"]


def vectors(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return F.normalize(torch.randn(*shape, dtype=torch.float64, generator=generator), dim=-1)


def by_hand(query: Tensor, key: Tensor, temperature: float, negatives: Which) -> Tensor:
    """Equation 2, patch by patch, with the positive and the negatives told apart."""
    losses = torch.zeros(query.shape[:2], dtype=torch.float64)
    for b in range(len(query)):
        for s in range(query.shape[1]):
            positive = torch.exp(query[b, s] @ key[b, s] / temperature)
            others = [
                torch.exp(query[b, s] @ key[c, t] / temperature)
                for c in range(len(key))
                for t in range(key.shape[1])
                if (c, t) != (b, s) and (c == b or negatives == "batch")
            ]
            losses[b, s] = -torch.log(positive / (positive + sum(others)))
    return losses


@pytest.mark.parametrize("negatives", ["image", "batch"])
def test_value_and_gradient_are_the_papers_arithmetic(negatives: Which) -> None:
    query, key = vectors(3, 5, 4).requires_grad_(), vectors(3, 5, 4).flip(1)
    expected = by_hand(query, key, 0.3, negatives)
    torch.testing.assert_close(patch_nce(query, key, 0.3, negatives, "none"), expected, rtol=1e-12, atol=0)
    loss = patch_nce(query, key, 0.3, negatives)
    torch.testing.assert_close(loss, expected.mean(), rtol=1e-12, atol=0)
    (gradient,) = torch.autograd.grad(loss, query)
    (by_hand_gradient,) = torch.autograd.grad(expected.mean(), query)
    torch.testing.assert_close(gradient, by_hand_gradient, rtol=1e-10, atol=1e-14)
    assert torch.autograd.gradcheck(lambda q: patch_nce(q, key, 0.3, negatives), (query,))


def test_known_values() -> None:
    """Four directions at right angles: 1 with itself, 0 with the others. All patches alike: nothing tells four apart."""
    corners = torch.eye(4, dtype=torch.float64)[None]
    assert patch_nce(corners, corners, 0.5).item() == pytest.approx(math.log(1 + 3 * math.exp(-2)))
    assert patch_nce(corners, corners.roll(1, dims=1), 0.5).item() == pytest.approx(2 + math.log(1 + 3 * math.exp(-2)))
    alike = corners[:, :1].expand(1, 4, 4)
    assert patch_nce(alike, alike).item() == pytest.approx(math.log(4))
    assert patch_nce(alike[:, :1], alike[:, :1]).item() == 0.0  # one patch has no others


def test_other_images_count_only_where_they_are_asked_for() -> None:
    query, key = vectors(2, 6, 8), vectors(2, 6, 8).roll(1, 0)
    apart = torch.stack([patch_nce(query[i : i + 1], key[i : i + 1]) for i in range(2)]).mean()
    torch.testing.assert_close(patch_nce(query, key), apart)
    assert patch_nce(query, key, negatives="batch") > apart


def test_keys_are_constants() -> None:
    query, key = vectors(1, 3, 4).requires_grad_(), vectors(1, 3, 4).requires_grad_()
    patch_nce(query, key).backward()
    assert query.grad is not None and query.grad.abs().max() > 0
    assert key.grad is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_outside(dtype: torch.dtype) -> None:
    query, key = vectors(1, 64, 16).to(dtype), vectors(1, 64, 16).flip(1).to(dtype)
    with torch.autocast("cpu", dtype):
        loss = patch_nce(query, key)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, patch_nce(query.float(), key.float()), rtol=0, atol=0)
