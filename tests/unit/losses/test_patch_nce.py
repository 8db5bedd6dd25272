import math
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.losses.patch_nce import patch_nce, transport_plan

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


def plan_by_hand(similarities: list[list[float]], beta: float) -> list[list[float]]:
    """w_st = u_s exp(x_st / beta) v_t for t other than s, with u and v such that rows and columns sum to 1 (2203.09333, section 3.2)."""
    count = len(similarities)
    kernel = [[math.exp(similarities[s][t] / beta) if s != t else 0.0 for t in range(count)] for s in range(count)]
    v = [1.0] * count
    for _ in range(1000):
        u = [1 / sum(kernel[s][t] * v[t] for t in range(count)) for s in range(count)]
        v = [1 / sum(u[s] * kernel[s][t] for s in range(count)) for t in range(count)]
    return [[u[s] * kernel[s][t] * v[t] for t in range(count)] for s in range(count)]


def monce_by_hand(query: Tensor, key: Tensor, temperature: float, beta: float) -> Tensor:
    """-log(e^(x_ss / tau) / (e^(x_ss / tau) + (N - 1) sum of w_st e^(x_st / tau) over t other than s)); [N, C] -> [N]."""
    count = len(query)
    similarities = (query @ key.T).tolist()
    plan = plan_by_hand(similarities, beta)
    losses = []
    for s in range(count):
        positive = math.exp(similarities[s][s] / temperature)
        others = sum(plan[s][t] * math.exp(similarities[s][t] / temperature) for t in range(count) if t != s)
        losses.append(-math.log(positive / (positive + (count - 1) * others)))
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize(("beta", "exact"), [(1.0, 1e-9), (0.3, 1e-5)])
def test_monce_is_the_papers_arithmetic(beta: float, exact: float) -> None:
    """50 steps of Sinkhorn's algorithm leave less of an error with a larger beta."""
    query, key = vectors(3, 5, 4), vectors(3, 5, 4).flip(1)
    got = patch_nce(query, key, 0.3, "image", "none", "monce", beta)
    expected = torch.stack([monce_by_hand(*pair, 0.3, beta) for pair in zip(query, key, strict=True)])
    torch.testing.assert_close(got, expected, rtol=exact, atol=0)
    together = patch_nce(query, key, 0.3, "batch", "none", "monce", beta)
    torch.testing.assert_close(together.flatten(), monce_by_hand(query.flatten(0, 1), key.flatten(0, 1), 0.3, beta), rtol=exact, atol=0)
    assert not torch.allclose(got, patch_nce(query, key, 0.3, "image", "none"), rtol=1e-3)


def test_a_plan_gives_each_patch_one_unit_and_similar_ones_more() -> None:
    similarities = vectors(2, 40, 8) @ vectors(2, 40, 8).flip(1).transpose(1, 2)
    for beta in (1.0, 0.1):
        plan = transport_plan(similarities, beta)
        assert (plan.diagonal(dim1=1, dim2=2) == 0).all() and (plan >= 0).all()
        torch.testing.assert_close(plan.sum(dim=1), torch.ones(2, 40, dtype=torch.float64), rtol=0, atol=1e-12)
        torch.testing.assert_close(plan.sum(dim=2), torch.ones(2, 40, dtype=torch.float64), rtol=0, atol=0.001 * 0.1 / beta)
        others = ~torch.eye(40, dtype=torch.bool)
        weights, values = plan[:, others], similarities[:, others]
        assert weights[values > 0.3].mean() > 1.3 * weights[values < -0.3].mean()


def test_alike_negatives_weigh_alike() -> None:
    corners = torch.eye(4, dtype=torch.float64)[None]
    torch.testing.assert_close(patch_nce(corners, corners, 0.5, weighting="monce"), patch_nce(corners, corners, 0.5))
    pair = vectors(1, 2, 3)
    torch.testing.assert_close(patch_nce(pair, pair.flip(1), 0.5, weighting="monce"), patch_nce(pair, pair.flip(1), 0.5))  # one negative
    assert patch_nce(pair[:, :1], pair[:, :1], weighting="monce").item() == 0.0


def test_weights_are_constants_of_the_gradient() -> None:
    """Each negative pushes with its weight; nothing is learnt through the plan."""
    query, key = vectors(1, 6, 4).requires_grad_(), vectors(1, 6, 4).flip(1)
    (got,) = torch.autograd.grad(patch_nce(query, key, 0.3, weighting="monce", weighting_temperature=0.5), query)
    similarities = (query @ key.transpose(1, 2))[0]
    weights = 5 * transport_plan(similarities.detach()[None], 0.5)[0] + torch.eye(6)
    terms = weights * (similarities / 0.3).exp()
    (expected,) = torch.autograd.grad(-(terms.diagonal() / terms.sum(dim=1)).log().mean(), query)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-14)


def test_the_sharpest_weights_stay_finite_in_float32() -> None:
    query = torch.cat([vectors(1, 200, 16), -vectors(1, 56, 16)], dim=1).float().requires_grad_()
    key = query.detach().roll(3, 1)
    for similar in (key, torch.ones_like(key) / 4, -torch.ones_like(key) / 4):
        loss = patch_nce(query, similar, weighting="monce", weighting_temperature=0.05)
        (gradient,) = torch.autograd.grad(loss, query)
        assert loss.isfinite() and gradient.isfinite().all()
