"""Images that a displacement field moves, against loops in float64."""

import math

import pytest
import torch
from torch import Tensor

from gan_style.networks.layers.warp import warp


def by_loops(images: Tensor, field: Tensor) -> Tensor:
    height, width = images.shape[2:]
    result = torch.empty_like(images)
    for number in range(len(images)):
        for row in range(height):
            for column in range(width):
                x = min(max(column + float(field[number, 0, row, column]), 0), width - 1)
                y = min(max(row + float(field[number, 1, row, column]), 0), height - 1)
                left, top = min(math.floor(x), width - 1), min(math.floor(y), height - 1)
                right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
                upper = images[number, :, top, left] * (left + 1 - x) + images[number, :, top, right] * (x - left)
                lower = images[number, :, bottom, left] * (left + 1 - x) + images[number, :, bottom, right] * (x - left)
                result[number, :, row, column] = upper * (top + 1 - y) + lower * (y - top)
    return result


@pytest.mark.parametrize(("height", "width"), [(5, 9), (8, 8), (1, 4), (3, 1)])
def test_each_pixel_is_read_where_the_field_points(height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    images = torch.rand(2, 3, height, width, generator=generator, dtype=torch.float64)
    field = torch.randn(2, 2, height, width, generator=generator, dtype=torch.float64) * 3
    torch.testing.assert_close(warp(images, field), by_loops(images, field), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [8, 64, 256])
def test_a_field_of_zero_gives_the_bits_of_images_whose_sides_are_powers_of_two(size: int) -> None:
    images = torch.rand(1, 2, size, 2 * size) * 2 - 1
    assert torch.equal(warp(images, torch.zeros(1, 2, size, 2 * size)), images)


def test_a_field_of_zero_gives_other_images_up_to_rounding() -> None:
    images = torch.rand(1, 2, 250, 333) * 2 - 1
    torch.testing.assert_close(warp(images, torch.zeros(1, 2, 250, 333)), images, rtol=0, atol=2e-4)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_whole_pixels_are_shifted(memory_format: torch.memory_format) -> None:
    images = torch.rand(1, 3, 8, 8).contiguous(memory_format=memory_format)
    field = torch.tensor([2.0, -1.0])[None, :, None, None].expand(1, 2, 8, 8)
    assert torch.equal(warp(images, field)[:, :, 1:, :-2], images[:, :, :-1, 2:])


def test_slopes_are_right() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1, 2, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    field = (torch.rand(1, 2, 4, 5, generator=generator, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(warp, (images, field))


def test_half_precision_is_moved_in_float32() -> None:
    images, field = torch.rand(1, 1, 4, 4).bfloat16(), torch.full((1, 2, 4, 4), 0.3)
    assert warp(images, field).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(warp(images, field), warp(images.float(), field))
