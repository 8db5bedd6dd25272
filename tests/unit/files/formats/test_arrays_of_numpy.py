"""Arrays of NumPy as pictures and as values."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured_files import write_npz
from pictures import random_pixels

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64", ">i2", ">f4")


def values(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-100, 100, shape).astype(np.dtype(dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_numeric_type_is_read_as_it_is_stored(tmp_path: Path, dtype: str, packed: bool) -> None:
    array = values(dtype, 5, 7, 3)
    path = tmp_path / ("x.npz" if packed else "x.npy")
    np.save(path, array) if not packed else write_npz(path, x=array)
    header, picture = images.probe(path), images.read(path, 3, raw=True)
    assert (header.width, header.height, header.channels, header.depth) == (7, 5, 3, 8 * array.itemsize)
    assert picture.pixels.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(picture.pixels, array)


@pytest.mark.parametrize(("shape", "order"), [((5, 7), (0, 1, 2)), ((5, 7, 2), (0, 1, 2)), ((2, 70, 80), (1, 2, 0))])
@pytest.mark.parametrize("fortran", [False, True])
def test_axes(tmp_path: Path, shape: tuple[int, ...], order: tuple[int, int, int], fortran: bool) -> None:
    array = values("float32", *shape)
    np.save(tmp_path / "x.npy", np.asfortranarray(array) if fortran else array)
    whole = array[..., None] if len(shape) == 2 else array.transpose(order)
    np.testing.assert_array_equal(images.read(tmp_path / "x.npy", whole.shape[2], raw=True).pixels, whole)
    with open_regions(tmp_path / "x.npy", whole.shape[2], raw=True) as reader:
        np.testing.assert_array_equal(reader.read(1, 2, 3, 4), whole[1:4, 2:6])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_whole_numbers_without_a_sign_are_a_picture_as_in_a_png(tmp_path: Path, dtype: str, channels: int) -> None:
    pixels = random_pixels(9, 12, 4).astype(dtype)
    np.save(tmp_path / "x.npy", pixels)
    images.write(tmp_path / "x.png", pixels)
    read = [images.read(tmp_path / name, channels) for name in ("x.npy", "x.png")]
    np.testing.assert_array_equal(read[0].pixels, read[1].pixels)
    assert (read[0].alpha is None) == (read[1].alpha is None)
    assert images.probe(tmp_path / "x.npy") == images.probe(tmp_path / "x.png")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 5])
def test_what_is_written_is_read(tmp_path: Path, dtype: str, channels: int) -> None:
    array = values(dtype, 5, 7, channels)
    images.write(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(images.read(tmp_path / "x.npy", channels, raw=True).pixels, array)
    assert np.load(tmp_path / "x.npy").shape == ((5, 7) if channels == 1 else (5, 7, 5))


def test_values_without_black_and_white_are_no_picture(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", values("float32", 5, 7))
    with pytest.raises(UserError, match=r"x\.npy: holds float32 values, of which none is black or white"):
        images.read(tmp_path / "x.npy", 1)


def test_values_are_not_mixed_or_repeated(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", values("float32", 5, 7, 3))
    with pytest.raises(UserError, match=r"x\.npy: has 3 channels of values, but 1 are read"):
        images.read(tmp_path / "x.npy", 1, raw=True)


class Trap:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('a pickle was run')",)


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle.dumps([Trap()])), "type object, which are not read"),
        (npy("{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2), }", bytes(32)), "type complex64"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4, 5), }", bytes(480)), "an array of 2 x 3 x 4 x 5"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", bytes(4)), "an array of a single number"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }"), "holds no values"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 5), }", bytes(79)), "damaged or cut short"),
        (npy("__import__('os').system('true')"), "its header is damaged"),
        (b"\x93NUMPY\1\0\xff\xff{", "its header is damaged"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(UserError, match=words) as mistake:
        images.read(tmp_path / "x.npy", 1, raw=True)
    assert str(mistake.value).startswith(f"{tmp_path / 'x.npy'}: ") and "\n" not in str(mistake.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path, suffix: str) -> None:
    data = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (200000, 200000), }", bytes(100))
    if suffix == ".npz":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", data)
        data = stream.getvalue()
    (tmp_path / f"x{suffix}").write_bytes(data)
    for look in (images.probe, lambda path: images.read(path, 1, raw=True)):
        with pytest.raises(TooLarge, match="claims 200000 x 200000"):
            look(tmp_path / f"x{suffix}")


def test_an_archive_holds_one_array(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz", image=values("float32", 5, 7), mask=values("uint8", 5, 7))
    with pytest.raises(UserError, match=r"x\.npz: holds 2 arrays \(image, mask\); save the one that is the picture as \.npy"):
        images.read(path, 1, raw=True)


def test_an_archive_of_a_million_members_is_not_listed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.npy", b"")
    (tmp_path / "x.npz").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match=r"a list of members of \d+ bytes"):
        images.read(tmp_path / "x.npz", 1, raw=True)
