"""Sub-folders as classes: what is found, in which order it is trained on, and every mistake in one line."""

import os
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from pictures import NAMES, draw_classes

from gan_style.config.schema import DataConfig
from gan_style.datasets import index, listing
from gan_style.datasets.check import check
from gan_style.datasets.dataset import TrainingSet, ValidationSet, collate, open_dataset
from gan_style.errors import UserError

SIZES = {"load_size": 16, "crop_size": 16}


def training(root: Path) -> TrainingSet:
    return open_dataset(DataConfig(root=str(root), **SIZES), "train", "labelled images", 3)


def validation(root: Path) -> ValidationSet | None:
    return open_dataset(DataConfig(root=str(root), **SIZES), "val", "labelled images", 3)


def test_sub_folders_are_the_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    found = training(draw_classes(tmp_path))
    assert found.names == NAMES
    assert found.describe() == "9 images of 3 classes: blue, green, red"
    samples = [found[number, 0] for number in range(9)]
    assert {sample.keys["a"] for sample in samples} == {f"train/{name}/{number}.png" for name in NAMES for number in range(3)}
    for sample in samples:
        assert sample.label is not None and NAMES[sample.label] == sample.keys["a"].split("/")[1]
    held_out = validation(tmp_path)
    assert held_out is not None
    assert [held_out.label(index) for index in range(6)] == ["blue", "blue", "green", "green", "red", "red"]


def test_a_sample_is_a_function_of_seed_and_number(tmp_path: Path) -> None:
    one, other = training(draw_classes(tmp_path)), training(tmp_path)
    batch, again = collate([one[number, 0] for number in (4, 11)]), collate([other[number, 0] for number in (4, 11)])
    assert batch.labels == again.labels and batch.keys == again.keys and (batch.a == again.a).all()
    epoch = [one[number, 0].label for number in range(9, 18)]
    assert Counter(epoch) == {0: 3, 1: 3, 2: 3}


def test_folders_of_two_domains_are_two_classes(tmp_path: Path) -> None:
    draw_classes(tmp_path, names=("A", "B"))
    for split in ("train", "val"):
        for domain in "AB":
            shutil.move(tmp_path / split / domain, tmp_path / f"{split}{domain}")
        (tmp_path / split).rmdir()
    found = training(tmp_path)
    assert found.names == ("A", "B")
    assert {found[number, 0].keys["a"].split("/")[0] for number in range(6)} == {"trainA", "trainB"}


def test_a_kept_list_has_its_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the process that keeps it."""
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 1)
    root = draw_classes(tmp_path / "set")
    monkeypatch.setattr(listing, "SETTLED", 0)
    time.sleep(0.02)  # some ticks of the file system's clock
    kept, again = training(root), training(root)
    assert len(list((tmp_path / "cache").glob("*.index"))) == 1
    assert kept.names == again.names == NAMES
    assert [kept[number, 0].label for number in range(9)] == [again[number, 0].label for number in range(9)]
    (root / "train/white").mkdir()
    shutil.copy(root / "train/red/0.png", root / "train/white/0.png")
    assert training(root).names == (*NAMES, "white")


def test_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    (draw_classes(tmp_path) / "train/.cache").mkdir()
    assert training(tmp_path).names == NAMES


def test_without_validation_folders_test_stands_in(tmp_path: Path) -> None:
    draw_classes(tmp_path).joinpath("val").rename(tmp_path / "test")
    held_out = validation(tmp_path)
    assert held_out is not None and held_out.describe().endswith("test/, since there is no val")
    shutil.rmtree(tmp_path / "test")
    assert validation(tmp_path) is None


def empty_class(root: Path) -> None:
    (root / "train/white").mkdir()


def class_of_texts(root: Path) -> None:
    (root / "train/notes").mkdir()
    (root / "train/notes/read.txt").write_text("x")


def strays(root: Path) -> None:
    shutil.copy(root / "train/red/0.png", root / "train/0.png")


def unknown_class(root: Path) -> None:
    shutil.copytree(root / "val/red", root / "val/white")


def one_class(root: Path) -> None:
    shutil.rmtree(root / "train/blue")
    shutil.rmtree(root / "train/green")


def two_places(root: Path) -> None:
    for domain in "AB":
        shutil.copytree(root / "train/red", root / f"train{domain}")


def no_classes(root: Path) -> None:
    shutil.rmtree(root / "train")


def class_of_bytes(root: Path) -> None:
    shutil.copytree(root / "train/red", root / "train" / os.fsdecode(b"\xff\xfe"))


def classes_that_look_alike(root: Path) -> None:
    for name in ("\u00e9", "e\u0301"):
        shutil.copytree(root / "train/red", root / "train" / name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (class_of_bytes, r"the name of a class is no text in UTF-8; rename the folder"),
        (classes_that_look_alike, r"looks like the class .*written in other characters; rename one of them"),
        (empty_class, r"train/white: holds no image"),
        (class_of_texts, r"train/notes: holds no image .*but"),
        (strays, r"train/0\.png: in no class; give a folder of images for each class: train/summer/"),
        (unknown_class, r"val/white: is a class that the training images do not have \(they have blue, green, red\)"),
        (one_class, r"train: holds one class, red; a labelled set needs two or more"),
        (two_places, r"has two places for images of split train"),
        (no_classes, r"has no folder of images for each class: train/summer/"),
    ],
)
def test_a_mistake_is_one_line_and_the_check_tells_it_too(change: object, said: str, tmp_path: Path) -> None:
    change(draw_classes(tmp_path))  # type: ignore[operator]
    with pytest.raises(UserError, match=said) as mistake:
        training(tmp_path)
        validation(tmp_path)
    assert "\n" not in str(mistake.value)
    try:
        problems = "; ".join(check(tmp_path, "labelled", 1).problems)
    except UserError as refusal:
        problems = str(refusal)
    first = problems.partition("; ")[0].split(": ", 1)[1]
    assert first in str(mistake.value)


def test_the_check_counts_each_class(tmp_path: Path) -> None:
    report = check(draw_classes(tmp_path), "labelled", 1)
    assert report.problems == ()
    rows = [line.split()[:4] for line in report.table.splitlines()[1:]]
    assert rows == [[split, name, count, "0"] for split, count in (("train", "3"), ("val", "2")) for name in NAMES]


def test_the_layout_and_the_method_go_together(tmp_path: Path) -> None:
    draw_classes(tmp_path)
    for source, needs in (("labelled", "domains"), ("folders", "labelled images")):
        with pytest.raises(UserError, match=rf"data\.source: {source} does not fit this method"):
            open_dataset(DataConfig.model_validate({"root": str(tmp_path), "source": source}), "train", needs, 0)  # type: ignore[call-overload]
