"""check, training and conversions tell which files of a data set are no images, a kept list as well as a new one."""

import logging
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import draw_folders
from PIL import Image

from gan_style.commands.evaluate.folders import by_stem
from gan_style.datasets import compare, convert, folders, index, listing
from gan_style.datasets.check import check
from gan_style.datasets.sources import find, find_one_domain, survey_split
from gan_style.errors import UserError
from gan_style.files import images


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pairs, and beside them in trainA three files that are no images, in trainB/sub one."""
    root = draw_folders(tmp_path / "set", train=2, val=1)
    (root / "trainB/sub").mkdir()
    for name in ("trainA/1.heic", "trainA/2.heic", "trainA/notes.txt", "trainB/sub/clip.mp4", "trainA/.hidden", "trainA/Thumbs.db"):
        (root / name).touch()
    return root


@pytest.mark.parametrize("paired", [True, False])
def test_a_source_counts_what_it_left_out(data: Path, paired: bool) -> None:
    source = find(data, "auto", "train", paired)
    assert source is not None
    assert [entry[:2] for entry in source.left_out.entries()] == [(".heic", 2), (".mp4", 1), (".txt", 1)]
    one = find_one_domain(data, "train")
    assert one is not None and len(one.left_out) == 3


def test_a_kept_list_keeps_the_counts(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 1)
    monkeypatch.setattr(listing, "SETTLED", 0)
    time.sleep(0.02)
    first, again = (find(data, "auto", "train", True) for _ in range(2))
    assert list((tmp_path / "cache").iterdir()) and first is not None and again is not None
    assert first.left_out == again.left_out and len(again.left_out) == 4 and "2 .heic (HEIC pictures" in again.left_out.words()
    (data / "trainA/odd.\n").touch()
    time.sleep(0.02)
    assert [len(source.left_out) for _ in range(2) if (source := find(data, "auto", "train", True))] == [5, 5]


def test_check_says_what_it_left_out(data: Path) -> None:
    report = check(data, workers=1)
    assert report.problems == ()
    (note,) = report.notes
    assert note.startswith("left out of train: 2 .heic (HEIC pictures: 1.heic ") and "1 .mp4 (videos" in note and note.endswith("1 .txt")


PARTNERS = {
    "HEIC": (["trainB/2.heic", "trainB/2.txt"], r"trainB/2\.heic is a HEIC picture, not an image that is read; convert it"),
    "in a folder": (["trainB/sub/2.HEIC"], r"trainB/sub/2\.HEIC is a HEIC picture"),
    "video": (["trainB/2.mp4"], r"trainB/2\.mp4 is a video, not an image that is read"),
    "text": (["trainB/2.txt"], r"trainB/2\.txt is a text, not an image"),
    "unknown suffix": (["trainB/2.xyz"], r"trainB/2\.xyz has the suffix \.xyz, which no picture has that is read; convert it to PNG"),
    "no suffix": (["trainB/2"], r"trainB/2 has no suffix; give it its suffix, such as \.jpg"),
}


@pytest.mark.parametrize("name", PARTNERS)
def test_a_partner_that_was_left_out_is_named(tmp_path: Path, name: str) -> None:
    root, (names, words) = draw_folders(tmp_path / "set", train=2, val=1), PARTNERS[name]
    sub = "sub/" if "/sub/" in names[0] else ""
    images.write(root / f"trainA/{sub}2.png", np.zeros((8, 8, 3), np.uint8))
    for number, each in enumerate(names):
        (root / each).parent.mkdir(exist_ok=True)
        (root / each).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16) if "." not in Path(each).name else bytes([number]) * 20)
    message = rf"trainA/{sub}2\.png: no file of this stem in .*trainB, but .*{words}"
    with pytest.raises(UserError, match=message) as caught:
        find(root, "auto", "train", True)
    assert "\n" not in str(caught.value)
    assert len(check(root, workers=1).problems) == 1
    (root / "trainA" / sub / "2.png").unlink()
    assert find(root, "auto", "train", True) is not None


def test_files_of_other_stems_are_no_partners(data: Path) -> None:
    (data / "trainB/000.png").unlink()
    (data / "trainB/0000.heic").touch()
    with pytest.raises(UserError, match=r"no file of this stem in .*/trainB; put this right"):
        find(data, "auto", "train", True)


def test_for_many_images_without_a_partner_a_folder_is_looked_into_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (data / f"trainA/x{number}.png").touch()
        (data / f"trainB/x{number}.heic").touch()
    looked = []
    original = folders.os.scandir
    monkeypatch.setattr(folders.os, "scandir", lambda place: looked.append(place) or original(place))
    assert "x0.heic is a HEIC picture" in survey_split(data, "folders", "train", True).problems.lines[0]
    assert looked.count(data / "trainB/") <= 2


def test_an_empty_folder_says_what_is_there_instead(tmp_path: Path) -> None:
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
        (tmp_path / f"train{domain}" / "1.heic").touch()
    with pytest.raises(UserError, match=r"trainA: holds no image \(.*\), but 1 \.heic \(HEIC pictures"):
        find(tmp_path, "auto", "train", True)
    with pytest.raises(UserError, match=r"holds no images, but 1 \.heic"):
        by_stem("--results", str(tmp_path / "trainA"))


def test_conversions_and_comparisons_say_it_too(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def told(action: object, *arguments: object) -> str:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "gan_style"):
            action(*arguments)  # type: ignore[operator]
        return caplog.text

    assert "2 .heic" in told(convert.combine, data, tmp_path / "ab")
    assert "2 .heic" in told(convert.split_files, data / "trainA", tmp_path / "split", convert.Fraction(1, 2))
    assert "2 .heic" in told(compare.comparison_sheet, [data / "trainA", data / "trainB"], tmp_path / "sheet.png", 2)
    (tmp_path / "ab" / "train" / "raw.cr2").touch()
    assert "1 .cr2" in told(convert.split_pairs, tmp_path / "ab", tmp_path / "back")


def test_evaluated_folders_say_it_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(by_stem("--results", str(data / "trainA"))) == 2
    assert "--results" in (told := capsys.readouterr().err) and "left out: 2 .heic" in told


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp"])
def test_check_says_that_the_first_of_several_pictures_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.full((16, 16, 3), value, np.uint8)) for value in (10, 200)]
    (tmp_path / "trainA").mkdir()
    for number in range(3):
        images.write(tmp_path / "trainB" / f"{number}.png", np.zeros((16, 16, 3), np.uint8))
        frames[0].save(tmp_path / "trainA" / f"{number}.{suffix}", save_all=True, append_images=frames[1:])
    notes = check(tmp_path, workers=1).notes
    assert any(f"the first is read: 3 files, such as {tmp_path}/trainA/0.{suffix}" in note for note in notes)
