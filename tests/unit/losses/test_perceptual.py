"""Style and content losses against arithmetic, float64 and each other."""

import pytest
import torch
from torch import Tensor

from gan_style.losses.perceptual import content_loss, gram_loss, gram_matrix, mmd_loss, moment_loss, moments
from gan_style.losses.total_variation import total_variation


def features(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or (2, 5, 6, 7), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_content_by_hand() -> None:
    a = torch.zeros(2, 1, 1, 2)
    b = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 0.0]]]])
    assert content_loss(a, b, "half_sum").item() == (0.5 * (1 + 4) + 0.5 * 9) / 2
    assert content_loss(a, b).item() == (1 + 4 + 9) / 4


def test_gram_by_hand() -> None:
    one = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # 2 channels, 2 positions
    assert gram_matrix(one).tolist() == [[[2.5, 5.5], [5.5, 12.5]]]  # / M
    assert gram_matrix(one, "johnson").tolist() == [[[1.25, 2.75], [2.75, 6.25]]]  # / C M


def test_gram_loss_is_gatyss_equation() -> None:
    f, s = features(1), features(2)
    n, m = 5, 42
    expected = 0.0
    for image in range(2):
        g, a = f[image].reshape(n, m), s[image].reshape(n, m)
        expected += (1 / (4 * n**2 * m**2) * ((g @ g.T - a @ a.T) ** 2).sum()).item() / 2
    assert gram_loss(gram_matrix(f), gram_matrix(s)).item() == pytest.approx(expected, rel=1e-12)
    johnson = (
        sum(
            (((f[i].reshape(n, m) @ f[i].reshape(n, m).T - s[i].reshape(n, m) @ s[i].reshape(n, m).T) / (n * m)) ** 2).sum()
            for i in range(2)
        )
        / 2
    )
    assert gram_loss(gram_matrix(f, "johnson"), gram_matrix(s, "johnson"), "johnson").item() == pytest.approx(float(johnson), rel=1e-12)


def test_a_polynomial_kernel_of_degree_2_is_the_gram_loss() -> None:
    f, s = features(1, 2, 5, 6, 7), features(2, 2, 5, 4, 9)  # of different sizes
    assert mmd_loss(f, s, "polynomial", degree=2).item() == pytest.approx(
        4 * 5**2 * gram_loss(gram_matrix(f), gram_matrix(s)).item(), rel=1e-10
    )


def test_a_linear_kernel_compares_means() -> None:
    f, s = features(1), features(2)
    expected = (f.mean((2, 3)) - s.mean((2, 3))).square().sum(1).mean()
    assert mmd_loss(f, s, "linear").item() == pytest.approx(expected.item(), rel=1e-10)


def test_a_gaussian_kernel_by_hand() -> None:
    f, s = torch.zeros(1, 1, 1, 2, dtype=torch.float64), torch.full((1, 1, 1, 3), 2.0, dtype=torch.float64)
    expected = 1 + 1 - 2 * torch.exp(torch.tensor(-4 / (2 * 3.0), dtype=torch.float64))
    assert mmd_loss(f, s, "gaussian", bandwidth=3.0).item() == pytest.approx(expected.item(), rel=1e-12)
    assert mmd_loss(f, s, "gaussian").item() == pytest.approx(2 - 2 * float(torch.exp(torch.tensor(-0.5, dtype=torch.float64))), rel=1e-12)


def test_large_features_are_compared_in_bounded_memory() -> None:
    f = features(1, 1, 2, 100, 100)
    assert mmd_loss(f, f + 1.0, "gaussian") > mmd_loss(f, f.flip(3), "gaussian")


def test_moments_by_hand() -> None:
    mean, deviation = moments(torch.tensor([[[[1.0, 3.0]], [[5.0, 5.0]]]]), eps=0.0)
    assert (mean.flatten().tolist(), deviation.flatten().tolist()) == ([2.0, 5.0], [1.0, 0.0])
    f = torch.tensor([[[[1.0, 3.0]]]])
    assert moment_loss(f, f + 2.0).item() == pytest.approx(4.0)
    assert moment_loss(f, f * 3.0).item() == pytest.approx(16.0 + 4.0, rel=1e-4)


@pytest.mark.parametrize("norm", ["gatys", "johnson"])
def test_positions_without_weight_do_not_count(norm: str) -> None:
    f = features(1)
    mask = torch.zeros(1, 1, 6, 7, dtype=torch.float64)
    mask[..., :3] = 1.0
    changed = f.clone()
    changed[..., 3:] = 100.0
    cut = f[..., :3]
    torch.testing.assert_close(gram_matrix(changed, norm, weights=mask), gram_matrix(cut, norm))  # type: ignore[arg-type]
    for weighted, plain in zip(moments(changed, mask), moments(cut), strict=True):
        torch.testing.assert_close(weighted, plain)
    assert gram_matrix(f, norm, weights=0 * mask).isfinite().all()  # type: ignore[arg-type]
    assert all(value.isfinite().all() for value in moments(f, 0 * mask))


LOSSES = {
    "content": lambda f, s: content_loss(f, s),
    "gram": lambda f, s: gram_loss(gram_matrix(f), gram_matrix(s)),
    "moments": moment_loss,
    **{kernel: (lambda f, s, kernel=kernel: mmd_loss(f, s, kernel)) for kernel in ("linear", "polynomial")},
    "gaussian": lambda f, s: mmd_loss(f, s, "gaussian", bandwidth=5.0),
    "total variation": lambda f, s: total_variation(f),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_float32_agrees_with_float64_and_gradients_are_right(name: str) -> None:
    loss = LOSSES[name]
    f, s = features(3, 1, 3, 4, 5).requires_grad_(), features(4, 1, 3, 4, 5)
    assert torch.autograd.gradcheck(lambda x: loss(x, s), f)
    (gradient,) = torch.autograd.grad(loss(f, s), f)
    assert gradient.abs().max() > 1e-4
    assert loss(f.float(), s.float()).item() == pytest.approx(loss(f, s).item(), rel=1e-4)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_half_precision_ends_at_the_losses(name: str) -> None:
    """Features of a bf16 network, compared inside autocast, give what their float32 copies give."""
    f, s = 30 * features(5).bfloat16(), 30 * features(6).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        inside = LOSSES[name](f, s)
    assert inside.dtype == torch.float32
    assert inside.item() == pytest.approx(LOSSES[name](f.float(), s.float()).item(), rel=1e-6)


def test_total_variation_of_a_checkerboard_is_2() -> None:
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(4, 4).expand(2, 3, 8, 8)
    assert total_variation(board).item() == 2.0
    assert total_variation(torch.ones(1, 1, 3, 3)).item() == 0.0
