"""Masks of volumes: each slice has its own, the neighbours have none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured_files import write_volume

from gan_style.config.data import DataConfig
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, ValidationSet, open_dataset
from gan_style.datasets.fingerprint import changes, fingerprint
from gan_style.datasets.value_range import find_values
from gan_style.errors import UserError

COUNTS = (3, 4)  # slices of each volume


def mask(number: int, count: int) -> np.ndarray:
    """[H, W, slices]: label 1 + slice in other rows of each slice."""
    made = np.zeros((12, 10, count), np.uint8)
    for depth in range(count):
        made[depth + number : depth + 6, 2:8, depth] = 1 + depth
    return made


def values(number: int, count: int) -> np.ndarray:
    """[H, W, slices]: 50 + 10 x slice inside, 0 outside."""
    inside = mask(number, count) > 0
    return np.where(inside, 50 + 10 * np.arange(count), 0).astype(np.float32)


@pytest.fixture(params=[".nii.gz", ".nii"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for split in ("train", "val"):
        for number, count in enumerate(COUNTS):
            for folder, array in (("A", values(number, count)), ("B", values(number, count)), ("Mask", mask(number, count))):
                write_volume(tmp_path / f"{split}{folder}/p{number}{request.param}", array)
    return tmp_path


def config(root: Path, **more: Any) -> DataConfig:
    a, b = {"channels": 3, "range": [0, 100], "slices": 3}, {"channels": 1, "range": [0, 100], **more.pop("domain_b", {})}
    return DataConfig.model_validate({"root": str(root), "domain_a": a, "domain_b": b, "preprocess": "none", **more})


def training(data: DataConfig) -> TrainingSet:
    return open_dataset(data, "train", "pairs", 0)


@pytest.mark.parametrize("cache", ["off", "memory", "disk"])
def test_each_slice_has_the_mask_of_its_own_slice(root: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    monkeypatch.setattr("gan_style.datasets.resized._SETTLED", -1)
    data = training(config(root, cache=cache))
    assert len(data) == sum(COUNTS) and data.describe() == "7 pairs of slices (folders, with masks)"
    for number in range(2 * len(data)):
        sample = data[number, 0]
        assert np.array_equal(sample.masks["b"].numpy() == 1, sample.images["b"].numpy() > -1) and sample.masks["a"].any()


def test_validation_has_its_labels(root: Path) -> None:
    validation = open_dataset(config(root), "val", "pairs", 0)
    assert isinstance(validation, ValidationSet)
    found = validation.mask("b", 5, validation.read_pair(5)["b"])
    assert found is not None
    np.testing.assert_array_equal(found[0].numpy(), mask(1, 4)[..., 2])


def test_ranges_look_inside(root: Path) -> None:
    data = training(config(root, domain_b={"range": "auto"}))
    assert find_values(data.source, data.config, "b").range == (50, 80)


def test_a_changed_mask_is_known(root: Path) -> None:
    before = training(config(root))
    first = fingerprint(before.source)
    path = next((root / "trainMask").glob("p1*"))
    write_volume(path, mask(1, 4)[::-1])
    whole = {domain: np.ones(7, bool) for domain in "ab"}
    assert changes(first, first, whole) == ""
    assert "its masks for domain A have another content" in changes(first, fingerprint(training(config(root)).source), whole)


def test_a_check_reads_all_slices_of_masks(root: Path) -> None:
    found = check(root, workers=1)
    share = sum(int((mask(number, count) > 0).sum()) / (120 * count) for number, count in enumerate(COUNTS)) / 2
    assert found.problems == () and f"train mask: {100 * share:.2g} % of the pixels are inside; labels 1, 2, 3, 4" in found.notes
    path = next((root / "trainMask").glob("p1*"))
    write_volume(path, mask(1, 5))
    assert any(f"{path}: has 5 slices, its image" in problem for problem in check(root, workers=1).problems)
    with pytest.raises(UserError, match="has 5 slices, its partner"):
        training(config(root))
    write_volume(path, mask(1, 4), apart=3.0)
    assert [problem for problem in check(root, workers=1).problems if f"{path}: its voxels lie elsewhere than those of" in problem]
    with pytest.raises(UserError, match="its voxels lie elsewhere than those of its partner"):
        training(config(root))
