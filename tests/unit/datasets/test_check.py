"""check: every file is read, every bad one named."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import draw_folders
from tiffs_of_any_size import sparse

from gan_style.datasets.check import check
from gan_style.datasets.values import together, values_of
from gan_style.files import images

Writer = Callable[..., None]


def test_a_good_set(tmp_path: Path, write_pairs: Writer, write_palette: Writer) -> None:
    write_pairs(tmp_path, "train", 3)
    write_pairs(tmp_path, "val", 1, 30, 40)
    for index in range(3):
        write_palette(tmp_path / "trainA" / f"s{index}.png")
    report = check(tmp_path, workers=1)
    assert report.problems == ()
    rows = [line.split() for line in report.table.splitlines()]
    assert rows[0][:4] == ["split", "domain", "files", "bad"]
    assert rows[1][:10] == ["train", "A", "3", "0", "32", "x", "24", "3", "8", "3"]
    assert rows[2][:10] == ["train", "B", "3", "0", "32", "x", "24", "3", "8", "0"]
    assert rows[3][:10] == ["val", "A", "1", "0", "40", "x", "30", "3", "8", "0"]
    assert len(rows) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_every_culprit_is_named(tmp_path: Path, write_pairs: Writer, workers: int) -> None:
    write_pairs(tmp_path, "train", 6)
    (tmp_path / "trainA" / "s0.png").write_bytes(b"")
    (tmp_path / "trainB" / "s1.png").write_text("no picture")
    cut = tmp_path / "trainA" / "s2.png"
    cut.write_bytes(cut.read_bytes()[:100])
    (tmp_path / "trainB" / "s3.png").unlink()
    images.write(tmp_path / "trainB" / "s4.png", np.zeros((24, 31, 1), np.uint16))
    (tmp_path / "trainA" / "orphan.png").write_bytes(b"not read as a pair, but read")
    report = check(tmp_path, workers=workers)
    for culprit, times in (
        ("trainA/s0.png", 1),
        ("trainB/s1.png", 1),
        ("trainA/s2.png", 1),
        ("trainA/s3.png", 1),
        ("trainA/s4.png", 1),
        ("orphan", 2),
    ):
        assert sum(culprit in problem for problem in report.problems) == times, (culprit, report.problems)
    assert len(report.problems) == 7 and not any("s5" in problem for problem in report.problems)
    rows = [line.split() for line in report.table.splitlines()]
    assert rows[1][:4] == ["train", "A", "7", "3"] and rows[2][:4] == ["train", "B", "5", "1"]
    assert "31-32 x 24-24 (2 sizes)  1 (1), 3 (3)  8 (3), 16 (1)" in report.table


def test_unpaired_and_aligned(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path / "two", "train", 2)
    (tmp_path / "two" / "trainB" / "s0.png").rename(tmp_path / "two" / "trainB" / "other.png")
    assert len(check(tmp_path / "two", workers=1).problems) == 2
    assert check(tmp_path / "two", "unpaired", workers=1).problems == ()
    images.write(tmp_path / "one" / "train" / "even.png", np.zeros((4, 10, 3), np.uint8))
    images.write(tmp_path / "one" / "train" / "odd.png", np.zeros((4, 11, 3), np.uint8))
    report = check(tmp_path / "one", "aligned", workers=1)
    assert len(report.problems) == 1 and "odd.png: is 11 pixels wide" in report.problems[0]


def test_a_file_that_ends_the_process_is_named_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_folders(tmp_path, train=6, val=1)
    read = images.read

    def deadly(path: Path, *further: Any) -> images.Picture:
        if path == tmp_path / "trainB/004.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return read(path, *further)

    monkeypatch.setattr(images, "read", deadly)
    killed = f"{tmp_path}/trainB/004.png: the process that decoded it was killed or crashed; scale it down, or remove it"
    assert check(tmp_path, workers=2).problems == (killed,)


def test_a_file_that_is_too_large_to_be_decoded_at_once_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training reads crops of it. Every tile is read here, and a damaged one is named."""
    (tmp_path / "train").mkdir()
    sparse(tmp_path / "train" / "x.tif", 12000, 12000, 4096, {4: np.full((4096, 4096), 200, np.uint8)})
    monkeypatch.setattr("gan_style.datasets.checked_file.PART", 8192)
    report = check(tmp_path, "images", workers=1)
    assert report.problems == ()
    assert report.table.splitlines()[1].split()[:7] == ["train", "A", "1", "0", "12000", "x", "12000"]
    assert f"too large to be decoded at once: 1 file, such as {tmp_path}/train/x.tif; train with data.preprocess=crop" in report.notes
    data = bytearray((tmp_path / "train" / "x.tif").read_bytes())
    data[-100:-50] = b"\xff" * 50
    (tmp_path / "train" / "x.tif").write_bytes(data)
    [problem] = check(tmp_path, "images", workers=1).problems
    assert "x.tif: damaged or cut short" in problem


def test_values_of_parts_are_those_of_the_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 4, (40, 50, 1), np.uint8) * 60
    found = together([values_of(part, labels=True) for part in (pixels[:10], pixels[10:, :20], pixels[10:, 20:])])
    whole = values_of(pixels, labels=True)
    assert replace(found, colours=None) == replace(whole, colours=None)
    np.testing.assert_array_equal(found.counts, whole.counts)
    assert found.colours is not None and whole.colours is not None
    assert {code: count.pixels for code, count in found.colours.items()} == {code: count.pixels for code, count in whole.colours.items()}
