"""Moments of parts, merged; statistics of cells."""

import numpy as np
import pytest
import torch

from gan_style.tiling.spans import Span
from gan_style.tiling.statistics import CellStatistics, Moments, merged, moments_of, packed, unpacked


def image(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(1)) * 3 + 5


def of_parts(*parts: Moments) -> Moments:
    return merged(unpacked(np.stack([packed(each) for each in parts])))


def test_moments_are_the_mean_and_the_sum_of_squares() -> None:
    x = image(1, 3, 19, 23)
    found = moments_of(x)
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    assert float(found.positions) == 19 * 23
    np.testing.assert_allclose(found.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(found.squares, variance * 19 * 23, rtol=1e-13)


def test_parts_are_merged_to_the_moments_of_the_whole() -> None:
    x = image(1, 3, 19, 23)
    whole, found = moments_of(x), of_parts(*(moments_of(part) for rows in x.split(7, 2) for part in rows.split(10, 3)))
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(found.squares, whole.squares, rtol=1e-13)


def test_an_empty_part_does_not_count() -> None:
    x = moments_of(image(1, 3, 5, 5))
    empty = Moments(np.zeros(()), np.full(3, 7.0), np.zeros(3))
    np.testing.assert_array_equal(of_parts(x, empty).mean, x.mean)


def test_a_large_image_in_float32_loses_nothing() -> None:
    x = image(1, 2, 600, 700, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    variance, mean = torch.var_mean(x.double(), (0, 2, 3), correction=0)
    found = moments_of(x)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(found.squares / found.positions, variance, rtol=1e-6)


def test_weights_leave_positions_out() -> None:
    x, weights = image(1, 3, 8, 9), torch.zeros(8, 9)
    weights[2:5, 3:7] = 1
    found, part = moments_of(x, weights), moments_of(x[:, :, 2:5, 3:7])
    assert float(found.positions) == 12
    np.testing.assert_allclose(found.mean, part.mean, rtol=1e-13)
    np.testing.assert_allclose(found.squares, part.squares, rtol=1e-12)


def cells(x: torch.Tensor, rows: int, columns: int) -> CellStatistics:
    """Of an image whose size is a multiple of the cells."""
    parts = [moments_of(part) for row in x.chunk(rows, 2) for part in row.chunk(columns, 3)]
    records = np.stack([packed(each) for each in parts]).reshape(rows, columns, -1)
    return CellStatistics(unpacked(records), (rows, columns), (x.shape[2], x.shape[3]), x, torch.device("cpu"))


def test_one_cell_is_the_image() -> None:
    x = image(1, 3, 8, 12)
    found = cells(x, 1, 1)((Span(2, 4), Span(0, 5)))
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    assert found.mean.shape == (1, 3, 2, 5)
    torch.testing.assert_close(found.mean, mean.expand_as(found.mean))
    torch.testing.assert_close(found.variance, variance.expand_as(found.variance))


def test_between_the_centres_of_cells_statistics_are_interpolated() -> None:
    x = torch.cat([torch.full((1, 1, 4, 8), 1.0), torch.full((1, 1, 4, 8), 3.0)], dim=3)
    mean = cells(x, 1, 2)((Span(0, 1), Span(0, 16))).mean.flatten()
    expected = torch.tensor([1.0] * 4 + [1 + 2 * (place + 0.5 - 4) / 8 for place in range(4, 12)] + [3.0] * 4)
    torch.testing.assert_close(mean, expected)


@pytest.mark.parametrize("region", [(Span(0, 3), Span(0, 4)), (Span(2, 8), Span(5, 12))])
def test_a_region_has_its_part_of_the_field(region: tuple[Span, Span]) -> None:
    field = cells(image(1, 3, 8, 12), 2, 3)
    rows, columns = region
    torch.testing.assert_close(
        field(region).mean, field((Span(0, 8), Span(0, 12))).mean[..., rows.start : rows.stop, columns.start : columns.stop]
    )
