"""Zarr stores that the zarr package writes, read by regions; hostile ones."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions, probe_regions
from gan_style.files.walking import walk
from gan_style.translation.inputs import select

VALUES = np.random.default_rng(0).integers(-900, 900, (70, 90, 3)).astype(np.int16)


def store(path: Path, array: np.ndarray, chunk: int = 32, **how: Any) -> Path:
    chunks = tuple(min(side, chunk) for side in array.shape)
    zarr.create_array(path, shape=array.shape, chunks=chunks, dtype=array.dtype, overwrite=True, **how)[...] = array
    return path


@pytest.mark.parametrize(
    "how",
    [
        {"zarr_format": 2},
        {"zarr_format": 2, "compressors": None, "order": "F"},
        {"zarr_format": 2, "compressors": numcodecs.Zlib()},
        {"zarr_format": 2, "compressors": numcodecs.LZ4()},
        {"zarr_format": 2, "compressors": numcodecs.Blosc(cname="lz4")},
        {"zarr_format": 3},
        {"zarr_format": 3, "compressors": None},
        {"zarr_format": 3, "compressors": GzipCodec()},
        {"zarr_format": 3, "compressors": BloscCodec(cname="zstd")},
        {"zarr_format": 3, "compressors": ZstdCodec(level=5)},
    ],
)
@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32"])
def test_every_compression(tmp_path: Path, how: dict[str, Any], dtype: str) -> None:
    array = VALUES.astype(dtype)
    path = store(tmp_path / "x.zarr", array, **how)
    header = images.probe(path)
    assert (header.width, header.height, header.channels, header.depth) == (90, 70, 3, 8 * array.itemsize) and header == probe_regions(path)
    np.testing.assert_array_equal(images.read(path, 3, raw=True).pixels, array)
    with open_regions(path, 3, raw=True) as reader:
        np.testing.assert_array_equal(reader.read(20, 30, 44, 7), array[20:64, 30:37])


@pytest.mark.parametrize("shape", [(70, 90), (70, 90, 3), (3, 70, 90), (1, 3, 1, 70, 90)])
def test_axes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    wanted = VALUES[..., :1] if len(shape) == 2 else VALUES
    array = (wanted if shape[0] == 70 else VALUES.transpose(2, 0, 1)).reshape(shape)
    np.testing.assert_array_equal(images.read(store(tmp_path / "x.zarr", array), wanted.shape[2], raw=True).pixels, wanted)


def test_chunks_that_were_never_written_have_the_fill_value(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x.zarr", shape=(70, 90), chunks=(32, 32), dtype="float32", fill_value=2.5)[:32, :32] = 1
    values = images.read(tmp_path / "x.zarr", 1, raw=True).pixels[..., 0]
    assert (values[:32, :32] == 1).all() and (values[32:] == 2.5).all()


def test_the_largest_level_of_an_image_of_ome(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "x.zarr")
    for level, step in (("0", 1), ("1", 2)):
        array = VALUES[::step, ::step].transpose(2, 0, 1)[None, :, None]
        group.create_array(level, shape=array.shape, chunks=(1, 1, 1, 32, 32), dtype="int16")[...] = array
    axes = [{"name": name, "unit": "micrometer"} for name in "tczyx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1, 0.5, 0.25]}]}, {"path": "1"}]
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": datasets}]}
    picture = images.read(tmp_path / "x.zarr", 3, raw=True)
    np.testing.assert_array_equal(picture.pixels, VALUES)
    assert picture.dots_per_inch == pytest.approx((25_400 / 0.25, 25_400 / 0.5))


def test_a_store_is_one_picture_of_its_folder(tmp_path: Path) -> None:
    store(tmp_path / "in" / "x.zarr", VALUES)
    assert [names for _, _, names in walk(tmp_path / "in")] == [["x.zarr"]]
    for given in (tmp_path / "in", tmp_path / "in" / "x.zarr", tmp_path / "in" / "*.zarr"):
        assert [job.target.name for job in select([str(given)], tmp_path / "out", "tiff").jobs] == ["x.tiff"]


def changed(path: Path, **keys: Any) -> Path:
    name = path / ("zarr.json" if (path / "zarr.json").exists() else ".zarray")
    name.write_text(json.dumps(json.loads(name.read_text()) | keys))
    return path


def test_a_filter_that_unpickles_is_refused(tmp_path: Path) -> None:
    path = changed(store(tmp_path / "x.zarr", VALUES[..., 0], zarr_format=2), filters=[{"id": "pickle"}])
    (path / "0.0").write_bytes(pickle.dumps("x"))
    with pytest.raises(UserError, match="its chunks are filtered, which is not read"):
        images.read(path, 1, raw=True)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"shape": [70, -1]}, "its header is damaged"),
        ({"chunks": [0, 32]}, "its header is damaged"),
        ({"chunks": [2**20, 2**20]}, "chunks of more than 128 MiB"),
        ({"dtype": "|O"}, "type object"),
        ({"dtype": "<i9"}, "its header is damaged"),
        ({"compressor": {"id": "pickle"}}, "compressed by pickle"),
        ({"dimension_separator": "/../../"}, "damaged"),
        ({"shape": [1]}, "its header is damaged"),
    ],
)
def test_what_is_not_read_is_told_in_one_line(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    path = changed(store(tmp_path / "x.zarr", VALUES[..., 0], zarr_format=2), **keys)
    with pytest.raises(UserError, match=words) as mistake:
        images.read(path, 1, raw=True)
    assert "\n" not in str(mistake.value) and "x.zarr" in str(mistake.value)


def test_an_array_of_gigapixels_is_read_by_regions_alone(tmp_path: Path) -> None:
    path = changed(store(tmp_path / "x.zarr", VALUES[..., 0], zarr_format=2), shape=[200_000, 200_000])
    with pytest.raises(TooLarge, match="claims 200000 x 200000"):
        images.read(path, 1, raw=True)
    with open_regions(path, 1, raw=True) as reader:
        np.testing.assert_array_equal(reader.read(0, 0, 70, 90)[..., 0], VALUES[..., 0])
        assert not reader.read(150_000, 150_000, 9, 9).any()


@pytest.mark.parametrize("codec", ["gzip", "zstd", "blosc"])
def test_a_chunk_takes_no_more_than_its_size(tmp_path: Path, codec: str) -> None:
    """Each chunk unpacks to 256 MB."""
    import imagecodecs

    path = store(tmp_path / "x.zarr", VALUES[..., 0], zarr_format=2, compressors=numcodecs.get_codec({"id": codec}))
    bomb = getattr(imagecodecs, f"{codec}_encode")(bytes(2**28))
    shutil.rmtree(path / "0.0", ignore_errors=True)
    (path / "0.0").write_bytes(bomb)
    with pytest.raises(UserError, match=r"x\.zarr: damaged or cut short"):
        images.read(path, 1, raw=True)


def test_a_group_without_an_image_and_a_level_outside_are_told(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "x.zarr")
    with pytest.raises(UserError, match="is a group of arrays without an image"):
        images.probe(tmp_path / "x.zarr")
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "../y.zarr"}]}]}
    store(tmp_path / "y.zarr", VALUES)
    with pytest.raises(UserError, match="its header is damaged"):
        images.probe(tmp_path / "x.zarr")
