"""The smoothness of a displacement field."""

import pytest
import torch

from gan_style.losses.smoothness import length, smoothness


def test_it_is_the_mean_square_difference_of_neighbours() -> None:
    field = torch.randn(2, 2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    down = [(field[n, c, y + 1, x] - field[n, c, y, x]) ** 2 for n in range(2) for c in range(2) for y in range(3) for x in range(5)]
    right = [(field[n, c, y, x + 1] - field[n, c, y, x]) ** 2 for n in range(2) for c in range(2) for y in range(4) for x in range(4)]
    assert smoothness(field).item() == pytest.approx((sum(down) / len(down) + sum(right) / len(right)).item(), rel=1e-12)


def test_a_field_that_is_everywhere_the_same_costs_nothing() -> None:
    assert smoothness(torch.full((1, 2, 4, 4), 7.0)).item() == 0.0


def test_the_length_is_the_mean_square_of_both_components() -> None:
    assert length(torch.tensor([3.0, 1.0])[None, :, None, None].expand(2, 2, 4, 4)).item() == pytest.approx((9 + 1) / 2)


def test_a_steady_growth_costs_its_square() -> None:
    field = torch.zeros(1, 2, 8, 8)
    field[0, 0] = 0.1 * torch.arange(8)
    assert smoothness(field).item() == pytest.approx(0.005)
