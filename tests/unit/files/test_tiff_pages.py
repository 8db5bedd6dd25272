"""TIFFs of values whose channels lie in pages of their own, as ImageJ, OME and tifffile write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from gan_style.errors import UserError
from gan_style.files.images import probe, read, write
from gan_style.files.regions import open_regions
from gan_style.files.tiff_pages import declared_channels

CHANNELS, SIZE = 3, (40, 48)
PLANES = np.random.default_rng(0).normal(0, 100, (CHANNELS, *SIZE)).astype(np.float32)

WRITERS: dict[str, dict[str, Any]] = {
    "ImageJ": {"imagej": True, "metadata": {"axes": "CYX"}},
    "OME": {"ome": True, "metadata": {"axes": "CYX"}},
    "OME, tiles": {"ome": True, "metadata": {"axes": "CYX"}, "tile": (16, 32), "compression": "deflate"},
    "tifffile": {"photometric": "minisblack", "metadata": {"axes": "CYX"}},
    "BigTIFF": {"photometric": "minisblack", "metadata": {"axes": "CYX"}, "bigtiff": True},
}


def values(path: Path, channels: int) -> np.ndarray:
    return read(path, channels, raw=True).pixels


@pytest.mark.parametrize("how", WRITERS.values(), ids=WRITERS.keys())
def test_pages_that_are_declared_as_channels_are_channels(how: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANES, **how)
    truth = PLANES.transpose(1, 2, 0)
    assert len(tifffile.TiffFile(path).pages) == CHANNELS
    header = probe(path, raw=True)
    assert (header.channels, header.values, header.several) == (CHANNELS, "float32", False)
    assert np.array_equal(values(path, CHANNELS), truth)
    with open_regions(path, CHANNELS, raw=True) as reader:
        assert np.array_equal(reader.read(7, 9, 20, 30), truth[7:27, 9:39])
    with pytest.raises(UserError, match="has 3 channels of values, but 1 are read"):
        values(path, 1)


@pytest.mark.parametrize(
    "how",
    [
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"photometric": "minisblack", "metadata": None},
        {"photometric": "minisblack", "description": "three photographs"},
    ],
    ids=["slices of ImageJ", "slices of OME", "undeclared", "a text"],
)
def test_other_pages_are_other_pictures(how: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANES, **how)
    header = probe(path, raw=True)
    assert (header.channels, header.several) == (1, True)
    assert np.array_equal(values(path, 1)[..., 0], PLANES[0])


def test_as_colours_the_first_page_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANES.astype(np.uint8), imagej=True, metadata={"axes": "CYX"})
    header = probe(path)
    assert (header.channels, header.several) == (1, True)


def test_pages_that_are_not_alike_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PLANES[0], metadata=None, description='{"shape": [2, 40, 48], "axes": "CYX"}')
        writer.write(PLANES[1, :30], metadata=None)
    with pytest.raises(UserError, match=r"x\.tif: its description says that 2 pages are channels, but page 2 has another size or type"):
        values(path, 2)


def test_pages_that_are_missing_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANES[:2], photometric="minisblack", metadata=None, description="ImageJ=1.53\nimages=5\nchannels=5\n")
    with pytest.raises(UserError, match=r"x\.tif: its description says that 5 pages are channels, but it has 2 pages"):
        values(path, 5)


@pytest.mark.parametrize(
    ("description", "channels"),
    [
        ("ImageJ=1.53t\nimages=4\nchannels=4\nmode=composite\n", 4),
        ("ImageJ=1.53t\nimages=12\nchannels=4\nslices=3\n", 1),
        ("ImageJ=1.53t\nimages=3\nslices=3\n", 1),
        ("ImageJ=1.53t\nimages=x\nchannels=many\n", 1),
        ("ImageJ=1.53t\nchannels=100000\nimages=100000\n", 1),
        ("ImageJ=1.53t\nchannels=-3\n", 1),
        ('{"shape": [5, 8, 8], "axes": "CYX"}', 5),
        ('{"shape": [5, 8, 8], "axes": "ZYX"}', 1),
        ('{"shape": "no", "axes": "CYX"}', 1),
        ('{"shape": [true, 8, 8], "axes": "CYX"}', 1),
        ("[1, 2]", 1),
        ("<OME", 1),
        ("", 1),
    ],
)
def test_descriptions(description: str, channels: int) -> None:
    assert declared_channels(description) == channels


def test_channels_of_one_page_are_not_counted_twice(tmp_path: Path) -> None:
    """OME-XML of three interleaved channels: one page holds them all."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, PLANES.transpose(1, 2, 0), ome=True, metadata={"axes": "YXC"}, photometric="minisblack", planarconfig="contig")
    assert probe(path, raw=True).channels == CHANNELS
    assert np.array_equal(values(path, CHANNELS), PLANES.transpose(1, 2, 0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("by_regions", [False, True])
def test_tifffile_reads_the_spacing_of_imagej_from_a_result(by_regions: bool, channels: int, tmp_path: Path) -> None:
    path, result = tmp_path / "x.tif", tmp_path / "y.tif"
    spacing = {"resolution": (4.0, 2.0), "metadata": {"axes": "CYX", "unit": "micron"}}
    tifffile.imwrite(path, PLANES, imagej=True, **spacing)
    if by_regions:
        with open_regions(path, CHANNELS, raw=True) as reader:
            metadata = reader.metadata
    else:
        metadata = read(path, CHANNELS, raw=True).metadata
    pixels = PLANES[:channels].transpose(1, 2, 0)
    write(result, pixels, metadata=metadata)
    with tifffile.TiffFile(result) as file:
        page = file.pages.first
        assert file.is_imagej and file.imagej_metadata is not None and file.imagej_metadata["unit"] == "micron"
        assert (page.tags["XResolution"].value, page.tags["YResolution"].value, page.tags["ResolutionUnit"].value) == ((4, 1), (2, 1), 1)
        assert np.array_equal(file.asarray().reshape(pixels.shape), pixels)
