"""A TIFF that was written by regions is read back by every reader, with what its source said of place and scale."""

import hashlib
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from fuzzing import bounds
from pictures import random_pixels
from PIL import Image
from tiny import ROOT

from gan_style.errors import UserError
from gan_style.files import images, region_writer
from gan_style.files.pyramid import halved
from gan_style.files.region_writer import PLAIN, Compression, RegionWriter, Storage
from gan_style.files.regions import open_regions
from gan_style.files.tiff_metadata import Metadata

HEIGHT, WIDTH = 700, 1100  # 2 x 3 tiles


def write(path: Path, pixels: np.ndarray, storage: Storage = PLAIN) -> Path:
    """In bands from the bottom up."""
    with RegionWriter(path, *pixels.shape, pixels.dtype, path.with_suffix(".scratch"), storage) as writer:
        for top in range(len(pixels) - 1, -1, -99):
            band = pixels[max(0, top - 98) : top + 1]
            writer.write(max(0, top - 98), 0, band)
        ticks: list[int] = []
        writer.finish(lambda: ticks.append(1))
        assert len(ticks) == writer.tiles
    assert not list(path.parent.glob("*.scratch*"))
    return path


@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "none"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_reader_reads_it_back(tmp_path: Path, channels: int, depth: int, compression: Compression) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels, depth)
    pixels[100:400] = 7  # something to compress
    path = write(tmp_path / "x.tif", pixels, Storage(compression))
    page = tifffile.TiffFile(path).pages.first
    assert page.is_tiled and (page.tilelength, page.tilewidth) == (512, 512)  # type: ignore[union-attr]
    np.testing.assert_array_equal(tifffile.imread(path).reshape(pixels.shape), pixels)
    picture = images.read(path, channels)
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert images.probe(path).channels == channels
    with open_regions(path, channels) as reader:
        np.testing.assert_array_equal(reader.read(500, 500, 50, 600), pixels[500:550, 500:])
    if depth == 8:
        np.testing.assert_array_equal(np.asarray(Image.open(path)).reshape(pixels.shape), pixels)
    # OpenCV reads no gray with alpha, multiplies colours of 8 bits by their alpha, and was built without zstd.
    if channels != 2 and (channels, depth) != (4, 8) and compression != "zstd":
        decoded = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert decoded is not None
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
        np.testing.assert_array_equal(decoded.reshape(pixels.shape)[..., order], pixels)


@pytest.mark.parametrize("size", [(1, 1), (512, 512), (513, 1), (30, 2000)])
@pytest.mark.parametrize("compression", ["deflate", "none"])
def test_sizes(tmp_path: Path, size: tuple[int, int], compression: Compression) -> None:
    pixels = random_pixels(*size, 3)
    path = write(tmp_path / "x.tif", pixels, Storage(compression, pyramid=True))
    np.testing.assert_array_equal(images.read(path, 3).pixels, pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_pyramid_of_halves(tmp_path: Path, channels: int) -> None:
    pixels = random_pixels(HEIGHT, 2 * WIDTH, channels)
    path = write(tmp_path / "x.tif", pixels, Storage(pyramid=True))
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 1 and [level.shape[:2] for level in tiff.series[0].levels] == [
            (700, 2200),
            (350, 1100),
            (175, 550),
            (88, 275),
        ]
        expected = pixels
        for level in tiff.series[0].levels:
            np.testing.assert_array_equal(level.asarray().reshape(expected.shape), expected)
            expected = halved(expected)
    assert not images.probe(path).several


def test_a_picture_of_more_pixels_than_there_is_memory_for(tmp_path: Path) -> None:
    """144 MB of pixels; most of the memory is for tiles that wait for threads to compress them."""
    side = 12_000
    with (
        bounds(memory=2**27),
        RegionWriter(tmp_path / "x.tif", side, side, 1, "uint8", tmp_path / "scratch", Storage(pyramid=True)) as writer,
    ):
        writer.write(side - 100, side - 700, np.full((100, 700, 1), 50, np.uint8))
        writer.finish()
    with bounds(memory=2**26), open_regions(tmp_path / "x.tif", 1) as reader:
        assert (reader.read(side - 100, side - 700, 100, 700) == 50).all() and not reader.read(0, 0, 600, 600).any()


def test_large_ones_are_bigtiffs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, 1)
    assert not tifffile.TiffFile(write(tmp_path / "x.tif", pixels)).is_bigtiff
    monkeypatch.setattr(region_writer, "_CLASSIC", 6 * 512 * 512)
    path = write(tmp_path / "y.tif", pixels, Storage("none"))
    assert tifffile.TiffFile(path).is_bigtiff
    np.testing.assert_array_equal(images.read(path, 1).pixels, pixels)


GEO: list[tuple[int, int, int, Any, bool]] = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True),
    (34736, 12, 1, (6378137.0,), True),
    (34737, 2, 0, "WGS 84 / UTM zone 11N|", True),
    (42112, 2, 0, '<GDALMetadata><Item name="AREA_OR_POINT">Area</Item><Item name="STATISTICS_MEAN">3</Item></GDALMetadata>', True),
    (42113, 2, 0, "0", True),
]


def metadata_of(path: Path) -> Metadata:
    with open_regions(path, 3) as reader:
        return reader.metadata


