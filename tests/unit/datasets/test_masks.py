"""Masks of images: found beside them, read, moved with them, and refused where they do not fit."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from gan_style.config.schema import DataConfig
from gan_style.datasets import resized
from gan_style.datasets.convert import combine
from gan_style.datasets.dataset import TrainingSet, ValidationSet, collate, open_dataset
from gan_style.datasets.masks import labels_of
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import Batch, Needs

Writer = Callable[..., None]
HEIGHT, WIDTH = 24, 32


def mask_of(number: int) -> np.ndarray:
    """[H, W]: labels 1 and 2 in two blocks, elsewhere 0."""
    made = np.zeros((HEIGHT, WIDTH), np.uint8)
    made[4:14, 3 + number : 20] = 1
    made[10:20, 12:30] = 2
    return made


def masked_image(number: int) -> np.ndarray:
    """An image whose first channel is 200 inside its mask and 50 outside."""
    pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[..., 0] = np.where(mask_of(number) > 0, 200, 50)
    return pixels


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    """Three training pairs and a validation pair with masks."""
    for split, count in (("train", 3), ("val", 1)):
        for number in range(count):
            images.write(tmp_path / f"{split}A/s{number}.png", masked_image(number))
            images.write(tmp_path / f"{split}B/s{number}.png", masked_image(number))
            images.write(tmp_path / f"{split}Mask/s{number}.png", mask_of(number)[..., None])
    return tmp_path


def training(root: Path, needs: Needs = "pairs", **keys: Any) -> TrainingSet:
    return open_dataset(DataConfig.model_validate({"root": str(root), "load_size": 24, "crop_size": 16, **keys}), "train", needs, 0)


def batch(data: TrainingSet, count: int = 6) -> Batch:
    return collate([data[number, number] for number in range(count)])


def fits(image: torch.Tensor, mask: torch.Tensor) -> bool:
    """Is the first channel 200 where the mask is 1, and 50 elsewhere?"""
    return torch.equal(image[:, :1] > 125, mask == 1) and set(mask.unique().tolist()) <= {0, 1}


KINDS: dict[str, dict[str, Any]] = {
    "crop": {"preprocess": "crop"},
    "none": {"preprocess": "none"},
    "rotated": {"preprocess": "crop", "transforms": [{"name": "Rotate", "limit": 40, "interpolation": 0}]},
    "cached": {"preprocess": "crop", "cache": "memory", "workers": 0},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("needs", ["pairs", "domains"])
def test_masks_are_moved_with_their_images(masked: Path, needs: Needs, kind: str) -> None:
    data = training(masked, needs, **KINDS[kind])
    found = batch(data)
    for domain in "ab":
        mask = found.mask(domain)
        assert mask is not None and mask.dtype == torch.uint8 and mask.shape == (6, 1, *found.a.shape[2:])
        assert fits(found.images[domain], mask) and mask.any()
    assert len({mask.numpy().tobytes() for mask in found.masks["a"]}) > 1


def test_a_resized_mask_stays_one_of_zeros_and_ones(masked: Path) -> None:
    mask = batch(training(masked, load_size=19)).mask("b")
    assert mask is not None and mask.shape[2:] == (16, 16) and set(mask.unique().tolist()) == {0, 1}


def test_a_data_set_without_masks_or_with_mask_off_has_none(masked: Path, write_pairs: Writer) -> None:
    off = training(masked, mask="off")
    assert batch(off).masks == {} and not off.source.masks
    plain = masked / "plain"
    write_pairs(plain, "train", 3)
    assert batch(training(plain)).masks == {}
    on = batch(training(masked))
    assert torch.equal(batch(off).a, on.a) and torch.equal(batch(off).b, on.b), "masks change no image"


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_a_cached_mask_is_read_once_until_its_file_changes(masked: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(masked / "cache"))
    for path in masked.glob("train*/*"):
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(resized, "_SETTLED", -1e9)
    data, read = training(masked, preprocess="crop", cache=cache, workers=0), list[str]()
    real = resized.read_mask_for_crop
    monkeypatch.setattr(resized, "read_mask_for_crop", lambda *args: read.append(str(args[2])) or real(*args))
    first, second = batch(data), batch(data)
    assert len(read) == 3 and torch.equal(first.masks["a"], second.masks["a"]) and fits(second.a, second.masks["a"])
    images.write(masked / "trainMask/s1.png", np.ones((HEIGHT, WIDTH, 1), np.uint8))
    assert not torch.equal(batch(data).masks["a"], first.masks["a"]) and len(read) == 4
    images.write(masked / "trainMask/s1.png", np.ones((HEIGHT, WIDTH - 1, 1), np.uint8))
    for _ in range(2):
        with pytest.raises(UserError, match="a mask has the size of its image"):
            batch(data)


@pytest.mark.parametrize("naming", ["{split}/{domain}", "{domain}/{split}"])
def test_other_namings_of_folders(masked: Path, naming: str) -> None:
    for domain in ("A", "B", "Mask"):
        target = masked / naming.format(split="train", domain=domain)
        target.parent.mkdir(exist_ok=True)
        (masked / f"train{domain}").rename(target)
    data = training(masked)
    assert data.source.masks["a"][1] == f"{naming.format(split='train', domain='Mask')}/s1.png"
    assert "3 pairs (folders, with masks)" in data.describe()


def test_masks_of_side_by_side_files_have_the_size_of_a_half(masked: Path) -> None:
    for number in range(3):
        images.write(masked / f"train/s{number}.png", np.concatenate([masked_image(number)] * 2, axis=1))
    for folder in ("trainA", "trainB"):
        for path in (masked / folder).iterdir():
            path.unlink()
        (masked / folder).rmdir()
    found = batch(training(masked, source="aligned", preprocess="crop"))
    assert all(fits(found.images[domain], found.masks[domain]) for domain in "ab")


@pytest.mark.parametrize("paired", [True, False])
def test_the_rows_of_a_manifest_name_their_masks(masked: Path, paired: bool) -> None:
    names = [{"a": f"trainA/s{n}.png", "b": f"trainB/s{n}.png", "mask": f"trainMask/s{n}.png"} for n in range(3)]
    rows = names if paired else [{domain: row[domain], "mask": row["mask"]} for domain in "ab" for row in names]
    manifest = masked / "rows.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = batch(training(manifest, "pairs" if paired else "domains", preprocess="crop"))
    assert all(fits(found.images[domain], found.masks[domain]) for domain in "ab")


def test_masks_that_a_manifest_lacks_or_that_lie_outside_are_named(masked: Path) -> None:
    table = masked / "rows.csv"
    table.write_text("a,b,mask\ntrainA/s0.png,trainB/s0.png,trainMask/s0.png\ntrainA/s1.png,trainB/s1.png,\n")
    assert "trainA/s1.png: has no mask in its row, as other rows have; add it; put this right, or set data.mask=off" in refused(table)
    table.write_text("a,b,mask\ntrainA/s0.png,trainB/s0.png,../outside.png\n")
    assert "line 2: mask = ../outside.png: leads out of the manifest's folder" in refused(table)


def test_images_that_are_held_out_keep_their_masks(masked: Path) -> None:
    for path in masked.glob("val*/*"):
        path.unlink()
    for folder in masked.glob("val*"):
        folder.rmdir()
    keys = {"root": str(masked), "hold_out": 1, "preprocess": "none"}
    validation = open_dataset(DataConfig.model_validate(keys), "val", "pairs", 0)
    assert validation and validation.source.masks["a"][0] == validation.source.a[0].replace("trainA", "trainMask")
    assert len(training(masked, hold_out=1).source.masks["b"]) == 2
    rows = masked / "rows.csv"
    rows.write_text("a,b,mask\n" + "".join(f"trainA/s{n}.png,trainB/s{n}.png,trainMask/s{n}.png\n" for n in range(3)))
    for split in ("train", "val"):
        found = open_dataset(DataConfig.model_validate({**keys, "root": str(rows)}), split, "pairs", 0)
        assert found and len(found.source.a) == (2 if split == "train" else 1)
        assert list(found.source.masks["b"]) == [key.replace("trainB", "trainMask") for key in found.source.b]


def test_the_crop_lies_where_enough_of_the_mask_is(masked: Path) -> None:
    for number in range(3):
        small = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
        small[:8, :8] = 1
        images.write(masked / f"trainMask/s{number}.png", small)
    shares = {}
    for sampler in ("uniform", "foreground"):
        mask = batch(training(masked, preprocess="crop", crop_size=8, sampler=sampler), 60).mask("a")
        assert mask is not None
        shares[sampler] = mask.float().mean(dim=(1, 2, 3))
    assert (shares["uniform"] == 0).float().mean() > 0.4
    assert (shares["foreground"] >= 0.25).float().mean() > 0.7 > 0.3 > (shares["uniform"] >= 0.25).float().mean()


def test_validation_masks_keep_their_labels(masked: Path) -> None:
    keys = {"root": str(masked), "preprocess": "none"}
    validation = open_dataset(DataConfig.model_validate(keys), "val", "pairs", 0)
    assert isinstance(validation, ValidationSet)
    mask = validation.mask("b", 0, validation.read_pair(0)["b"])
    assert mask is not None
    np.testing.assert_array_equal(mask[0].numpy(), mask_of(0))
    smaller = ValidationSet(validation.source, DataConfig.model_validate({**keys, "preprocess": "resize_and_crop", "crop_size": 12}))
    mask = smaller.mask("b", 0, smaller.read_pair(0)["b"])
    assert mask is not None and mask.shape == (1, 12, 12) and set(mask.unique().tolist()) == {0, 1, 2}


def refused(root: Path, needs: Needs = "pairs", **keys: Any) -> str:
    with pytest.raises(UserError) as caught:
        batch(training(root, needs, **keys))
    return str(caught.value)


def test_masks_that_do_not_fit_are_named(masked: Path) -> None:
    images.write(masked / "trainMask/s1.png", mask_of(1)[:-1, :, None])
    assert f"{masked}/trainMask/s1.png: is 32 x 23, its image {masked}/trainA/s1.png is 32 x 24; a mask has the size" in refused(masked)
    images.write(masked / "trainMask/s1.png", masked_image(1))
    assert f"{masked}/trainMask/s1.png: has 3 channels; a mask has one" in refused(masked)
    (masked / "trainMask/s1.png").unlink()
    assert f"{masked}/trainA/s1.png: has no mask in {masked}/trainMask; add it; put this right, or set data.mask=off" in refused(masked)
    tifffile.imwrite(masked / "trainMask/s0.tif", mask_of(0))
    assert f"{masked}/trainMask/s0.tif: same stem as s0.png; keep one of them" in refused(masked)
    (masked / "Mask").mkdir()
    (masked / "Mask/train").mkdir()
    assert "has two places for masks of split train, trainMask and Mask/train" in refused(masked)


@pytest.mark.parametrize("needs", ["images", "labelled images"])
def test_methods_of_one_domain_have_no_masks(masked: Path, needs: Needs) -> None:
    assert f"{masked}/trainMask: masks have no effect with this method; set data.mask=off" in refused(masked, needs)
    assert batch(training(masked, needs, mask="off")).masks == {}


def test_the_values_of_a_mask_are_labels_if_they_can_be() -> None:
    whole = np.array([0, 1, 300], np.float32)
    assert labels_of(whole).tolist() == [0, 1, 300] and labels_of(whole).dtype == np.uint16
    assert labels_of(np.array([0, 7], np.int64)).tolist() == [0, 7]
    assert labels_of(np.array([0, -1, 2], np.int16)).tolist() == [0, 1, 1]
    assert labels_of(np.array([0, 0.25, np.nan, 1])).tolist() == [0, 1, 0, 1]
    assert labels_of(np.array([0, 70_000])).tolist() == [0, 1]


def test_large_masks_are_read_in_part(masked: Path) -> None:
    for number in range(3):
        for folder, values in (("trainA", masked_image(number)), ("trainB", masked_image(number)), ("trainMask", mask_of(number))):
            (masked / f"{folder}/s{number}.png").unlink()
            tifffile.imwrite(masked / f"{folder}/s{number}.tif", values, tile=(16, 16))
    data = training(masked, preprocess="crop", sampler="foreground")
    assert not isinstance(data.images.mask("a", 0, data.images.pair(0)["a"]).pixels, np.ndarray)
    found = batch(data)
    assert all(fits(found.images[domain], found.masks[domain]) for domain in "ab")


def test_conversions_tell_that_they_leave_masks_out(masked: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert combine(masked, masked / "combined") == 4
    assert f"{masked}: the masks of split train are left out" in caplog.text
