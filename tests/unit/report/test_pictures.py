"""Sample grids inside the report: few, bounded, and patient with broken files."""

import base64
import io
import itertools
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_style.report import pictures as module
from gan_style.report.pictures import MAX_PICTURE_BYTES, MAX_PICTURES, pictures


def grid(folder: Path, step: int, size: tuple[int, int] = (8, 6), noise: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{step:07d}.png"
    pixels = (
        np.random.default_rng(step).integers(0, 256, (size[1], size[0], 3), np.uint8)
        if noise
        else np.full((size[1], size[0], 3), step % 256, np.uint8)
    )
    Image.fromarray(pixels).save(path)
    os.utime(path, (1_000_000 + step, 1_000_000 + step))
    return path


def decoded(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data.partition("base64,")[2])))


@pytest.mark.parametrize("count", [1, 2, MAX_PICTURES, MAX_PICTURES + 1, 100])
def test_pictures_are_few_and_even_and_end_with_the_newest(tmp_path: Path, count: int) -> None:
    for place in range(1, count + 1):
        grid(tmp_path, place * 500)
    steps = [picture.step for picture in pictures(tmp_path, 0)]
    assert min(count, MAX_PICTURES // 2) <= len(steps) <= MAX_PICTURES
    assert (steps[0], steps[-1]) == (500, count * 500)
    assert len({later - earlier for earlier, later in itertools.pairwise(steps[:-1])}) <= 1


def test_a_small_picture_is_kept_exactly(tmp_path: Path) -> None:
    path = grid(tmp_path, 7, noise=True)
    (picture,) = pictures(tmp_path, 7)
    assert picture.data.startswith("data:image/png;base64,")
    assert base64.b64decode(picture.data.partition(",")[2]) == path.read_bytes()
    assert (picture.step, picture.width, picture.height) == (7, 8, 6)


def test_fewer_can_be_asked_for(tmp_path: Path) -> None:
    for step in range(1, 31):
        grid(tmp_path, step)
    for most in (2, 5):
        steps = [picture.step for picture in pictures(tmp_path, 0, most)]
        assert most / 2 <= len(steps) <= most and (steps[0], steps[-1]) == (1, 30)


def test_a_tall_grid_keeps_its_width(tmp_path: Path) -> None:
    grid(tmp_path, 1, (192, 64 * 64))  # 64 rows of three pictures of 64 pixels
    (picture,) = pictures(tmp_path, 1)
    assert picture.width == 192


@pytest.mark.parametrize("size", [(900, 700), (300, 2000), (3000, 2500)])
def test_a_large_picture_is_made_small_in_proportion(tmp_path: Path, size: tuple[int, int]) -> None:
    grid(tmp_path, 1, size, noise=True)
    (picture,) = pictures(tmp_path, 1)
    content = decoded(picture.data)
    assert len(base64.b64decode(picture.data.partition(",")[2])) <= MAX_PICTURE_BYTES
    assert content.format == "JPEG" and content.size == (picture.width, picture.height)
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_broken_picture_is_warned_of_and_left_out(tmp_path: Path) -> None:
    grid(tmp_path, 1)
    broken = grid(tmp_path, 2, (200, 200), noise=True)
    broken.write_bytes(broken.read_bytes()[:5000])
    (tmp_path / "step_0000003.png").write_text("not a picture", encoding="utf-8")
    (tmp_path / "step_x.png").write_text("not a step", encoding="utf-8")
    with pytest.warns(UserWarning, match="left out of the report") as caught:
        assert [picture.step for picture in pictures(tmp_path, 3)] == [1]
    assert len(caught) == 2


def test_what_is_no_picture_file_is_warned_of_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is waited for, and no program is started for one that is no picture of pixels."""
    monkeypatch.setattr(subprocess, "Popen", None)
    grid(tmp_path, 1)
    (tmp_path / "step_0000002.png").symlink_to("nowhere")
    (tmp_path / "step_0000003.png").symlink_to("step_0000003.png")
    os.mkfifo(tmp_path / "step_0000004.png")
    (tmp_path / "step_0000005.png").mkdir()
    (tmp_path / "step_0000006.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    Image.new("RGB", (4, 4)).save(tmp_path / "step_0000007.png", "tiff")
    with pytest.warns(UserWarning, match="left out of the report") as caught:
        assert [picture.step for picture in pictures(tmp_path, 9)] == [1]
    assert sorted(re.findall(r"step_0*(\d)\.png", str(warning.message))[0] for warning in caught) == list("234567")


def test_grids_of_an_abandoned_future_are_left_out(tmp_path: Path) -> None:
    for step in (100, 200, 300):
        grid(tmp_path, step)
    os.utime(tmp_path / "step_0000200.png", (2_000_000, 2_000_000))  # drawn again after going back to a checkpoint
    assert [picture.step for picture in pictures(tmp_path, 150)] == [100, 200]
    assert [picture.step for picture in pictures(tmp_path, 300)] == [100, 200, 300]


def test_a_picture_is_encoded_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = grid(tmp_path, 5)
    opened = []
    original = module.open_image
    monkeypatch.setattr(module, "open_image", lambda *given: opened.append(given) or original(*given))
    first, again = pictures(tmp_path, 5), pictures(tmp_path, 5)
    assert first == again and len(opened) == 1
    Image.new("RGB", (4, 4)).save(path)
    assert pictures(tmp_path, 5)[0].width == 4
    assert len(opened) == 2


def test_no_folder_no_pictures(tmp_path: Path) -> None:
    assert pictures(tmp_path / "absent", 5) == []
