"""Files of arrays: NumPy, NIfTI, DICOM, float TIFF and Zarr, damaged, and headers that claim whatever they are told to."""

import functools
import gzip
import io
import json
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
import zarr
from fuzzing import fuzz
from hypothesis import strategies as st
from measured_files import dicom, write_nifti
from mutations import INTEGERS, JSON_VALUES, changed, damaged
from pydicom.encaps import encapsulate

from gan_style.files import images
from gan_style.files.regions import open_regions

VALUES = np.random.default_rng(0).integers(-900, 900, (9, 12)).astype(np.int16)
CHANNELS = st.integers(1, 4)


def look(path: Path, channels: int, raw: bool) -> None:
    """Probe, read and a region agree on what the file is."""
    header = images.probe(path)
    picture = images.read(path, channels, raw=raw)
    assert picture.pixels.shape == (header.height, header.width, channels)
    with open_regions(path, channels, raw=raw) as reader:
        np.testing.assert_array_equal(reader.read(0, 0, header.height, header.width), picture.pixels)


@functools.cache
def numpy_files() -> list[bytes]:
    found = []
    for array in (VALUES, VALUES.astype(np.float32), np.asfortranarray(VALUES), VALUES.astype(np.uint8)):
        for save in (np.save, np.savez_compressed):
            stream = io.BytesIO()
            save(stream, array)
            found.append(stream.getvalue())
    return found


@functools.cache
def tiff_files() -> list[bytes]:
    found = []
    for dtype in ("float32", "int16", "float64", "float16", "uint32"):
        for how in ({}, {"compression": "zlib", "predictor": True, "tile": (16, 16)}):
            stream = io.BytesIO()
            predictor = {} if dtype == "float64" else how
            tifffile.imwrite(stream, VALUES.astype(dtype), metadata=None, **predictor)
            found.append(stream.getvalue())
    for how in ({"imagej": True}, {"ome": True, "tile": (16, 16)}, {"photometric": "minisblack"}):  # channels in pages
        stream = io.BytesIO()
        tifffile.imwrite(stream, np.stack([VALUES, -VALUES]), metadata={"axes": "CYX"}, **how)
        found.append(stream.getvalue())
    return found


@functools.cache
def dicom_files() -> list[bytes]:
    plain = [dicom(VALUES, RescaleSlope=slope, RescaleIntercept=-1) for slope in (1, 0.5)] + [dicom(np.zeros((9, 12, 3), np.uint8))]
    gray = np.arange(108, dtype=np.uint8).reshape(9, 12)
    frames = {
        "5": struct.pack("<16I", 1, 64, *[0] * 14) + bytes([107, *gray.ravel()]),
        "4.50": imagecodecs.jpeg8_encode(gray),
        "4.70": imagecodecs.ljpeg_encode(gray),
        "4.80": imagecodecs.jpegls_encode(gray),
        "4.90": imagecodecs.jpeg2k_encode(gray, codecformat="j2k", reversible=True),
    }
    return plain + [dicom(gray, data=encapsulate([bytes(each)]), syntax=f"1.2.840.10008.1.2.{name}") for name, each in frames.items()]


@fuzz(data=damaged(numpy_files()), suffix=st.sampled_from([".npy", ".npz"]), channels=CHANNELS, raw=st.booleans())
def test_numpy(tmp_path: Path, data: bytes, suffix: str, channels: int, raw: bool) -> None:
    (tmp_path / f"x{suffix}").write_bytes(data)
    look(tmp_path / f"x{suffix}", channels, raw)


@fuzz(data=damaged(tiff_files()), channels=CHANNELS)
def test_tiffs_of_values(tmp_path: Path, data: bytes, channels: int) -> None:
    (tmp_path / "x.tif").write_bytes(data)
    picture = images.read(tmp_path / "x.tif", channels, raw=True)
    with open_regions(tmp_path / "x.tif", channels, raw=True) as reader:
        np.testing.assert_array_equal(reader.read(0, 0, reader.height, reader.width), picture.pixels)


@fuzz(data=damaged(dicom_files()), channels=CHANNELS, raw=st.booleans())
def test_dicom(tmp_path: Path, data: bytes, channels: int, raw: bool) -> None:
    (tmp_path / "x.dcm").write_bytes(data)
    look(tmp_path / "x.dcm", channels, raw)


@fuzz(
    edits=st.lists(st.tuples(st.integers(0, 351), st.binary(min_size=1, max_size=4)), max_size=4),
    sides=st.lists(st.integers(-(2**15), 2**15 - 1) | st.integers(0, 20), max_size=8),
    packed=st.booleans(),
    rest=st.integers(0, 300) | st.just(2**22),
    kind=st.sampled_from("12"),
)
def test_nifti(tmp_path: Path, edits: list[tuple[int, bytes]], sides: list[int], packed: bool, rest: int, kind: str) -> None:
    data = bytearray(write_nifti(tmp_path / "x.nii", VALUES.T, kind=kind).read_bytes()[:544])
    if sides and kind == "1":
        data[40 : 40 + 2 * len(sides)] = struct.pack(f"<{len(sides)}h", *sides)
    for place, word in edits:
        data[place : place + len(word)] = word
    whole = bytes(data) + bytes(rest)
    path = tmp_path / ("x.nii.gz" if packed else "x.nii")
    path.write_bytes(gzip.compress(whole, 1) if packed else whole)
    look(path, 1, raw=True)


@functools.cache
def descriptions() -> dict[int, Any]:
    import tempfile

    found = {}
    for version in (2, 3):
        with tempfile.TemporaryDirectory() as folder:
            zarr.create_array(f"{folder}/x.zarr", shape=(9, 12), chunks=(5, 5), dtype="int16", zarr_format=version)
            found[version] = json.loads(Path(folder, "x.zarr", {2: ".zarray", 3: "zarr.json"}[version]).read_text())
    return found


@fuzz(
    tree=st.sampled_from([2, 3]).flatmap(lambda version: changed(descriptions()[version], JSON_VALUES | INTEGERS)),
    version=st.sampled_from([2, 3]),
    chunk=st.binary(max_size=60),
    raw=st.booleans(),
)
def test_zarr(tmp_path: Path, tree: Any, version: int, chunk: bytes, raw: bool) -> None:
    folder = tmp_path / "x.zarr"
    (folder / "c" / "0").mkdir(parents=True, exist_ok=True)
    (folder / {2: ".zarray", 3: "zarr.json"}[version]).write_text(json.dumps(tree))
    for name in ("0.0", "c/0/0"):
        (folder / name).write_bytes(chunk)
    look(folder, 1, raw)