def test_place_and_scale_are_carried_over(tmp_path: Path) -> None:
    pixels = random_pixels(30, 40, 3)
    how: dict[str, Any] = {"photometric": "rgb", "metadata": None, "description": "a scene", "resolution": (300, 200)}
    tifffile.imwrite(tmp_path / "source.tif", pixels, extratags=GEO, **how)
    source = metadata_of(tmp_path / "source.tif")
    assert source.nodata == "0" and source.dots_per_inch == (300, 200)
    path = write(tmp_path / "x.tif", pixels, Storage(metadata=replace(source, nodata=None)))
    result = metadata_of(path)
    assert (result.dots_per_inch, result.description, result.nodata) == ((300, 200), "a scene", None)
    with tifffile.TiffFile(tmp_path / "source.tif") as given, tifffile.TiffFile(path) as carried:
        for tag in (33550, 33922, 34735, 34736, 34737):
            assert carried.pages.first.tags[tag].value == given.pages.first.tags[tag].value
            assert carried.pages.first.tags[tag].dtype == given.pages.first.tags[tag].dtype
        assert carried.geotiff_metadata == given.geotiff_metadata
        assert "AREA_OR_POINT" in carried.pages.first.tags[42112].value and "STATISTICS" not in carried.pages.first.tags[42112].value
    path = write(tmp_path / "y.tif", pixels, Storage(metadata=source))
    assert metadata_of(path).nodata == "0"


def test_a_source_that_was_turned_has_no_place_to_carry_over(tmp_path: Path) -> None:
    turned = [*GEO, (274, 3, 1, 6, True)]
    tifffile.imwrite(
        tmp_path / "x.tif", random_pixels(30, 40, 3), photometric="rgb", metadata=None, extratags=turned, resolution=(300, 200)
    )
    assert metadata_of(tmp_path / "x.tif").geo == () and metadata_of(tmp_path / "x.tif").dots_per_inch == (200, 300)


@pytest.mark.parametrize("tag", [(33550, 2, 0, "ten", True), (34735, 12, 2, (1.0, 2.0), True), (34737, 3, 1, 7, True)])
def test_tags_of_another_type_are_left_out(tmp_path: Path, tag: tuple[int, int, int, Any, bool]) -> None:
    tifffile.imwrite(tmp_path / "x.tif", random_pixels(30, 40, 3), photometric="rgb", metadata=None, extratags=[tag])
    assert metadata_of(tmp_path / "x.tif").geo == ()


def test_the_result_of_a_source_with_a_profile_has_that_of_srgb(tmp_path: Path) -> None:
    pixels = random_pixels(30, 40, 3)
    path = write(tmp_path / "x.tif", pixels, Storage(metadata=Metadata(profile=True)))
    assert tifffile.TiffFile(path).pages.first.iccprofile
    np.testing.assert_array_equal(images.read(path, 3).pixels, pixels)
    gray = write(tmp_path / "y.tif", pixels[..., :1], Storage(metadata=Metadata(profile=True)))
    assert not tifffile.TiffFile(gray).pages.first.iccprofile


def test_a_writer_goes_on_where_another_stopped_and_the_file_is_the_same(tmp_path: Path) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, 3)
    storage = Storage(pyramid=True, metadata=Metadata((300, 300), profile=True))
    expected = hashlib.sha256(write(tmp_path / "x.tif", pixels, storage).read_bytes()).hexdigest()
    arguments = (tmp_path / "y.tif", HEIGHT, WIDTH, 3, 8, tmp_path / "y.scratch", storage)
    with RegionWriter(*arguments) as writer:
        assert not writer.resumed
        writer.write(0, 0, pixels[:300])
        writer.flush()
    assert not (tmp_path / "y.tif").exists()
    with RegionWriter(*arguments) as writer:
        assert writer.resumed
        np.testing.assert_array_equal(writer.read(0, 0, 300, WIDTH), pixels[:300])
        writer.write(300, 0, pixels[300:])

        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            writer.finish(stop)
    assert not (tmp_path / "y.tif").exists() and [path.name for path in tmp_path.glob("*y*")] == ["y.scratch"]
    with RegionWriter(*arguments) as writer:
        writer.finish()
    assert hashlib.sha256((tmp_path / "y.tif").read_bytes()).hexdigest() == expected


def test_a_writer_that_is_killed_in_its_last_pass_can_finish(tmp_path: Path) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, 3)
    expected = write(tmp_path / "x.tif", pixels, Storage(pyramid=True)).read_bytes()
    arguments = (tmp_path / "y.tif", HEIGHT, WIDTH, 3, "uint8", tmp_path / "y.scratch", Storage(pyramid=True))
    with RegionWriter(*arguments) as writer:
        writer.write(0, 0, pixels)
    program = f"""
import os, signal
from pathlib import PosixPath
from gan_style.files.region_writer import *
from gan_style.files.tiff_metadata import *
with RegionWriter(*{arguments!r}) as writer:
    left = writer.tiles - 2
    def done():
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
    writer.finish(done)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "y.tif").exists()
    with RegionWriter(*arguments) as writer:
        assert writer.resumed
        writer.finish()
    assert (tmp_path / "y.tif").read_bytes() == expected and not list(tmp_path.glob("y.scratch*"))


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.png: only TIFFs are written region by region; name it x\.tif"):
        RegionWriter(tmp_path / "x.png", 9, 9, 3, "uint8", tmp_path / "s")
    (tmp_path / "x.tif").mkdir()
    with (
        RegionWriter(tmp_path / "x.tif", 9, 9, 3, "uint8", tmp_path / "s") as writer,
        pytest.raises(UserError, match=r"x\.tif: cannot be written"),
    ):
        writer.finish()
    assert (tmp_path / "s").exists(), "the pixels are not lost"
