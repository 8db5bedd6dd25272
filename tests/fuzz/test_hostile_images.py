"""Image files: any bytes behind any magic, damaged files of every kind, headers that claim gigabytes, bombs, ribbons."""

from pathlib import Path
from typing import Any

import numpy as np
import samples
import torch
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import INTEGERS, damaged

from gan_style.bundles.file import BundleInfo, Resize
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.files import images
from gan_style.translation.inputs import Job
from gan_style.translation.picture import read_source, write_result

MAGICS = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0\x08\0\0\0",
    b"RIFF\x20\0\0\0WEBPVP8 ",
    b"P6 ",
    b"P3\n",
    b"GIF89a\x10\0\x10\0\xf0\0\0",
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    b"",
]
SIDES = st.integers(0, 2**32 - 1) | st.integers(1, 20_000) | INTEGERS
CHANNELS = st.integers(1, 4)
PREPROCESS = st.sampled_from(["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"])


def look(path: Path, data: bytes, channels: int) -> None:
    """Probe and read agree on what the file is."""
    path.write_bytes(data)
    header = images.probe(path)
    picture = images.read(path, channels)
    assert picture.pixels.shape == (header.height, header.width, channels)
    assert picture.pixels.dtype == (np.uint16 if header.depth == 16 else np.uint8)
    assert picture.labels == header.palette


@fuzz(magic=st.sampled_from(MAGICS), rest=st.binary(max_size=200), channels=CHANNELS)
def test_bytes(tmp_path: Path, magic: bytes, rest: bytes, channels: int) -> None:
    look(tmp_path / "x.png", magic + rest, channels)


@fuzz(data=damaged(samples.image_files()), channels=CHANNELS)
def test_damaged_files(tmp_path: Path, data: bytes, channels: int) -> None:
    look(tmp_path / "x.png", data, channels)


@fuzz(
    data=st.builds(samples.png, SIDES, SIDES, st.sampled_from([1, 8, 16, 3]), st.sampled_from([0, 2, 3, 4, 6, 9]), st.integers(0, 1))
    | st.builds(samples.bmp, SIDES, SIDES, st.sampled_from([1, 4, 8, 16, 24, 32, 7]), st.integers(0, 4), st.binary(max_size=64))
    | st.builds(samples.webp, SIDES, SIDES, st.sampled_from([b"VP8X", b"VP8L", b"VP8 "]))
    | st.builds(samples.pnm, SIDES, SIDES, st.integers(1, 7), SIDES)
    | st.builds(samples.jpeg, SIDES, SIDES, st.booleans(), st.integers(0, 30), st.integers(0, 30)),
    channels=CHANNELS,
)
def test_claims(tmp_path: Path, data: bytes, channels: int) -> None:
    look(tmp_path / "x.png", data, channels)


TAGS = st.sampled_from([256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347, 34675])


@fuzz(
    tags=st.dictionaries(TAGS, st.tuples(st.integers(1, 13) | st.just(3), st.integers(0, 5) | INTEGERS, SIDES), max_size=5),
    tile=st.none() | st.tuples(SIDES, SIDES) | st.tuples(st.integers(1, 2**16), st.integers(1, 2**16)),
    order=st.sampled_from("<>"),
    channels=CHANNELS,
)
def test_tiff_tags(tmp_path: Path, tags: dict[int, tuple[int, int, int]], tile: tuple[int, int] | None, order: str, channels: int) -> None:
    sides = {322: (4, 1, tile[0]), 323: (4, 1, tile[1])} if tile else {}
    look(tmp_path / "x.tif", samples.tiff(sides | tags, bool(tile), order=order), channels)


@fuzz(kind=st.sampled_from([b"zTXt", b"iCCP", b"iTXt"]), size=st.integers(0, 2**24), count=st.integers(1, 40))
def test_compressed_texts(tmp_path: Path, kind: bytes, size: int, count: int) -> None:
    look(tmp_path / "x.png", samples.png(4, 4, extra=samples.png_text(kind, size) * count), 3)


@fuzz(
    width=st.integers(1, 100_000),
    height=st.integers(1, 100_000),
    area=st.integers(1, 100_000),
    deep=st.booleans(),
    preprocess=PREPROCESS,
    load_size=st.sampled_from([1, 40, 286, 16384]),
)
def test_ribbons_in_training(tmp_path: Path, width: int, height: int, area: int, deep: bool, preprocess: Any, load_size: int) -> None:
    pixels = ribbon(width, height, area, 3, deep)
    for folder in ("trainA", "trainB", "valA", "valB"):
        images.write(tmp_path / folder / "x.png", pixels)
    config = DataConfig(root=str(tmp_path), source="unpaired", preprocess=preprocess, load_size=load_size, crop_size=min(load_size, 32))
    validation = open_dataset(config, "val", "domains", 0)
    assert validation
    validation.read_a(0)
    open_dataset(config, "train", "domains", 0)[0, 0]


@fuzz(
    width=st.integers(1, 100_000),
    height=st.integers(1, 100_000),
    area=st.integers(1, 100_000),
    channels=CHANNELS,
    resize=st.sampled_from(["none", "train", 1, 40, 16384]),
    preprocess=PREPROCESS,
    suffix=st.sampled_from([".png", ".jpg", ".webp", ".tiff"]),
)
def test_ribbons_in_inference(
    tmp_path: Path, width: int, height: int, area: int, channels: int, resize: Any, preprocess: Any, suffix: str
) -> None:
    job = Job(tmp_path / "x.png", tmp_path / f"y{suffix}")
    images.write(job.source, ribbon(width, height, area, channels, deep=False))
    training = Resize(preprocess=preprocess, load_size=286, crop_size=256)
    fields: dict[str, Any] = {"method": "pix2pix", "direction": "a2b", "translator": {}, "size_multiple": 4, "step": 0}
    info = BundleInfo(**fields, in_channels=3, out_channels=3, resize=training)
    source = read_source(job, info, resize)
    write_result(source, torch.zeros(3, 1, 1).expand(3, *source.pixels.shape[:2]), keep_resized=False)
    header = images.probe(job.target)
    assert (header.height, header.width) == (source.height, source.width)


def ribbon(width: int, height: int, area: int, channels: int, deep: bool) -> np.ndarray:
    """A picture of these sides, the longer cut where it would have more than `area` pixels."""
    short = min(width, height, area)
    long = max(1, min(max(width, height), area // short))
    sides = (short, long) if height < width else (long, short)
    return np.zeros((*sides, channels), np.uint16 if deep else np.uint8)
