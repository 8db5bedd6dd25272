"""The registration network: its field, its first field, its precision."""

import pytest
import torch
from torch import nn

from gan_style.networks.layers.warp import warp
from gan_style.networks.registration import RegistrationConfig, RegistrationNetwork


def network(num_downs: int = 3, seed: int = 0, moved: bool = True) -> RegistrationNetwork:
    """A small network. moved: its last layer has left 0"""
    torch.manual_seed(seed)
    made = RegistrationNetwork(3, RegistrationConfig(base_channels=4, num_downs=num_downs))
    if moved:
        nn.init.normal_(made.head.weight, 0.0, 0.05)
    return made


@pytest.mark.parametrize("num_downs", [1, 2, 4])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 30), (1, 1), (3, 64)])
def test_a_field_has_the_size_of_the_images(num_downs: int, height: int, width: int) -> None:
    images = torch.rand(2, 2, 3, height, width) * 2 - 1
    field = network(num_downs)(*images)
    assert field.shape == (2, 2, height, width)
    assert field.isfinite().all() and field.any()


def test_the_first_field_is_exactly_zero() -> None:
    images = torch.rand(2, 1, 3, 32, 32)
    made = network(moved=False)
    field = made(*images)
    assert torch.equal(field, torch.zeros(1, 2, 32, 32))
    field.sum().backward()
    assert made.head.weight.grad is not None and made.head.weight.grad.any()


def test_both_images_count() -> None:
    moving, target, other = torch.rand(3, 1, 3, 32, 32)
    made = network()
    field = made(moving, target)
    assert not torch.equal(made(other, target), field)
    assert not torch.equal(made(moving, other), field)


def test_the_way_back_is_the_opposite_and_equal_images_stay_where_they_are() -> None:
    moving, target = torch.rand(2, 2, 3, 20, 32)
    made = network()
    nn.init.ones_(made.head.bias)
    assert torch.equal(made(moving, target), -made(target, moving))
    assert not made(target, target).any()


def test_each_pair_has_a_field_of_its_own() -> None:
    moving, target = torch.rand(2, 3, 3, 24, 24, dtype=torch.float64)
    made = network().double()
    together = made(moving, target)
    torch.testing.assert_close(together, torch.cat([made(*pair) for pair in zip(moving.split(1), target.split(1), strict=True)]))


def test_the_field_of_half_precision_is_float32() -> None:
    moving, target = torch.rand(2, 1, 3, 32, 32)
    made = network()
    with torch.autocast("cpu", torch.bfloat16):
        field = made(moving.bfloat16(), target)
    assert field.dtype == torch.float32
    assert not torch.equal(field, field.bfloat16().float())
    torch.testing.assert_close(field, made(moving, target), rtol=0.1, atol=0.1)


def test_it_learns_a_shift() -> None:
    generator = torch.Generator().manual_seed(0)
    scene = nn.functional.interpolate(torch.rand(4, 3, 12, 12, generator=generator), scale_factor=4, mode="bicubic")
    moving, target = scene[..., 4:36, 4:36], scene[..., 6:38, 3:35]  # two rows down, one column to the left
    made = network(moved=False)
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    losses = []
    for _ in range(60):
        field = made(moving, target)
        loss = (warp(moving, field) - target).abs().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.35 * losses[0]
    right, down = field[..., 8:-8, 8:-8].mean(dim=(0, 2, 3)).tolist()
    assert (right, down) == pytest.approx((-1, 2), abs=0.4)
