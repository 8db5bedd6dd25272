"""Statistics of pictures that infer.py translates by regions: measured, saved, given, of a part."""

from pathlib import Path

import numpy as np
import pytest
from large_pictures import Main, command, differ, error, read
from PIL import Image
from tiny_bundles import pixels

import gan_style
from gan_style.files import images

pytestmark = pytest.mark.usefixtures("large_inputs")


def test_statistics_are_saved_and_used(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("--save-statistics", "s.safetensors")) == 0
    assert main(command("--statistics", "s.safetensors", output="same")) == 0
    assert differ("out/wide.png", "same/wide.png") <= 1
    images.write(Path("dark/one.png"), pixels(40, 40) // 4)
    assert main(command(input="dark", output="own")) == 0
    assert main(command("--statistics", "s.safetensors", input="dark", output="given")) == 0
    assert differ("own/one.png", "given/one.png") > 3
    given = gan_style.load("a.safetensors", device="cpu", statistics="s.safetensors")(Image.open("dark/one.png"))
    assert np.abs(np.asarray(given).astype(int) - read("given/one.png")).max() <= 1, "Python has the same statistics"
    capsys.readouterr()
    assert main(command("--statistics", "s.safetensors", model="other.safetensors", output="no")) == 2
    assert "of another bundle (pix2pix a2b, step 7)" in error(capsys)
    Path("s.safetensors").write_bytes(b"nothing")
    assert main(command("--statistics", "s.safetensors", output="no")) == 2
    assert "s.safetensors: cannot be read" in error(capsys)


def test_local_and_masked_statistics(main: Main) -> None:
    assert main(command(output="at_once")) == 0
    assert main(command("--statistics", "local")) == 0
    assert differ("out/wide.png", "at_once/wide.png") > 1
    mask = np.full((70, 90, 1), 255, np.uint8)
    images.write(Path("mask.png"), mask)
    assert main(command("--statistics", "mask", "--mask", "mask.png", output="all")) == 0
    assert differ("all/wide.png", "at_once/wide.png") <= 3, "but for the padding, the whole picture counts"
    mask[:, 40:] = 0
    images.write(Path("mask.png"), mask)
    assert main(command("--statistics", "mask", "--mask", "mask.png", output="half")) == 0
    assert differ("half/wide.png", "at_once/wide.png") > 1


def test_a_mask_in_which_nothing_counts_is_refused(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("mask.png"), np.zeros((70, 90, 1), np.uint8))
    assert main(command("--statistics", "mask", "--mask", "mask.png")) == 2
    assert "nothing counts in its mask" in error(capsys)


def test_statistics_of_a_result_that_exists_are_not_promised(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command()) == 0
    assert main(command("--save-statistics", "s.safetensors")) == 2
    assert "take --overwrite" in error(capsys)
