"""Domains of measurements: ranges given and found, what training and validation read of them, what a check tells."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from pydantic import ValidationError

from gan_style.config.data import DataConfig, DomainConfig
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, ValidationSet, open_dataset
from gan_style.datasets.value_range import describe_values, find_values
from gan_style.errors import UserError
from gan_style.types import Batch

SIDE = 24


def values(number: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(number).uniform(-50, 50 + number, (SIDE, SIDE, channels)).astype(np.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Pairs: float32 TIFFs of one band, int16 arrays of two."""
    for split in ("train", "val"):
        for domain in "AB":
            (tmp_path / f"{split}{domain}").mkdir()
        for number in range(4):
            tifffile.imwrite(tmp_path / f"{split}A/{number}.tif", values(number)[..., 0], metadata=None)
            np.save(tmp_path / f"{split}B/{number}.npy", values(number + 10, 2).astype(np.int16))
    return tmp_path


def config(root: Path, range_a: Any = (-100, 100), **more: Any) -> DataConfig:
    domain_a = {"channels": 1, "range": range_a, **more.pop("domain_a", {})}
    domain_b = {"channels": 2, "range": [-50, 70]}
    return DataConfig.model_validate(
        {"root": str(root), "preprocess": "none", "flip": False, "domain_a": domain_a, "domain_b": domain_b, **more}
    )


def training(data: DataConfig) -> TrainingSet:
    return open_dataset(data, "train", "pairs", 0)


@pytest.mark.parametrize("more", [{}, {"cache": "memory"}, {"cache": "disk"}])
def test_training_reads_values_as_floats_from_one_end_of_the_range_to_the_other(root: Path, more: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(root / "cache"))
    data = training(config(root, **more))
    for _ in range(2):
        for position in range(4):
            sample = data[position, 0]
            number = int(Path(sample.keys["a"]).stem)
            assert sample.images["a"].dtype == sample.images["b"].dtype == torch.float32
            np.testing.assert_allclose(sample.images["a"].numpy()[0] * 100, values(number)[..., 0], atol=1e-5)
            whole = values(number + 10, 2).astype(np.int16)
            np.testing.assert_allclose(sample.images["b"].numpy().transpose(1, 2, 0) * 60 + 10, whole, atol=1e-5)


def test_validation_reads_the_same(root: Path) -> None:
    validation = open_dataset(config(root), "val", "pairs", 0)
    assert isinstance(validation, ValidationSet)
    np.testing.assert_allclose(validation.read_a(2)[0].numpy()[0] * 100, values(2)[..., 0], atol=1e-5)


def test_crops_of_a_file_that_is_read_in_parts_are_those_of_the_whole(root: Path) -> None:
    crops = training(config(root, preprocess="crop", crop_size=8))[0, 0].images
    whole = training(config(root, preprocess="crop", crop_size=8, cache="memory"))[0, 0].images
    assert all(torch.equal(crops[name], whole[name]) for name in "ab") and crops["a"].shape == (1, 8, 8)


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "scale_width_and_crop"])
def test_resized_values_stay_in_their_range(root: Path, preprocess: str) -> None:
    data = config(root, preprocess=preprocess, load_size=60, crop_size=50, range_a=(-10, 10), flip=True, sampler="foreground")
    images = training(data)[0, 0].images
    assert all(image.abs().max() <= 1 for image in images.values()) and images["a"].abs().max() == 1


def test_transforms_take_values(root: Path) -> None:
    moves = [{"name": "Transpose", "p": 1.0}]
    recolours = {"transforms": [{"name": "RandomBrightnessContrast", "brightness_limit": (0.1, 0.1), "contrast_limit": (0, 0), "p": 1.0}]}
    data = training(config(root, transforms=moves, domain_a=recolours))
    sample = data[0, 0]
    number = int(Path(sample.keys["a"]).stem)
    whole = values(number + 10, 2).astype(np.int16).transpose(1, 0, 2)
    np.testing.assert_allclose(sample.images["b"].numpy().transpose(1, 2, 0) * 60 + 10, whole, atol=1e-4)
    moved = sample.images["a"].numpy()[0] - values(number)[..., 0].T / 100
    assert 0.1 < moved.mean() < 0.3 and moved.std() < 0.1


def test_a_batch_of_values_is_left_as_it_is(root: Path) -> None:
    from gan_style.datasets.dataset import collate

    data = training(config(root))
    batch: Batch = collate([data[number, number] for number in range(2)])
    moved = batch.to(torch.device("cpu"), torch.float32, torch.contiguous_format)
    assert torch.equal(moved.a, batch.a)


def test_many_bands_are_one_picture(root: Path) -> None:
    for number in range(4):
        np.save(root / f"trainA/{number}.npy", values(number, 12))
        (root / f"trainA/{number}.tif").unlink()
    more = {"preprocess": "resize_and_crop", "load_size": 30, "crop_size": 20, "flip": True, "cache": "memory"}
    data = training(config(root, domain_a={"channels": 12}, **more))
    assert data[0, 0].images["a"].shape == data[1, 1].images["a"].shape == (12, 20, 20)


def test_values_beyond_are_told_with_their_share(root: Path) -> None:
    sample = training(config(root, (-25, 100)))[0, 0]
    assert "% of its values lie beyond data.domain_a.range and are cut" in sample.doubts["range a"] and "range b" not in sample.doubts


@pytest.mark.parametrize(("missing", "told"), [("refuse", True), (0.0, False)])
def test_a_file_with_values_that_are_not_there(root: Path, missing: Any, told: bool) -> None:
    broken = values(0)[..., 0]
    broken[3, 4] = np.nan
    for number in range(4):
        tifffile.imwrite(root / f"trainA/{number}.tif", broken, metadata=None)
    data = training(config(root, domain_a={"missing": missing}))
    if told:
        with pytest.raises(UserError, match=r"trainA/\d\.tif: 1 of its 576 values are not there"):
            data[0, 0]
    else:
        assert data[0, 0].images["a"][0, 3, 4] == 0


