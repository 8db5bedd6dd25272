"""What waits between two passes."""

import errno
import os
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from gan_style.errors import UserError
from gan_style.tiling.scratch import Scratch, from_rows, to_rows
from gan_style.tiling.spans import Span, whole


@pytest.fixture(params=["memory", "files"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Scratch:
    made = Scratch(None if request.param == "memory" else tmp_path / "scratch")
    made.begin({"bundle": 1})
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_regions_come_back_as_they_were(scratch: Scratch, dtype: torch.dtype) -> None:
    values = torch.randn(1, 3, 11, 13).to(dtype)
    waiting = scratch.waiting("x", 11, 13, 3, dtype)
    for rows in (Span(0, 5), Span(5, 11)):
        for columns in (Span(0, 13),) if rows.start else (Span(0, 4), Span(4, 13)):
            waiting.write((rows, columns), to_rows(values[..., rows.start : rows.stop, columns.start : columns.stop]))
    for rows, columns in (whole(11, 13), (Span(3, 8), Span(2, 9))):
        found = from_rows(waiting.read((rows, columns)), (1, 3), dtype, torch.device("cpu"))
        assert torch.equal(found, values[..., rows.start : rows.stop, columns.start : columns.stop])


def test_files_outlive_the_process(tmp_path: Path) -> None:
    first = Scratch(tmp_path / "scratch")
    assert not first.begin({"bundle": 1})
    first.waiting("x", 2, 3, 1, torch.float32).write(whole(2, 3), np.ones((2, 3, 1), np.float32))
    first.close(forget=False)
    second = Scratch(tmp_path / "scratch")
    assert second.begin({"bundle": 1})
    assert second.waiting("x", 2, 3, 1, torch.float32).all().sum() == 6
    assert not Scratch(tmp_path / "scratch").begin({"bundle": 1}, ["result.raw"]), "without the result nothing goes on"
    third = Scratch(tmp_path / "scratch")
    assert not third.begin({"bundle": 2}), "work of another bundle does not go on"
    assert third.waiting("x", 2, 3, 1, torch.float32).all().sum() == 0


def test_what_is_forgotten_leaves_no_file(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    scratch.begin({})
    scratch.waiting("x", 2, 3, 1, torch.float32)
    scratch.forget("x")
    assert not (tmp_path / "scratch" / "x.raw").exists()
    scratch.close(forget=True)
    assert not (tmp_path / "scratch").exists()


def test_a_file_that_was_cut_is_named(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    scratch.begin({})
    waiting = scratch.waiting("x", 20, 30, 1, torch.float32)
    with (tmp_path / "scratch" / "x.raw").open("r+b") as file:
        file.truncate(10)
    with pytest.raises(UserError, match=r"x\.raw: is shorter"):
        waiting.all()


def test_a_file_of_another_length_is_not_filled_up(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "x.raw").write_bytes(b"short")
    with pytest.raises(UserError, match=r"x\.raw: has 5 bytes in place of 24"):
        Scratch(tmp_path / "scratch").waiting("x", 2, 3, 1, torch.float32)


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    scratch.begin({})
    waiting = scratch.waiting("x", 2, 3, 1, torch.float32)
    with patch("os.pwrite", side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), pytest.raises(UserError) as refusal:
        waiting.write(whole(2, 3), np.ones((2, 3, 1), np.float32))
    assert str(refusal.value).endswith("cannot be written (No space left on device); free the disk, or give --scratch another folder")
    assert isinstance(refusal.value.__cause__, OSError), "infer stops, and does not try the next picture"


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("mine")
    with pytest.raises(UserError, match="give --scratch another folder"):
        Scratch(tmp_path / "scratch" / "of a picture").begin({})
    assert (tmp_path / "scratch").read_text() == "mine"
