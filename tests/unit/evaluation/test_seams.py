"""The seam index, by arithmetic."""

import math

import pytest
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.evaluation.seams import seam_index


def ramp(height: int, width: int, down: float = 0.5, right: float = 0.25) -> Tensor:
    """[1, H, W] that rises by `down` from row to row and by `right` from column to column."""
    return (torch.arange(height)[:, None] * down + torch.arange(width) * right)[None]


def with_steps(image: Tensor, rows: list[int], columns: list[int], step: float) -> Tensor:
    """The image, higher by `step` from each of these rows and columns on."""
    image = image.clone()
    for row in rows:
        image[:, row:] += step
    for column in columns:
        image[:, :, column:] += step
    return image


def test_a_picture_without_seams_has_1_for_every_tile() -> None:
    for tile in range(2, 20):
        assert seam_index(ramp(30, 20), tile) == 1.0


def test_steps_at_the_borders_count_over_the_changes_elsewhere_of_their_axis() -> None:
    image = with_steps(ramp(24, 24), [8, 16], [8, 16], step=1.0)
    down, right = (0.5 + 1.0) / 0.5, (0.25 + 1.0) / 0.25
    assert seam_index(image, 8) == pytest.approx((down + right) / 2)
    assert seam_index(with_steps(ramp(24, 24), [8, 16], [], step=1.0), 8) == pytest.approx((down + 1) / 2)
    assert seam_index(3 * image, 8) == pytest.approx((down + right) / 2), "contrast does not count"


def test_steps_within_tiles_lower_the_index() -> None:
    image = with_steps(ramp(24, 24, 1.0, 1.0), [12], [12], step=21.0)
    elsewhere = (21 * 1.0 + 21.0) / 21  # of 23 differences two are borders
    assert seam_index(image, 8) == pytest.approx(1 / elsewhere)


def test_borders_that_do_not_divide_the_size() -> None:
    """20 rows have borders at 8 and 16; 7 columns have none."""
    image = with_steps(ramp(20, 7), [8, 16], [], step=1.0)
    assert seam_index(image, 8) == pytest.approx((0.5 + 1.0) / 0.5)
    assert seam_index(with_steps(ramp(20, 7), [8], [], step=1.0), 8) == pytest.approx(((1.5 + 0.5) / 2) / 0.5)
    assert seam_index(with_steps(ramp(9, 9), [8], [8], step=-0.5), 8) == pytest.approx((0.0 / 0.5 + 0.25 / 0.25) / 2)


def test_all_channels_count() -> None:
    gray = ramp(16, 16, 1.0, 1.0)
    image = torch.cat([gray, gray, with_steps(gray, [8], [8], step=3.0)])
    assert seam_index(image, 8) == pytest.approx((1 + 1 + 4) / 3)


def test_pictures_without_texture() -> None:
    flat = torch.zeros(1, 16, 16)
    assert seam_index(flat, 8) == 1.0
    assert seam_index(with_steps(flat, [8], [], step=0.01), 8) == math.inf


def test_a_picture_of_one_tile_has_no_borders() -> None:
    with pytest.raises(UserError, match="30 x 20 pixels lie in one tile of 30"):
        seam_index(torch.zeros(1, 20, 30), 30)