@pytest.mark.parametrize("range_a", ["auto", "percentiles", (-60, 60)])
def test_values_that_are_not_there_are_told_when_the_range_or_the_type_is_found(root: Path, range_a: Any) -> None:
    broken = values(2)[..., 0]
    broken[3, 4:6] = np.inf
    tifffile.imwrite(root / "trainA/2.tif", broken, metadata=None)
    data = config(root, range_a)
    with pytest.raises(UserError, match=r"trainA/2\.tif: 2 of its 576 values are not there .*; set data\.domain_a\.missing to"):
        find_values(training(data).source, data, "a")
    data = config(root, range_a, domain_a={"missing": 0.0})
    assert find_values(training(data).source, data, "a").dtype == "float32"


def test_the_range_is_found_in_the_training_files(root: Path) -> None:
    data = config(root, "auto")
    everything = np.concatenate([values(number).ravel() for number in range(4)])
    found = find_values(training(data).source, data, "a")
    assert found.range == (everything.min(), everything.max()) and found.dtype == "float32"
    found = find_values(training(data).source, config(root, "percentiles"), "a")
    np.testing.assert_allclose(found.range, np.percentile(everything, (0.5, 99.5)), rtol=0.01)
    assert find_values(training(data).source, data, "b").dtype == "int16"


def test_a_set_of_one_value_has_no_range(root: Path) -> None:
    for number in range(4):
        tifffile.imwrite(root / f"trainA/{number}.tif", np.full((SIDE, SIDE), 3, np.float32), metadata=None)
    data = config(root, "auto")
    with pytest.raises(UserError, match=r"data\.domain_a\.range: auto finds no two values in 4 files of domain A"):
        find_values(training(data).source, data, "a")


def test_the_summary_tells_the_range_and_what_is_cut(root: Path) -> None:
    data = config(root, (-25, 100), domain_a={"type": "int16"})
    lines = list(describe_values(training(data).source, data))
    assert lines[0].startswith("domain A: -25 becomes -1, 100 becomes 1; results are int16; ") and "are beyond and are cut" in lines[0]
    assert lines[1] == "domain B: -50 becomes -1, 70 becomes 1; results are auto"


def test_a_file_of_another_number_of_channels_is_named(root: Path) -> None:
    tifffile.imwrite(root / "trainA/2.tif", values(2, 2), photometric="minisblack", planarconfig="contig", metadata=None)
    data = training(config(root))
    with pytest.raises(
        UserError,
        match=r"trainA/2\.tif: has 2 channels of values, but 1 are read; .* train with the domain's channels=2",
    ):
        for number in range(4):
            data[number, 0]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"range": [3, 3]}, "the smaller one first"),
        ({"range": [3, 1]}, "the smaller one first"),
        ({"range": "wide"}, "auto"),
        ({"range": [0, 1], "labels": "yes"}, "leave one of them out"),
        ({"range": [0, 1], "missing": float("nan")}, "finite"),
        ({"range": [0, float("inf")]}, "finite"),
        ({"channels": 5}, "set range too"),
    ],
)
def test_ranges_that_are_none(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DomainConfig.model_validate(keys)


def test_a_check_tells_types_values_and_what_is_not_there(root: Path) -> None:
    broken = values(0)[..., 0]
    broken[:2] = np.nan
    tifffile.imwrite(root / "trainA/1.tif", broken, metadata=None)
    found = check(root, workers=1)
    assert not found.problems
    (note,) = (note for note in found.notes if note.startswith("train A: float32 values"))
    assert "50 % below" in note and note.endswith("train with data.domain_a.range=auto or two numbers")
    told = (
        f"warning: train A: 48 values of {root}/trainA/1.tif are not there (not a number, infinite, or no data); set data.domain_a.missing"
    )
    assert f"{told} to the value that takes their place, or remove the file" in found.notes
    assert any(note.startswith("val B: int16 values") and "data.domain_b.range" in note for note in found.notes)


def test_a_check_names_files_of_another_type_or_unit(root: Path) -> None:
    assert not any("unit?" in note for note in check(root, workers=1).notes)
    tifffile.imwrite(root / "trainA/1.tif", values(1)[..., 0].astype(np.float64), metadata=None)
    kelvin = tifffile.imread(root / "trainA/2.tif")
    tifffile.imwrite(root / "trainA/2.tif", kelvin - 20 * np.ptp(kelvin), metadata=None)
    notes = "\n".join(check(root, workers=1).notes)
    assert f"files of 2 types (float32, float64), such as {root}/trainA/1.tif of float64: do their values have one unit?" in notes
    assert (
        f"warning: {root}/trainA/2.tif: values -" in notes and "lie far from those of most files beside it; has it another unit?" in notes
    )


def test_percentiles_look_at_all_bands(root: Path) -> None:
    for number in range(4):
        (root / f"trainA/{number}.tif").unlink()
        bands = np.random.default_rng(number).uniform(0, 1, (128, 128, 5)) + 10 * np.arange(5)
        np.save(root / f"trainA/{number}.npy", bands.astype(np.float32))
        np.save(root / f"trainB/{number}.npy", np.zeros((128, 128, 2), np.int16))
    data = config(root, "percentiles", domain_a={"channels": 5})
    found = find_values(training(data).source, data, "a").range
    assert isinstance(found, tuple) and found[0] < 0.1 and found[1] > 40.9
    (note,) = [note for note in check(root, workers=1).notes if note.startswith("train A")]
    assert "99.5 % below 40.9" in note and "50 % below 20.4" in note
