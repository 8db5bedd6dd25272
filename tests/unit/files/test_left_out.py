"""What is passed over where pictures are looked for is counted and named."""

from pathlib import Path

import pytest
from PIL import Image

from gan_style.files import left_out
from gan_style.files.left_out import LeftOut, is_hidden


def test_suffixes_are_counted_and_pictures_among_them_named(tmp_path: Path) -> None:
    found = LeftOut()
    for name in ("1.heic", "2.HEIC", "3.heic", "notes.txt", "x.json", "y.json", "clip.mp4"):
        found.add(tmp_path, name)
    words = found.words()
    assert (
        words.startswith("3 .heic (HEIC pictures: 1.heic is a HEIC picture, not an image that is read; convert it:") and "2 .json," in words
    )
    assert "1 .mp4 (videos: clip.mp4" in words and words.endswith("1 .txt") and len(found) == 7
    assert found.pictures() == 4


def test_files_without_a_suffix_are_looked_into(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "1", "PNG")
    (tmp_path / "README").write_text("A data set.")
    (tmp_path / "empty.xyz").touch()
    pictures, texts, unknown = LeftOut(), LeftOut(), LeftOut()
    pictures.add(tmp_path, "1")
    pictures.add(tmp_path, "2")
    texts.add(tmp_path, "README")
    unknown.add(tmp_path, "empty.xyz")
    assert pictures.words() == "2 without a suffix (they hold pictures: add the suffix, such as .jpg)"
    assert texts.words() == "1 without a suffix" and unknown.words() == "1 .xyz" and not texts.pictures() and LeftOut().words() == ""


@pytest.mark.parametrize(
    ("beginning", "suffix"),
    [
        (bytes(128) + b"DICM", ".dcm"),
        (bytes(344) + b"n+1\0", ".nii"),
        (bytes(4) + b"n+2\0" + bytes(20), ".nii"),
        (b"\x93NUMPY\1\0" + bytes(20), ".npy"),
        (b"\xff\xd8\xff" + bytes(20), ".jpg"),
    ],
)
def test_measurements_without_a_suffix_are_told_theirs(tmp_path: Path, beginning: bytes, suffix: str) -> None:
    (tmp_path / "IM0001").write_bytes(beginning)
    found = LeftOut()
    found.add(tmp_path, "IM0001")
    assert found.words() == f"1 without a suffix (they hold pictures: add the suffix, such as {suffix})"
    assert left_out.why(tmp_path / "IM0001") == f"has no suffix; give it its suffix, such as {suffix}"


def test_any_number_of_suffixes_takes_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "MOST", 20)
    found = LeftOut()
    for number in range(5000):
        found.add("folder", f"shard.{number:05d}")
    assert len(found) == 5000 and len(found.entries()) == 21 and "of other suffixes" in found.words() and len(found.words()) < 300
    odd = LeftOut()
    odd.add("folder", "a.\n\x1b[31mred" + "x" * 500)
    assert odd.words().isprintable() and len(odd.words()) < 60


def test_what_systems_hide_is_hidden() -> None:
    assert is_hidden(".DS_Store") and is_hidden("Thumbs.db") and is_hidden("desktop.ini") and not is_hidden("thumbs.png")
