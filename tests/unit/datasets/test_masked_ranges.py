"""Ranges that are found look inside masks alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from gan_style.config.data import DataConfig
from gan_style.datasets import value_range
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.value_range import describe_values, find_values
from gan_style.errors import UserError
from gan_style.files.bounded import TooLarge

SIDE = 32


def values(number: int) -> np.ndarray:
    """float32 [SIDE, SIDE]: from 0 to 100 in the middle, and -1000 and 5000 around it."""
    drawn = np.random.default_rng(number).uniform(0, 100, (SIDE, SIDE)).astype(np.float32)
    drawn[:8], drawn[-8:] = -1000, 5000
    return drawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("trainA", "trainB", "trainMask"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[8:-8] = 3
        for folder, pixels in (("trainA", values(number)), ("trainB", values(number + 10)), ("trainMask", mask)):
            tifffile.imwrite(tmp_path / folder / f"{number}.tif", pixels, metadata=None)
    return tmp_path


def training(root: Path, range_a: Any, **more: Any) -> TrainingSet:
    domain = {"channels": 1, "range": range_a}
    data = DataConfig.model_validate({"root": str(root), "preprocess": "none", "domain_a": domain, "domain_b": domain, **more})
    return open_dataset(data, "train", "pairs", 0)


def inside() -> np.ndarray:
    return np.concatenate([values(number)[8:-8].ravel() for number in range(3)])


def test_the_ends_are_those_of_the_values_inside(root: Path) -> None:
    data = training(root, "auto")
    assert find_values(data.source, data.config, "a").range == (inside().min(), inside().max())
    data = training(root, "percentiles")
    assert find_values(data.source, data.config, "a").range == pytest.approx(tuple(np.percentile(inside(), (0.5, 99.5))))
    off = training(root, "auto", mask="off")
    assert find_values(off.source, off.config, "a").range == (-1000, 5000)


def test_the_middle_of_a_large_file_is_masked_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise TooLarge("too large")

    data = training(root, "auto")
    monkeypatch.setattr(value_range.images, "read", refuse)
    monkeypatch.setattr(value_range, "_MIDDLE", 24)
    part = np.concatenate([values(number)[8:-8, 4:-4].ravel() for number in range(3)])
    assert find_values(data.source, data.config, "a").range == (part.min(), part.max())


def test_values_outside_are_not_told_as_cut(root: Path, recwarn: pytest.WarningsRecorder) -> None:
    data = training(root, (-10, 110))
    assert list(describe_values(data.source, data.config)) == [
        f"domain {domain}: -10 becomes -1, 110 becomes 1; results are auto" for domain in "AB"
    ]
    assert data[0, 0].doubts == {} and set(training(root, (-10, 110), mask="off")[0, 0].doubts) == {"range a", "range b"}
    narrow = training(root, (0, 50))
    assert "beyond and are cut" in next(iter(describe_values(narrow.source, narrow.config)))


def test_a_mask_of_another_size_is_named(root: Path) -> None:
    tifffile.imwrite(root / "trainMask/1.tif", np.ones((SIDE, SIDE - 1), np.uint8))
    data = training(root, "auto")
    with pytest.raises(UserError, match=rf"trainMask/1\.tif: is 31 x 32, its image {root}/trainA/1\.tif is 32 x 32"):
        find_values(data.source, data.config, "a")


@pytest.mark.parametrize("range_a", ["auto", "percentiles"])
def test_values_that_are_not_there_outside_a_mask_are_told_as_those_inside(root: Path, range_a: str) -> None:
    pixels = values(1)
    pixels[0, :5] = np.nan
    tifffile.imwrite(root / "trainA/1.tif", pixels, metadata=None)
    data = training(root, range_a)
    with pytest.raises(UserError, match=r"trainA/1\.tif: 5 of its 1024 values are not there .*; set data\.domain_a\.missing"):
        find_values(data.source, data.config, "a")
    replaced = training(root, range_a).config.domain_a.model_copy(update={"missing": 0.0})
    assert find_values(data.source, data.config.model_copy(update={"domain_a": replaced}), "a").dtype == "float32"


def test_a_partner_of_another_size_is_named_in_place_of_the_mask(root: Path) -> None:
    tifffile.imwrite(root / "trainB/1.tif", values(1)[:-1], metadata=None)
    data = training(root, "auto")
    with pytest.raises(UserError, match=r"trainA/1\.tif: is 32 x 32, its partner .*trainB/1\.tif is 32 x 31; the images of a pair"):
        find_values(data.source, data.config, "b")
