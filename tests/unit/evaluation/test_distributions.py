"""FID and KID by arithmetic, and against torchmetrics."""

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from gan_style.evaluation.distributions import fid, kid


def features(count: int, width: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=generator, dtype=torch.float64) / width**0.5
    return torch.randn(count, width, generator=generator, dtype=torch.float64) @ mix + 0.3 * seed


def test_fid_of_one_feature_is_the_difference_of_means_and_deviations() -> None:
    one, other = torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([[10.0], [11.0]])
    deviations = 2.0, 0.5**0.5  # of a sample: divided by N - 1
    assert fid(one, other) == pytest.approx((10.5 - 2.0) ** 2 + (deviations[0] - deviations[1]) ** 2)


@pytest.mark.parametrize(("count", "other", "width"), [(300, 200, 16), (9, 14, 24), (40, 10, 20)])
def test_fid_is_torchmetrics(count: int, other: int, width: int) -> None:
    class Given(nn.Module):
        num_features = width

        def forward(self, given: Tensor) -> Tensor:
            return given

    translated, real = features(count, width, 1), features(other, width, 2)
    reference = FrechetInceptionDistance(Given())
    reference.update(real, real=True)
    reference.update(translated, real=False)
    assert fid(translated, real) == pytest.approx(float(reference.compute()), rel=1e-4)


def test_fid_of_a_set_with_itself_is_nothing() -> None:
    for width in (4, 60):
        assert fid(features(30, width, 1), features(30, width, 1)) == pytest.approx(0.0, abs=1e-6)


def test_fid_by_the_root_of_a_matrix() -> None:
    """Commuting covariances: the trace's root is the sum of the products of deviations."""
    axes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    one, other = axes * torch.tensor([3.0, 1.0]), axes * torch.tensor([1.0, 2.0]) + 5
    spread = (2 / 3) ** 0.5
    expected = 2 * 5**2 + (3 * spread - spread) ** 2 + (spread - 2 * spread) ** 2
    assert fid(one, other) == pytest.approx(expected)


def kernel(a: Tensor, b: Tensor) -> float:
    return float((a @ b / len(a) + 1) ** 3)


def mean_over_pairs(x: Tensor) -> float:
    count = len(x)
    return sum(kernel(x[i], x[j]) for i in range(count) for j in range(count) if i != j) / (count * (count - 1))


def test_kid_is_the_unbiased_sum_over_pairs() -> None:
    x, y = features(7, 5, 1), features(7, 5, 2)
    between = sum(kernel(a, b) for a in x for b in y) / 49
    assert kid(x, y) == pytest.approx(mean_over_pairs(x) + mean_over_pairs(y) - 2 * between, rel=1e-9)


def test_kid_of_sets_of_two_sizes_is_over_subsets_of_the_smaller_size() -> None:
    """Of a set of equal images all subsets are equal."""
    x, point = features(6, 5, 1), features(1, 5, 2)
    expected = mean_over_pairs(x) + kernel(point[0], point[0]) - 2 * sum(kernel(a, point[0]) for a in x) / 6
    assert kid(x, point.repeat(40, 1)) == pytest.approx(expected, rel=1e-9)
    assert kid(point.repeat(40, 1), x) == pytest.approx(expected, rel=1e-9)


def test_kid_draws_its_subsets_from_no_global_generator() -> None:
    x, y = features(6, 5, 1), features(40, 5, 2)
    state = torch.get_rng_state()
    first = kid(x, y)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(99)
    assert kid(x, y) == first
