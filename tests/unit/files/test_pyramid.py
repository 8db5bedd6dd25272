"""Each level of a pyramid is the one before, halved."""

from pathlib import Path

import numpy as np
import pytest
from pictures import random_pixels

from gan_style.errors import UserError
from gan_style.files.pyramid import build_level, halved, level_sizes
from gan_style.files.tile_file import TILE, TileFile


@pytest.mark.parametrize("depth", [8, 16])
def test_the_mean_of_the_pixels_that_are_there(depth: int) -> None:
    pixels = random_pixels(5, 7, 3, depth)
    half = halved(pixels)
    assert half.shape == (3, 4, 3) and half.dtype == pixels.dtype
    for y in range(3):
        for x in range(4):
            there = pixels[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(-1, 3).astype(float)
            assert np.abs(half[y, x] - there.mean(axis=0)).max() <= 0.5


def test_what_is_transparent_does_not_colour_its_neighbours() -> None:
    pixels = np.array([[[200, 100, 0, 255], [0, 0, 255, 0]], [[100, 100, 0, 255], [0, 0, 255, 0]]], np.uint8)
    assert halved(pixels).tolist() == [[[150, 100, 0, 128]]]
    assert halved(pixels * np.array([1, 1, 1, 0], np.uint8)).tolist() == [[[75, 50, 128, 0]]], "plain means where nothing is opaque"


def test_sizes() -> None:
    assert level_sizes(512, 512) == [] and level_sizes(513, 3) == [(257, 2)]
    assert level_sizes(4001, 1500) == [(2001, 750), (1001, 375), (501, 188)]


def test_a_level_that_is_built_tile_by_tile_is_the_picture_halved_at_once(tmp_path: Path) -> None:
    pixels = random_pixels(2 * TILE + 77, 2 * TILE + 1, 4, 16)
    larger = TileFile(tmp_path / "s", *pixels.shape, "uint16")
    larger.write(0, 0, pixels)
    ticks: list[int] = []
    level = build_level(larger, tmp_path / "s.level1", lambda: ticks.append(1))
    assert len(ticks) == level.tiles
    np.testing.assert_array_equal(level.read(0, 0, level.height, level.width), halved(pixels))


def test_a_level_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    larger = TileFile(tmp_path / "s", 600, 600, 1, "uint8")

    def full(*_: object) -> None:
        raise UserError("no room")

    monkeypatch.setattr(TileFile, "write", full)
    with pytest.raises(UserError, match="no room"):
        build_level(larger, tmp_path / "s.level1", lambda: None)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
