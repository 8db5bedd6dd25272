"""What a check tells of masks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from gan_style.datasets.check import check
from gan_style.files import images

Writer = Callable[..., None]


def mask(inside: int, label: int = 1, height: int = 24, width: int = 32) -> np.ndarray:
    """[H, W, 1]: so many rows are inside."""
    made = np.zeros((height, width, 1), np.uint8)
    made[:inside] = label
    return made


@pytest.fixture
def masked(tmp_path: Path, write_pairs: Writer) -> Path:
    write_pairs(tmp_path, "train", 4)
    write_pairs(tmp_path, "val", 1)
    for number in range(4):
        images.write(tmp_path / f"trainMask/s{number}.png", mask(12))
    images.write(tmp_path / "valMask/s0.png", mask(6))
    return tmp_path


def test_good_masks_have_a_row_and_their_share(masked: Path) -> None:
    images.write(masked / "trainMask/s2.png", mask(12, 5))
    report = check(masked, workers=1)
    assert report.problems == ()
    rows = [line.split() for line in report.table.splitlines()]
    assert ["train", "mask", "4", "0", "32", "x", "24", "1", "8", "0"] in rows
    assert "train mask: 50 % of the pixels are inside; labels 1, 5" in report.notes
    assert "val mask: 25 % of the pixels are inside" in report.notes
    assert not any("warning" in note or "not used" in note for note in report.notes)


def test_masks_that_do_not_fit_are_all_named(masked: Path) -> None:
    images.write(masked / "trainMask/s0.png", mask(3, height=20))
    images.write(masked / "trainMask/s1.png", np.zeros((24, 32, 3), np.uint8))
    (masked / "trainMask/s2.png").unlink()
    (masked / "valMask/s0.png").write_bytes(b"broken")
    problems = check(masked, workers=1).problems
    for words in (
        f"{masked}/trainMask/s0.png: is 32 x 20, its image {masked}/trainA/s0.png is 32 x 24; a mask has the size of its image",
        f"{masked}/trainMask/s1.png: has 3 channels; a mask has one",
        f"{masked}/trainA/s2.png: has no mask in {masked}/trainMask; add it",
        f"{masked}/valMask/s0.png: ",
    ):
        assert sum(words in problem for problem in problems) == 1, (words, problems)
    assert len(problems) == 4


def test_empty_masks_noise_and_masks_without_an_image_are_warnings(masked: Path) -> None:
    images.write(masked / "trainMask/s1.png", mask(0))
    images.write(masked / "trainMask/s3.png", np.arange(24 * 32, dtype=np.uint16).reshape(24, 32, 1))
    images.write(masked / "trainMask/stranger.png", mask(2))
    report = check(masked, workers=1)
    assert report.problems == ()
    start = "warning: train mask: 1"
    assert f"{start} of 4 files are empty, such as {masked}/trainMask/s1.png; weighed losses do not count their images" in report.notes
    assert any(note.startswith(f"{start} of 4 files hold more than 32 values, such as {masked}/trainMask/s3.png") for note in report.notes)
    assert f"{start} file without an image, such as {masked}/trainMask/stranger.png" in report.notes


def test_masks_that_are_all_empty_are_a_problem(masked: Path) -> None:
    images.write(masked / "valMask/s0.png", mask(0))
    assert check(masked, workers=1).problems == (f"{masked}: all masks of split val are empty; give the pixels that count a value above 0",)
    (masked / "valMask/s0.png").unlink()
    (masked / "valMask").rmdir()
    assert "val mask: there is none, so validation measures whole images" in check(masked, workers=1).notes


def test_large_masks_are_read_in_part(masked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_style.datasets.mask_check.PART", 16)
    (masked / "trainMask/s0.png").unlink()
    tifffile.imwrite(masked / "trainMask/s0.tif", mask(12)[..., 0].astype(np.float32), tile=(16, 16))
    report = check(masked, workers=1)
    assert report.problems == () and "train mask: 50 % of the pixels are inside" in report.notes


def test_masks_of_side_by_side_files_are_half_as_wide(masked: Path) -> None:
    for path in [*masked.glob("train[AB]/*"), *masked.glob("val*/*")]:
        path.unlink()
    for folder in [*masked.glob("train[AB]"), *masked.glob("val*")]:
        folder.rmdir()
    for number in range(4):
        images.write(masked / f"train/s{number}.png", np.zeros((24, 64, 3), np.uint8))
    assert check(masked, "aligned", workers=1).problems == ()
