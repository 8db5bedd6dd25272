"""Layouts that people have are recognised; what may be two things is refused with what was seen."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from smoke import smoke_arguments

from gan_style.commands.train import train_command
from gan_style.config.schema import DataConfig
from gan_style.datasets import index, listing
from gan_style.datasets.check import check
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.layouts import not_used
from gan_style.datasets.sources import find, find_one_domain
from gan_style.errors import UserError
from gan_style.files import images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def draw(root: Path, *names: str, size: tuple[int, int] = (8, 8)) -> None:
    for number, name in enumerate(names):
        images.write(root / name, np.full((*size, 3), 40 * number + 9, np.uint8))


@pytest.mark.parametrize("naming", ["{split}{domain}", "{split}/{domain}", "{domain}/{split}"])
@pytest.mark.parametrize("paired", [True, False])
def test_folders_of_two_domains_have_three_namings(tmp_path: Path, naming: str, paired: bool) -> None:
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for domain in "AB":
            folder = naming.format(split=split, domain=domain)
            touch(tmp_path, *(f"{folder}/{number}.png" for number in range(count)), f"{folder}/town/x.png")
    for split, count in (("train", 4), ("val", 3)):
        for layout in ("auto", "folders" if paired else "unpaired"):
            source = find(tmp_path, layout, split, paired)  # type: ignore[arg-type]
            assert source is not None and source.layout == ("folders" if paired else "unpaired")
            assert source.folders == tuple(naming.format(split=split, domain=domain) for domain in "AB")
            assert [len(source.a), len(source.b)] == [count, count]
            assert source.below("a", count - 1) == "town/x.png" and all(source.path(key).exists() for key in [*source.a, *source.b])
    one = find_one_domain(tmp_path, "val")
    assert one is not None and one.folders[0] == naming.format(split="val", domain="A") and len(one.a) == 3


def test_change_detection_sets_have_a_folder_of_labels_beside(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{split}/{folder}/1.png" for split in ("train", "val", "test") for folder in ("A", "B", "label")))
    source = find(tmp_path, "auto", "train", paired=True)
    assert source is not None and (source.layout, source.a, source.b) == ("folders", ("train/A/1.png",), ("train/B/1.png",))


NAMES = [("trainA/1.png", "trainB/1.png", "testA/1.png", "testB/1.png"), ("train/1.png", "test/1.png")]


@pytest.mark.parametrize("names", [*NAMES, ("train/A/1.png", "train/B/1.png", "test/A/1.png", "test/B/1.png")])
def test_test_images_stand_in_for_validation_and_say_so(tmp_path: Path, names: tuple[str, ...]) -> None:
    draw(tmp_path, *names, size=(8, 16))
    config = DataConfig(root=str(tmp_path), load_size=8, crop_size=8)
    for paired in (True, False):
        validation = open_dataset(config, "val", "pairs" if paired else "domains", 0)
        assert validation is not None and "since there is no val" in validation.describe()
        assert all(f"{Path(name).parent}/" in validation.describe() for name in names if name.startswith("test"))
    single = open_dataset(config, "val", "images", 0)
    assert single is not None and "since there is no val" in single.describe()
    report = check(tmp_path, workers=1)
    assert any("test" in note and "validation" in note for note in report.notes)
    draw(tmp_path, *(name.replace("test", "val") for name in names), size=(8, 16))
    validation = open_dataset(config, "val", "pairs", 0)
    assert validation is not None and "since" not in validation.describe()
    assert all(key.startswith("val") for key in validation.source.a)
    assert not any("validation" in note for note in check(tmp_path, workers=1).notes)


def test_test_images_that_cannot_stand_in_stop_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "trainA/1.png", "trainB/1.png", "testA/1.png", "testA/2.png", "testB/1.png")
    assert find(tmp_path, "auto", "val", paired=True) is None
    assert "testA/2.png" in caplog.text
    assert find(tmp_path, "auto", "val", paired=False) is not None


def test_a_manifest_says_itself_what_its_rows_are_for(tmp_path: Path) -> None:
    touch(tmp_path, "1.png")
    (tmp_path / "m.jsonl").write_text('{"a": "1.png", "b": "1.png"}\n{"a": "1.png", "b": "1.png", "split": "test"}\n')
    assert find(tmp_path / "m.jsonl", "auto", "val", paired=True) is None


TOO_HIGH = {
    "folders": ["maps/trainA/1.png", "maps/trainB/1.png"],
    "domains in folders": ["maps/train/A/1.png", "maps/train/B/1.png"],
    "side by side": ["maps/train/1.png", "maps/val/1.png"],
    "tables": ["maps/train-00000-of-00001.parquet"],
}


@pytest.mark.parametrize("kind", TOO_HIGH)
@pytest.mark.parametrize("layout", ["auto", "folders", "aligned"])
def test_one_folder_too_high(tmp_path: Path, kind: str, layout: str) -> None:
    touch(tmp_path, "readme.txt", *TOO_HIGH[kind])
    for root, place in ((tmp_path, tmp_path / "maps"), (tmp_path.parent, None)):
        if place is not None:
            with pytest.raises(UserError, match=rf"did you mean data\.root={place}\?"):
                find(root, layout, "train", paired=True)  # type: ignore[arg-type]
    if kind != "tables":
        with pytest.raises(UserError, match=rf"did you mean data\.root={tmp_path}/maps\?"):
            find_one_domain(tmp_path, "train")


def test_two_folders_too_high_and_several_sets(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/trainA/1.png", "a/b/trainB/1.png")
    with pytest.raises(UserError, match=r"did you mean data\.root=.*/a/b\?"):
        find(tmp_path, "auto", "train", paired=True)
    touch(tmp_path, "c/trainA/1.png", "c/trainB/1.png")
    with pytest.raises(UserError, match=r"several lie in it; did you mean data\.root=.*/a/b or data\.root=.*/c\?"):
        find(tmp_path, "auto", "train", paired=True)


@pytest.mark.parametrize("inside", ["trainA", "train/A", "train", "valB"])
def test_one_folder_too_low(tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"set/{inside.replace('A', domain).replace('B', domain)}/1.png" for domain in "AB"))
    if inside == "valB":
        touch(tmp_path, "set/trainA/1.png", "set/trainB/1.png")
    with pytest.raises(UserError, match=rf"a part of one; did you mean data\.root={tmp_path}/set\?"):
        find(tmp_path / "set" / inside, "auto", "train", paired=True)
    monkeypatch.chdir(tmp_path / "set" / inside)
    with pytest.raises(UserError, match=r"a part of one"):
        find(".", "auto", "train", paired=True)


AMBIGUOUS = {
    "any folders in train": (["train/maps/1.png", "train/photos/1.png"], r"train: holds the folders maps/, photos/.*data\.source=aligned"),
    "one folder in train": (["train/pictures/1.png"], r"train: holds the folder pictures/.*data\.source=aligned"),
    "pictures beside folders": (["train/1.png", "train/A/1.png", "train/B/1.png"], r"train/A/ and train/B/; pictures in train/"),
    "two whole sets": (
        ["trainA/1.png", "trainB/1.png", "train/A/1.png", "train/B/1.png"],
        r"more than one data set: trainA/ and trainB/; train/A/ and train/B/; keep one",
    ),
    "two whole sets by domain": (
        ["trainA/1.png", "trainB/1.png", "A/train/1.png", "B/train/1.png"],
        r"more than one data set: trainA/ and trainB/; A/train/ and B/train/; keep one",
    ),
    "two namings": (["train/A/1.png", "train/B/1.png", "A/train/1.png"], r"train/A/ and train/B/; A/train/ and B/train/; keep one"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_may_be_two_things_is_refused(tmp_path: Path, name: str) -> None:
    files, message = AMBIGUOUS[name]
    touch(tmp_path, *files)
    for paired in (True, False):
        with pytest.raises(UserError, match=message) as caught:
            find(tmp_path, "auto", "train", paired)
        assert "\n" not in str(caught.value)


def test_two_whole_sets_are_refused_by_every_reader(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{folder}/1.png" for folder in ("trainA", "trainB", "train/A", "train/B")))
    for read in (
        lambda: find_one_domain(tmp_path, "train"),
        lambda: find(tmp_path, "folders", "train", paired=True),
        lambda: check(tmp_path, workers=1),
    ):
        with pytest.raises(UserError, match=r"trainA/.*trainB/.*train/A/.*train/B/; keep one of them"):
            read()


@pytest.mark.parametrize("val", ["valA", "testA", "testB", "test/A", "B/test"])
@pytest.mark.parametrize("paired", [True, False])
def test_half_of_a_split_is_told(tmp_path: Path, val: str, paired: bool, caplog: pytest.LogCaptureFixture) -> None:
    draw(tmp_path, "trainA/1.png", "trainB/1.png", f"{val}/1.png")
    other = val.replace("A", "x").replace("B", "A").replace("x", "B")
    if val == "valA":
        with pytest.raises(UserError, match=r"valB: no such folder"):
            find(tmp_path, "auto", "val", paired)
    else:
        assert find(tmp_path, "auto", "val", paired) is None
        assert f"{other}: no such folder" in caplog.text and "cannot stand in" in caplog.text
    assert any(f"{other}: no such folder" in problem for problem in check(tmp_path, workers=1).problems)


def test_two_places_for_one_split_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{folder}/1.png" for folder in ("trainA", "trainB", "A/val", "B/val", "val/A", "val/B")))
    with pytest.raises(UserError, match=r"two places for images of split val, val/A/, val/B/ and A/val/, B/val/"):
        find(tmp_path, "folders", "val", paired=True)


def test_names_that_mean_one_thing_only_come_first(tmp_path: Path) -> None:
    touch(tmp_path, "trainA/1.png", "trainB/1.png", "train/A/1.png", "train/2.png", "train-0.parquet")
    source = find(tmp_path, "auto", "train", paired=True)
    assert source is not None and source.a == ("trainA/1.png",)


PAIR = ["trainA/1.png", "trainB/1.png"]
BESIDE = {
    "side-by-side files": ("auto", [*PAIR, "train/1.png"], "train/ beside trainA/ and trainB/"),
    "folders in train": ("auto", [*PAIR, "train/label/1.png"], "train/ beside trainA/ and trainB/"),
    "half of another naming": ("auto", [*PAIR, "A/train/1.png"], "A/train/ beside trainA/ and trainB/"),
    "tables": ("auto", [*PAIR, "train-0.parquet"], "Parquet files beside trainA/ and trainB/"),
    "all": (
        "auto",
        [*PAIR, "train/1.png", "A/train/1.png", "trainA.parquet"],
        "train/, A/train/, Parquet files beside trainA/ and trainB/",
    ),
    "labels": ("auto", ["train/A/1.png", "train/B/1.png", "train/label/1.png"], "train/label/ beside train/A/ and train/B/"),
    "folders beside files": ("aligned", ["train/1.png", *PAIR], "trainA/, trainB/ beside train/"),
    "nothing": ("auto", [*PAIR, "valA/1.png", "valB/1.png", "testA/1.png", "notes/1.txt"], ""),
    "nothing of splits in domains": ("auto", [f"{domain}/{split}/1.png" for domain in "AB" for split in ("train", "val", "test")], ""),
    "nothing in it": ("auto", [*PAIR, "train/.hidden"], ""),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_the_folders_that_are_used_is_told(tmp_path: Path, name: str) -> None:
    layout, names, words = BESIDE[name]
    draw(tmp_path, *(each for each in names if each.endswith(".png")), size=(8, 16))
    touch(tmp_path, *(each for each in names if not each.endswith(".png")))
    source = find(tmp_path, layout, "train", paired=True)  # type: ignore[arg-type]
    assert source is not None and not_used(source) == words
    notes = [note for note in check(tmp_path, layout, workers=1).notes if note.startswith("not used")]  # type: ignore[arg-type]
    assert notes == ([f"not used for train: {words}"] if words else [])


def test_the_other_domain_of_one_that_is_read_is_not_beside_it(tmp_path: Path) -> None:
    touch(tmp_path, *PAIR)
    source = find_one_domain(tmp_path, "train")
    assert source is not None and not_used(source) == ""
    touch(tmp_path, "train/1.png")
    assert not_used(source) == "train/ beside trainA/"


def test_a_training_tells_what_it_does_not_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "set", *PAIR, "train/1.png", size=(16, 16))
    assert train_command([*smoke_arguments("pix2pix", tmp_path / "set", tmp_path / "run"), "--dry-run"]) == 0
    assert "not used    train/ beside trainA/ and trainB/" in capsys.readouterr().out


def test_a_layout_that_is_named_is_believed(tmp_path: Path) -> None:
    touch(tmp_path, "train/maps/1.png", "train/A/1.png", "train/B/1.png")
    aligned = find(tmp_path, "aligned", "train", paired=True)
    assert aligned is not None and len(aligned.a) == 3
    folders = find(tmp_path, "folders", "train", paired=True)
    assert folders is not None and folders.a == ("train/A/1.png",)


@pytest.mark.parametrize("paired", [True, False])
def test_pictures_that_do_not_look_side_by_side_need_a_word(tmp_path: Path, paired: bool) -> None:
    draw(tmp_path, "train/1.png", "train/2.png", size=(8, 16))
    assert find(tmp_path, "auto", "train", paired) is not None
    draw(tmp_path, "train/3.png", size=(8, 12))
    with pytest.raises(
        UserError, match=r"train/3\.png: is 12 x 8, not twice as wide as high.*data\.source=aligned \(prepare.py: --source aligned\)"
    ):
        find(tmp_path, "auto", "train", paired)
    source = find(tmp_path, "aligned", "train", paired)
    assert source is not None and len(source.a) == 3


def test_what_was_seen_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.png", "masks/1.png", "cover.jpg")
    with pytest.raises(UserError, match=r"but the folders images/, masks/ and pictures; rename its folders"):
        find(tmp_path, "auto", "train", paired=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"nor Parquet files; rename"):
        find(tmp_path / "empty", "auto", "train", paired=True)


def test_a_kept_list_ends_where_the_folders_change_their_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 1)
    monkeypatch.setattr(listing, "SETTLED", 0)
    root = tmp_path / "set"
    touch(root, "trainA/1.png", "trainB/1.png", "testA/1.png", "testB/1.png")
    time.sleep(0.02)

    def keys(split: str) -> list[str]:
        source = find(root, "auto", split, paired=True)  # type: ignore[arg-type]
        one = find_one_domain(root, split)  # type: ignore[arg-type]
        assert source is not None and one is not None and list(one.a) == list(source.a)
        return list(source.a)

    assert keys("val") == keys("val") == ["testA/1.png"]
    touch(root, "valA/2.png", "valB/2.png")
    assert keys("val") == keys("val") == ["valA/2.png"]
    for domain in "AB":
        os.renames(root / f"train{domain}", root / "train" / domain)
    assert keys("train") == keys("train") == ["train/A/1.png"]
