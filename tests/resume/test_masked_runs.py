"""Runs with masks go on to the same bits, and refuse masks that have changed."""

from pathlib import Path

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
