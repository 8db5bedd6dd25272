"""Runs with masks go on to the same bits, and refuse masks that have changed."""

from pathlib import Path

import numpy as np
import pytest
from pictures import draw_folders, draw_masks
from PIL import Image
from runs import arguments, bundles, metrics, networks

from gan_style.commands.train import train_command
from gan_style.errors import UserError

MEASURED = ["train.validate_every=3", "data.load_size=24", "data.crop_size=16"]


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd", "cyclegan"])
def test_a_run_with_masks_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    data = draw_masks(draw_folders(tmp_path / "data", train=5))
    keys = [*MEASURED, "data.sampler=foreground", "validation.metrics=[l1]"]
    assert train_command(arguments(name, data, tmp_path / "straight", *keys)) == 0
    assert train_command(arguments(name, data, tmp_path / "cut", *keys, "train.steps=3")) == 0
    assert train_command(arguments(name, data, tmp_path / "cut", *keys)) == 0
    assert networks(tmp_path / "cut") == networks(tmp_path / "straight")
    assert bundles(tmp_path / "cut") == bundles(tmp_path / "straight")
    assert metrics(tmp_path / "cut")[-1] == metrics(tmp_path / "straight")[-1]


def test_masks_that_have_changed_are_named(tmp_path: Path) -> None:
    data = draw_masks(draw_folders(tmp_path / "data", train=5))
    command = arguments("pix2pix", data, tmp_path / "run", "data.workers=0")
    assert train_command([*command, "train.steps=3"]) == 0
    Image.new("L", (24, 24), 1).save(data / "trainMask" / "001.png")
    with pytest.raises(UserError, match=r"its masks for domain A have another content in 1 of 5 images, the first is trainMask/001\.png"):
        train_command(command)
    (data / "trainMask").rename(data / "elsewhere")
    with pytest.raises(UserError, match="has changed since the first 3 steps: it has no masks any more; restore it"):
        train_command(command)
    assert train_command([*command, "data.changed=accept"]) == 0


@pytest.mark.parametrize("gone", [True, False])
def test_masks_of_validation_that_have_changed_begin_the_best_anew(gone: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = draw_masks(draw_folders(tmp_path / "data", train=5))
    keys = [*MEASURED, "data.workers=0", "validation.metrics=[l1]", "validation.best=l1"]
    command = arguments("pix2pix", data, tmp_path / "run", *keys)
    assert train_command([*command, "train.steps=3"]) == 0
    if gone:
        (data / "valMask").rename(data / "elsewhere")
        words = "it has no masks any more"
    else:
        Image.new("L", (24, 24), 1).save(data / "valMask" / "001.png")
        words = "its masks for domain A have another content in 1 of 2 images, the first is valMask/001.png"
    capsys.readouterr()
    assert train_command(command) == 0
    assert f"the validation images changed ({words}): the best bundles begin anew" in "".join(capsys.readouterr())


def test_a_run_of_masked_values_of_two_files_goes_on_bit_for_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for folder in ("A1", "A2", "B", "Mask"):
            (tmp_path / f"data/{split}{folder}").mkdir(parents=True)
            for number in range(count):
                values = (
                    random.integers(0, 2, (24, 24), np.uint8) if folder == "Mask" else random.normal(0, 100, (24, 24)).astype(np.float32)
                )
                np.save(tmp_path / f"data/{split}{folder}/{number}.npy", values)
    domains = ["data.domain_a.channels=2", "data.domain_a.range=percentiles", "data.domain_b.channels=1", "data.domain_b.range=auto"]
    keys = [*MEASURED, *domains, "data.sampler=foreground", "validation.best=mae"]
    assert train_command(arguments("pix2pix", tmp_path / "data", tmp_path / "straight", *keys)) == 0
    assert train_command(arguments("pix2pix", tmp_path / "data", tmp_path / "cut", *keys, "train.steps=3")) == 0
    assert train_command(arguments("pix2pix", tmp_path / "data", tmp_path / "cut", *keys)) == 0
    assert networks(tmp_path / "cut") == networks(tmp_path / "straight")
    assert bundles(tmp_path / "cut") == bundles(tmp_path / "straight")
    assert metrics(tmp_path / "cut")[-1] == metrics(tmp_path / "straight")[-1]
