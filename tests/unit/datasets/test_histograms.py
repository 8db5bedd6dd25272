"""Histograms of files, their sum, and what a check of a data set draws of them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import draw_masks

from gan_style.datasets.check import check
from gan_style.datasets.histogram import drawn, histogram_of, summed
from gan_style.files import images


def test_the_sum_of_files_is_the_histogram_of_all_their_values() -> None:
    rng = np.random.default_rng(0)
    files = [rng.normal(center, 3 + center / 20, 40_000) for center in (-50, 0, 100)]
    found = summed([histogram_of(values, values.min(), values.max(), 1.0) for values in files], 16)
    whole = np.concatenate(files)
    assert found.low == whole.min() and found.high == whole.max()
    np.testing.assert_allclose(found.counts, np.histogram(whole, 16)[0], atol=len(whole) * 0.005)
    assert found.counts.sum() == pytest.approx(len(whole), rel=1e-6)


def test_files_of_one_value_and_files_of_all_sizes_count_by_their_values() -> None:
    one = histogram_of(np.full(10, 4.0), 4.0, 4.0, 3.0)
    found = summed([one, histogram_of(np.array([0.0, 8.0]), 0.0, 8.0, 1.0)], 4)
    np.testing.assert_allclose(found.counts, [1, 0, 30, 1], atol=1e-3)
    assert drawn([one]) == "4"


@pytest.mark.parametrize(("low", "high"), [(-1.7e308, 1.7e308), (0.0, 5e-324), (1.0, np.nextafter(1.0, 2.0))])
def test_extreme_values_are_counted(low: float, high: float) -> None:
    each = histogram_of(np.array([low, high, high]), low, high, 1.0)
    found = summed([each, histogram_of(np.array([low]), low, low, 1.0)], 8)
    assert found.counts.sum() == pytest.approx(4) and found.counts[0] >= 1.9 and np.isfinite(found.counts).all()


def test_the_table_shows_the_values_of_each_domain(tmp_path: Path) -> None:
    for number in range(2):
        ramp = np.linspace(-100, 300, 64 * 64, dtype=np.float32).reshape(64, 64)
        for folder, values in (("A", ramp), ("B", np.where(ramp < 200, -1000, 2000).astype(np.int16))):
            (tmp_path / f"train{folder}").mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / f"train{folder}/{number}.tif", values, metadata=None)
    rows = check(tmp_path, workers=1).table.splitlines()
    assert rows[0].endswith("palettes  values")
    assert rows[1].endswith("  -100 ████████████████ 300")
    assert rows[2].endswith("  -1000 █              ▅ 2000")


def test_pictures_masks_and_halves_have_their_own_values(tmp_path: Path) -> None:
    left, right = np.full((8, 8, 3), 10, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    left[:2] = 90
    images.write(tmp_path / "halves/train/0.png", np.concatenate([left, right], axis=1))
    rows = check(tmp_path / "halves", "aligned", workers=1).table.splitlines()
    assert rows[1].endswith("  10 █              ▅ 90") and rows[2].endswith("  200")
    for folder in "AB":
        images.write(tmp_path / f"masked/train{folder}/0.png", right)
    rows = check(draw_masks(tmp_path / "masked"), workers=1).table.splitlines()
    assert rows[1].endswith("  200") and "mask" in rows[3] and rows[3].endswith("0")


def test_a_file_that_cannot_be_read_has_no_values(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/x.png").write_bytes(b"no picture")
    assert check(tmp_path, "aligned", workers=1).table.splitlines()[1].endswith("0         -")
