"""A photo that EXIF turns and a label map that was drawn on its stored pixels never train without a word."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets import convert
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.loading import training_loader
from gan_style.errors import UserError
from gan_style.files import images


def write(path: Path, width: int, height: int, orientation: int = 1) -> None:
    """A picture of `width` x `height` stored pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation != 1:
        exif[274] = orientation
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


def pair(root: Path, stored: tuple[int, int], a: int, b: int, turned_b: bool = False, suffixes: tuple[str, str] = ("jpg", "png")) -> Path:
    """One pair of `stored` size with the EXIF orientations a and b."""
    write(root / f"trainA/1.{suffixes[0]}", *stored, a)
    write(root / f"trainB/1.{suffixes[1]}", *(stored[::-1] if turned_b else stored), b)
    return root


def settings(root: Path, workers: int = 0) -> DataConfig:
    return DataConfig(root=str(root), load_size=16, crop_size=16, workers=workers)


def train(root: Path, workers: int = 0) -> None:
    dataset = open_dataset(settings(root), "train", "pairs", 0)
    assert isinstance(dataset, TrainingSet)
    assert len(list(training_loader(dataset, settings(root, workers), 0, 4, 1))) == 4


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_sizes_that_only_exif_makes_different_are_said_to_be(tmp_path: Path, suffix: str) -> None:
    root = pair(tmp_path / "set", (24, 16), 6, 1, suffixes=(suffix, "png"))
    words = (
        rf"1\.{suffix}: is 16 x 24, its partner .*1\.png is 24 x 16; only one of the pair was turned as EXIF says \(.*EXIF orientation 6\)"
    )
    with pytest.raises(UserError, match=words):
        train(root)
    with pytest.raises(UserError, match=words):
        convert.combine(root, tmp_path / "ab")
    (problem,) = check(root, workers=1).problems
    assert "EXIF orientation 6" in problem and "exiftool -Orientation=" in problem


def test_other_sizes_have_nothing_to_do_with_exif(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="need one size") as caught:
        write(tmp_path / "trainA/1.jpg", 24, 16, 6)
        write(tmp_path / "trainB/1.png", 24, 20)
        train(tmp_path)
    assert "EXIF" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("stored", "a", "b"), [((16, 16), 6, 1), ((16, 16), 1, 8), ((24, 16), 3, 1), ((24, 16), 1, 2), ((24, 16), 6, 8)])
def test_one_turned_image_of_a_pair_is_told_once(
    tmp_path: Path, stored: tuple[int, int], a: int, b: int, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    root = pair(tmp_path, stored, a, b, suffixes=("jpg", "jpg"))
    with caplog.at_level(logging.WARNING, "gan_style"):
        train(root, workers)
    warnings = [record.getMessage() for record in caplog.records if "EXIF" in record.getMessage()]
    assert len(warnings) == 1 and "trainA/1.jpg" in warnings[0] and "\n" not in warnings[0]
    assert f"EXIF orientation {b if a == 1 else a}" in warnings[0]
    (problem,) = check(root, workers=1).problems
    assert "EXIF orientation" in problem


@pytest.mark.parametrize(
    ("stored", "a", "b", "turned_b"),
    [((24, 16), 1, 1, False), ((24, 16), 3, 3, False), ((16, 16), 6, 6, False), ((24, 16), 6, 1, True), ((24, 16), 8, 3, True)],
    ids=["none", "both upside down", "both on their side", "drawn upright", "both turned, of one size"],
)
def test_pairs_that_fit_are_no_cause_for_words(
    tmp_path: Path, stored: tuple[int, int], a: int, b: int, turned_b: bool, caplog: pytest.LogCaptureFixture
) -> None:
    root = pair(tmp_path, stored, a, b, turned_b, suffixes=("jpg", "jpg"))
    train(root)
    assert "EXIF" not in caplog.text and check(root, workers=1).problems == ()


@pytest.mark.parametrize(("stored", "a", "b"), [((16, 16), 6, 8), ((24, 16), 6, 8), ((24, 16), 3, 2), ((24, 16), 6, 3)])
def test_two_images_that_were_turned_in_different_ways_are_both_named(tmp_path: Path, stored: tuple[int, int], a: int, b: int) -> None:
    (problem,) = check(pair(tmp_path, stored, a, b, suffixes=("jpg", "jpg")), workers=1).problems
    assert "only one" not in problem and "turned in different ways" in problem and "\n" not in problem
    assert all(f"train{domain}/1.jpg, EXIF orientation {number}" in problem for domain, number in (("A", a), ("B", b)))
    assert f"exiftool -Orientation= {tmp_path}/trainA/1.jpg {tmp_path}/trainB/1.jpg" in problem


def test_a_header_knows_its_orientation(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "tif", "webp"):
        for orientation in range(1, 9):
            path = tmp_path / f"{orientation}.{suffix}"
            write(path, 24, 16, orientation)
            header, picture = images.probe(path), images.read(path, 3)
            assert header.orientation == picture.orientation == orientation
            assert picture.pixels.shape[:2] == (header.height, header.width) == ((24, 16) if orientation >= 5 else (16, 24))
