"""TIFFs that are read by regions: what the whole picture gives, or one line, whatever the file claims."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import samples
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import INTEGERS, damaged
from tiffs_of_any_size import sparse

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.region_writer import RegionWriter, Storage
from gan_style.files.regions import open_regions
from gan_style.files.tiff_directory import is_tiff

CHANNELS = st.integers(1, 4)
SIDES = st.integers(0, 2**32 - 1) | st.integers(1, 20_000) | INTEGERS
PLACES = st.tuples(*[st.floats(0, 1)] * 4)
TAGS = st.sampled_from([256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 33550, 34735, 42112])


def tiff_files() -> list[bytes]:
    return [file for file in samples.image_files() if file[:2] in (b"II", b"MM")]


def look(path: Path, data: bytes, channels: int, places: tuple[float, float, float, float]) -> None:
    """A region is the cut of the whole picture; where the whole is refused, the region may be read or refused."""
    path.write_bytes(data)
    with path.open("rb") as stream:
        if not is_tiff(stream):
            return
    try:
        whole = images.read(path, channels).pixels
    except UserError:
        whole = None
    try:
        region, cut = one_region(path, channels, places)
    except UserError:
        assert whole is None
        raise
    if whole is not None:
        np.testing.assert_array_equal(region, whole[cut])


def one_region(path: Path, channels: int, places: tuple[float, float, float, float]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A region of at most 600 x 600 pixels, and where it lies."""
    with open_regions(path, channels) as reader:
        top, left = int(places[0] * (reader.height - 1)), int(places[1] * (reader.width - 1))
        height = 1 + int(places[2] * min(reader.height - top - 1, 600))
        width = 1 + int(places[3] * min(reader.width - left - 1, 600))
        region = reader.read(top, left, height, width)
        assert region.shape == (height, width, channels) and region.dtype == (np.uint16 if reader.depth == 16 else np.uint8)
        return region, (slice(top, top + height), slice(left, left + width))


@fuzz(data=damaged(tiff_files()), channels=CHANNELS, places=PLACES)
def test_damaged_tiffs(tmp_path: Path, data: bytes, channels: int, places: tuple[float, float, float, float]) -> None:
    look(tmp_path / "x.tif", data, channels, places)


@fuzz(
    tags=st.dictionaries(TAGS, st.tuples(st.integers(1, 16) | st.just(3), st.integers(0, 5) | INTEGERS, SIDES), max_size=5),
    tile=st.none() | st.tuples(SIDES, SIDES) | st.tuples(st.integers(1, 2**16), st.integers(1, 2**16)),
    order=st.sampled_from("<>"),
    channels=CHANNELS,
    places=PLACES,
)
def test_tags(
    tmp_path: Path,
    tags: dict[int, tuple[int, int, int]],
    tile: tuple[int, int] | None,
    order: str,
    channels: int,
    places: tuple[float, float, float, float],
) -> None:
    sides = {322: (4, 1, tile[0]), 323: (4, 1, tile[1])} if tile else {}
    look(tmp_path / "x.tif", samples.tiff(sides | tags, bool(tile), order=order), channels, places)


@fuzz(
    height=st.integers(1, 10**6),
    width=st.integers(1, 10**6),
    side=st.sampled_from([16, 512, 4096, 10**4, 2**16]),
    file_bytes=st.sampled_from([0, 10**10, 10**12]),
    places=PLACES,
)
def test_sparse_files(
    tmp_path: Path, height: int, width: int, side: int, file_bytes: int, places: tuple[float, float, float, float]
) -> None:
    """Sides that claim up to 10^12 pixels, in files that claim as many bytes."""
    side = max(side, 16 * -(-int((height * width / 2**18) ** 0.5) // 16))  # or the index alone would be written for minutes
    filled = {0: np.full((min(side, 512),) * 2, 9, np.uint8)}
    path = sparse(tmp_path / "x.tif", height, width, side, filled, file_bytes)
    with open_regions(path, 3) as reader:
        assert (reader.height, reader.width) == (height, width)
        reader.read(int(places[0] * (height - 1)), int(places[1] * (width - 1)), 1, 1)


TEXTS = st.sampled_from(
    [
        b"<GDALMetadata><Item name='a'>b</Item></GDALMetadata>",
        b"<OME xmlns='http://www.openmicroscopy.org/Schemas/OME/2016-06'><Image><Pixels/></Image></OME>",
        b'{"shape": [1, 2]}',
        b"ImageJ=1",
    ]
)


@fuzz(
    tags=st.dictionaries(
        st.sampled_from([270, 282, 283, 296, 33550, 33922, 34264, 34675, 34735, 34736, 34737, 42112, 42113]),
        st.tuples(st.sampled_from([1, 2, 2, 3, 5, 7, 12, 12, 13, 99]), st.integers(0, 60) | INTEGERS, st.integers(400, 480) | SIDES),
        max_size=6,
    ),
    text=TEXTS | st.binary(max_size=500),
)
def test_what_is_carried_over(tmp_path: Path, tags: dict[int, tuple[int, int, int]], text: bytes) -> None:
    """Whatever a source says of itself, its result is written, and read again."""
    (tmp_path / "x.tif").write_bytes(samples.tiff(tags, data=zlib.compress(bytes(256)) + text.ljust(500, b"\0")))
    with open_regions(tmp_path / "x.tif", 3) as reader:
        metadata = reader.metadata
    storage = Storage(metadata=metadata)
    with RegionWriter(tmp_path / "y.tif", 16, 16, 3, "uint8", tmp_path / "scratch", storage) as writer:
        writer.finish()
    assert not images.read(tmp_path / "y.tif", 3).pixels.any()
    with open_regions(tmp_path / "y.tif", 3) as reader:
        assert reader.metadata.dots_per_inch == (metadata.dots_per_inch and pytest.approx(metadata.dots_per_inch, rel=1e-5))
