"""The scratch file of tiles: regions come back, in any order and after a kill."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import ROOT

from gan_style.errors import UserError
from gan_style.files.tile_file import TILE, TileFile, scratch_bytes


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_regions_that_overlap_are_as_in_an_array(tmp_path: Path, channels: int, depth: int) -> None:
    random = np.random.default_rng(0)
    height, width = 2 * TILE + 30, TILE + 7
    pixels = TileFile(tmp_path / "s", height, width, channels, f"uint{depth}")
    assert pixels.tiles == 6 and (tmp_path / "s").stat().st_size == scratch_bytes(height, width, channels, f"uint{depth}")
    expected = np.zeros((height, width, channels), pixels.dtype)
    for _ in range(12):
        top, left = int(random.integers(height)), int(random.integers(width))
        rows, columns = int(random.integers(1, height - top + 1)), int(random.integers(1, width - left + 1))
        region = random.integers(0, 2**depth, (rows, columns, channels)).astype(pixels.dtype)
        pixels.write(top, left, region)
        expected[top : top + rows, left : left + columns] = region
        np.testing.assert_array_equal(pixels.read(0, 0, height, width), expected)
    tiles = list(pixels.each_tile())
    assert {tile.shape for tile in tiles} == {(TILE, TILE, channels)}
    np.testing.assert_array_equal(tiles[0], expected[:TILE, :TILE])
    np.testing.assert_array_equal(tiles[5][:30, :7], expected[2 * TILE :, TILE:])
    assert (tiles[5][:30, 7:] == expected[2 * TILE :, -1:]).all() and (tiles[5][30:] == tiles[5][29]).all()
    pixels.remove()
    assert not (tmp_path / "s").exists()


def test_what_was_flushed_is_there_after_a_kill(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
import numpy as np
from gan_style.files.tile_file import TileFile
pixels = TileFile(Path({str(tmp_path / "s")!r}), 600, 700, 3, "uint8")
pixels.write(100, 500, np.full((50, 100, 3), 9, np.uint8))
pixels.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    pixels = TileFile(tmp_path / "s", 600, 700, 3, "uint8")
    assert pixels.resumed and (pixels.read(100, 500, 50, 100) == 9).all()
    assert pixels.read(0, 0, 600, 700).sum() == 9 * 50 * 100 * 3


@pytest.mark.parametrize("other", [(700, 600, 3, "uint8"), (600, 700, 1, "uint8"), (600, 700, 3, "uint16")])
def test_the_file_of_another_picture_is_made_anew(tmp_path: Path, other: tuple[int, int, int, str]) -> None:
    first = TileFile(tmp_path / "s", *other)
    first.write(0, 0, np.ones((9, 9, other[2]), first.dtype))
    first.close()
    pixels = TileFile(tmp_path / "s", 600, 700, 3, "uint8")
    assert not pixels.resumed and not pixels.read(0, 0, 600, 700).any()


def test_what_is_no_file_of_tiles_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"else")
    pixels = TileFile(tmp_path / "s", 20, 30, 1, "uint8")
    assert not pixels.resumed and not pixels.read(0, 0, 20, 30).any()


def test_regions_and_types_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    pixels = TileFile(tmp_path / "s", 20, 30, 1, "uint8")
    for top, left, region in ((0, 0, np.ones((21, 1, 1), np.uint8)), (-1, 0, np.ones((2, 2, 1), np.uint8))):
        with pytest.raises(ValueError, match="of a picture of 20 x 30"):
            pixels.write(top, left, region)
    for region in (np.ones((2, 2, 3), np.uint8), np.ones((2, 2, 1), np.uint16)):
        with pytest.raises(ValueError, match="for 1 channels of uint8"):
            pixels.write(0, 0, region)


def test_a_disk_that_refuses_and_a_file_that_was_cut_are_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"s: cannot be written .*; free the disk or choose another folder"):
        TileFile(tmp_path / "file" / "s", 20, 30, 1, "uint8")
    pixels = TileFile(tmp_path / "s", 20, 30, 1, "uint8")
    (tmp_path / "s").open("r+b").truncate(5000)
    with pytest.raises(UserError, match=r"s: cannot be read \(it was cut short meanwhile\)"):
        pixels.read(0, 0, 20, 30)
