"""Crops of files that are too large to be decoded: they are read in part, with the bits of the whole file's crop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from tiffs_of_any_size import sparse

from gan_style.config.schema import DataConfig
from gan_style.datasets import partly_read
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.foreground import foreground_share
from gan_style.datasets.values import glance
from gan_style.errors import UserError
from gan_style.files import images

SIDE = 96


def noise(seed: int, height: int = 200, width: int = 170, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(20, 200, (height, width, channels), np.uint8)


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    """Two pairs of tiled TIFFs."""
    for folder, first in (("trainA", 0), ("trainB", 10)):
        for number in range(2):
            path = tmp_path / folder / f"{number}.tif"
            path.parent.mkdir(exist_ok=True)
            tifffile.imwrite(path, noise(first + number), tile=(64, 64), compression="zlib", photometric="rgb")
    return tmp_path


def training_set(root: Path, needs: Any = "pairs", **keys: Any) -> TrainingSet:
    config = DataConfig.model_validate({"root": str(root), "preprocess": "crop", "crop_size": SIDE, **keys})
    found = open_dataset(config, "train", needs, seed=3)
    assert isinstance(found, TrainingSet)
    return found


def test_a_crop_has_the_bits_of_the_whole_file(tiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_part = [training_set(tiled)[number, 0].images for number in range(6)]
    with monkeypatch.context() as patched:
        patched.setattr("gan_style.datasets.reading.reads_parts", lambda *_: False)
        whole = [training_set(tiled)[number, 0].images for number in range(6)]
    for one, other in zip(in_part, whole, strict=True):
        assert torch.equal(one["a"], other["a"])
        assert torch.equal(one["b"], other["b"])


def test_the_whole_file_is_not_decoded(tiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "read", None)
    sample = training_set(tiled)[0, 0]
    assert sample.images["a"].shape == (3, SIDE, SIDE)


def test_a_scene_that_is_mostly_void_gives_crops_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    path = tmp_path / "train" / "scene.tif"
    scene, tile = np.zeros((4096, 4096, 3), np.uint8), noise(1, 512, 512)
    for top in range(0, 4096, 1024):
        scene[top : top + 512, 512 : 3 * 512] = np.concatenate([tile, tile], axis=1)
    tifffile.imwrite(path, scene, tile=(512, 512), compression="zlib", photometric="rgb", bigtiff=True)
    found = training_set(tmp_path, needs="images", sampler="foreground")
    for number in range(4):
        assert foreground_share(found[number, 0].images["a"].permute(1, 2, 0).numpy()) >= 0.25


def test_open_files_are_few(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for number in range(12):
        tifffile.imwrite(tmp_path / "train" / f"{number}.tif", noise(number), tile=(64, 64), photometric="rgb")
    found = training_set(tmp_path, needs="images")
    for number in range(24):
        found[number, 0]
    assert len(partly_read._open) <= 8


@pytest.mark.parametrize("keys", [{"cache": "memory"}, {"transforms": [{"name": "RandomRotate90"}]}])
def test_where_the_whole_image_is_needed_it_is_read(tiled: Path, keys: dict[str, Any]) -> None:
    assert training_set(tiled, **keys)[0, 0].images["a"].shape == (3, SIDE, SIDE)


def test_a_file_that_is_smaller_than_the_crop_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    tifffile.imwrite(tmp_path / "train" / "small.tif", noise(1, 40, 50), tile=(16, 16), photometric="rgb")
    with pytest.raises(UserError, match=r"small\.tif: has 50 x 40 pixels, less than data\.crop_size 96"):
        training_set(tmp_path, needs="images")[0, 0]


def test_foreground_is_neither_white_nor_black_nor_transparent() -> None:
    pixels = np.zeros((2, 4, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, 0, :3] = 250  # glass
    pixels[:, 1, :3] = (180, 60, 120)
    pixels[:, 2] = (180, 60, 120, 0)
    assert foreground_share(pixels) == 0.25
    assert foreground_share(pixels[..., :3]) == 0.5


def test_crops_of_foreground_are_a_function_of_seed_and_number(tmp_path: Path) -> None:
    scene = np.full((400, 400, 3), 255, np.uint8)
    scene[250:, 250:] = noise(1, 150, 150)
    (tmp_path / "train").mkdir()
    tifffile.imwrite(tmp_path / "train" / "scene.tif", scene, tile=(64, 64), photometric="rgb")
    shares = {}
    for sampler in ("uniform", "foreground"):
        crops = [training_set(tmp_path, needs="images", sampler=sampler)[number, 0].images["a"] for number in range(12)]
        again = [training_set(tmp_path, needs="images", sampler=sampler)[number, 0].images["a"] for number in range(12)]
        assert all(torch.equal(one, other) for one, other in zip(crops, again, strict=True))
        shares[sampler] = np.mean([foreground_share(crop.permute(1, 2, 0).numpy()) for crop in crops])
    assert shares["foreground"] > 2 * shares["uniform"]


def test_the_look_at_the_values_reads_the_middle_of_a_file_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train").mkdir()
    sparse(tmp_path / "train" / "x.tif", 12000, 12000, 4096, {4: np.full((4096, 4096), 200, np.uint8)})
    config = DataConfig.model_validate({"root": str(tmp_path), "preprocess": "crop", "crop_size": SIDE})
    source = training_set(tmp_path, needs="images").source
    with monkeypatch.context() as patched:
        patched.setattr(images, "read", None)
        _, warned = glance(source, config, None)
    assert len(warned) == 1 and "8-bit values 200..200 use 0 %" in warned[0]


def test_where_a_file_is_too_large_to_be_decoded_the_message_tells_of_crops(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    sparse(tmp_path / "train" / "x.tif", 12000, 12000, 4096, {})
    with pytest.raises(UserError, match=r"more than the 105000000 pixels allowed.*; training reads crops alone with data\.preprocess=crop"):
        training_set(tmp_path, needs="images", preprocess="resize_and_crop")[0, 0]
