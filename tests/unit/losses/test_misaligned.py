"""L1 losses of pairs that do not align, against loops over pixels in float64."""

import pytest
import torch
from torch import Tensor

from gan_style.losses.l1 import l1_loss
from gan_style.losses.misaligned import pyramid_l1, shift_l1

SIZES = [(8, 8), (7, 10), (1, 5), (3, 3)]


def pair(height: int, width: int, channels: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height * 100 + width)
    output, target = torch.rand(2, 3, channels, height, width, generator=generator, dtype=torch.float64) * 2 - 1
    return output.requires_grad_(), target


def a_mask(target: Tensor) -> Tensor:
    """Weights of which some are 0; the last image has none."""
    generator = torch.Generator().manual_seed(7)
    mask = torch.rand(len(target), 1, *target.shape[2:], generator=generator, dtype=torch.float64)
    mask = torch.where(mask < 0.4, 0.0, mask)
    mask[-1] = 0
    return mask


def mean_of_images(weighed: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The mean over images of sum / sum of the weights."""
    return torch.stack([total / weight if weight else torch.zeros_like(total) for total, weight in weighed]).mean()


def pyramid_by_loops(output: Tensor, target: Tensor, levels: int, mask: Tensor) -> Tensor:
    height, width = target.shape[2:]
    losses = []
    for level in range(levels):
        side = 2**level
        images = []
        for number in range(len(target)):
            total, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
            for y in range(0, height, side):
                for x in range(0, width, side):
                    place = (number, slice(None), slice(y, y + side), slice(x, x + side))
                    if weight := mask[place].mean():
                        means = [(image[place] * mask[place]).mean(dim=(1, 2)) / weight for image in (output, target)]
                        total, count = total + weight * (means[0] - means[1]).abs().mean(), count + weight
            images.append((total, count))
        losses.append(mean_of_images(images))
    return torch.stack(losses).mean()


def shift_by_loops(output: Tensor, target: Tensor, radius: int, patch: int, mask: Tensor) -> Tensor:
    batch, _, height, width = target.shape
    down, right = min(radius, (height - 1) // 2), min(radius, (width - 1) // 2)
    images = []
    for number in range(batch):
        total, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for top in range(down, height - down, patch):
            for left in range(right, width - right, patch):
                rows, columns = range(top, min(top + patch, height - down)), range(left, min(left + patch, width - right))
                pixels = [(y, x) for y in rows for x in columns]
                shifted = [
                    torch.stack(
                        [
                            mask[number, 0, y, x] * (output[number, :, y + down_by, x + right_by] - target[number, :, y, x]).abs().mean()
                            for y, x in pixels
                        ]
                    ).sum()
                    for down_by in range(-down, down + 1)
                    for right_by in range(-right, right + 1)
                ]
                total = total + min(shifted, key=lambda loss: loss.item())
                count = count + torch.stack([mask[number, 0, y, x] for y, x in pixels]).sum()
        images.append((total, count))
    return mean_of_images(images)


def check_equal(found: Tensor, expected: Tensor, output: Tensor) -> None:
    """The same value and the same slope in the output."""
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    slopes = [torch.autograd.grad(loss, output, retain_graph=True)[0] for loss in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("levels", [1, 2, 4])
def test_a_pyramid_is_the_mean_over_levels_of_means_of_squares(height: int, width: int, levels: int, masked: bool) -> None:
    output, target = pair(height, width)
    mask = a_mask(target) if masked else None
    expected = pyramid_by_loops(output, target, levels, torch.ones(3, 1, height, width) if mask is None else mask)
    check_equal(pyramid_l1(output, target, levels, mask), expected, output)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("radius", "patch"), [(0, 3), (1, 1), (1, 2), (2, 3), (3, 100)])
def test_each_patch_has_the_least_loss_over_its_shifts(height: int, width: int, radius: int, patch: int, masked: bool) -> None:
    output, target = pair(height, width)
    mask = a_mask(target) if masked else None
    expected = shift_by_loops(output, target, radius, patch, torch.ones(3, 1, height, width) if mask is None else mask)
    check_equal(shift_l1(output, target, radius, patch, mask), expected, output)


def test_one_level_and_no_shift_are_the_plain_loss() -> None:
    output, target = pair(7, 10)
    assert torch.equal(pyramid_l1(output, target, 1), l1_loss(output, target))
    assert torch.equal(shift_l1(output, target, 0, 4), l1_loss(output, target))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -1), (-2, 2)])
def test_a_shift_within_the_radius_costs_nothing_and_one_beyond_it_does(down: int, right: int) -> None:
    scene = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    output, target = scene[:, :, 4:20, 4:20], scene[:, :, 4 + down : 20 + down, 4 + right : 20 + right]
    assert shift_l1(output, target, 2, 5).item() == 0.0
    beyond = scene[:, :, 1:17, 4:20]
    assert shift_l1(output, beyond, 2, 5).item() > 0.1


def test_neighbouring_patches_may_be_shifted_in_different_ways() -> None:
    scene = torch.rand(1, 1, 12, 24, generator=torch.Generator().manual_seed(1))
    target = torch.cat([scene[..., 1:9], scene[..., 11:19]], dim=3)
    output = torch.cat(
        [scene[..., :8], scene[..., 12:20]], dim=3
    )  # the left half is shifted by one pixel to the right, the other to the left
    assert shift_l1(output, target, 1, 7).item() < 0.4 * shift_l1(output, target, 1, 100).item()


def test_of_equal_shifts_none_is_taken() -> None:
    output = torch.zeros(1, 1, 5, 5, requires_grad=True)
    shift_l1(output, torch.ones(1, 1, 5, 5), 1, 3).backward()
    assert output.grad is not None
    assert torch.equal(output.grad[0, 0] != 0, torch.nn.functional.pad(torch.ones(3, 3), (1, 1, 1, 1)).bool())


def test_areas_hide_a_small_shift_of_a_fine_pattern() -> None:
    board = ((torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1.0)[None, None]
    assert l1_loss(board, -board).item() == 2.0
    assert pyramid_l1(board, -board, 4).item() == 0.5


@pytest.mark.parametrize("loss", [lambda x, y: pyramid_l1(x, y, 3), lambda x, y: shift_l1(x, y, 1, 4)])
def test_half_precision_is_compared_in_the_precision_of_the_real_image(loss: object) -> None:
    output, target = torch.full((1, 3, 8, 8), 0.5, dtype=torch.bfloat16), torch.full((1, 3, 8, 8), 0.501)
    found = loss(output, target)  # type: ignore[operator]
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(0.001, rel=1e-3)
