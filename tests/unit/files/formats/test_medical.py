"""NIfTI and DICOM, made and read back by nibabel and pydicom."""

import gzip
import struct
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from measured_files import AFFINE, dicom, write_nifti
from pydicom.encaps import encapsulate

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions
from gan_style.files.tiff_metadata import Metadata

SIGNED = np.random.default_rng(0).integers(-1024, 3000, (6, 9)).astype(np.int16)  # [H, W]


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("kind", ["1", "2"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_nifti_is_read_as_it_is_stored(tmp_path: Path, name: str, kind: str, dtype: str) -> None:
    array = SIGNED.astype(dtype)
    path = write_nifti(tmp_path / name, array.T[:, :, None], kind=kind)
    picture = images.read(path, 1, raw=True)
    assert picture.pixels.dtype == array.dtype and images.probe(path).channels == 1
    np.testing.assert_array_equal(picture.pixels[..., 0], array)
    np.testing.assert_allclose(np.array(picture.metadata.affine), AFFINE, rtol=1e-6)
    with open_regions(path, 1, raw=True) as reader:
        np.testing.assert_array_equal(reader.read(1, 2, 3, 4)[..., 0], array[1:4, 2:6])


def test_the_scale_of_nifti_is_applied(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "x.nii", SIGNED.T, slope=0.5, intercept=-3.0)
    picture = images.read(path, 1, raw=True)
    assert picture.pixels.dtype == np.float32
    np.testing.assert_array_equal(picture.pixels[..., 0], SIGNED * np.float32(0.5) - 3)
    np.testing.assert_array_equal(picture.pixels[..., 0], nibabel.load(path).get_fdata().T)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_nibabel_reads_in_its_place(tmp_path: Path, name: str, dtype: str, channels: int) -> None:
    array = np.stack([SIGNED + number for number in range(channels)], axis=2).astype(dtype)
    affine: Any = tuple(map(tuple, AFFINE.tolist()))
    images.write(tmp_path / name, array, metadata=Metadata(affine=affine))
    found = nibabel.load(tmp_path / name)
    assert found.get_data_dtype() == np.dtype(dtype) and found.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(found.affine, AFFINE, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(found.dataobj).reshape(9, 6, channels).transpose(1, 0, 2), array)
    np.testing.assert_array_equal(images.read(tmp_path / name, channels, raw=True).pixels, array)


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.nii.gz", "2.nii.gz"):
        images.write(tmp_path / name, SIGNED[..., None])
    assert (tmp_path / "1.nii.gz").read_bytes() == (tmp_path / "2.nii.gz").read_bytes()


def test_a_volume_is_no_picture(tmp_path: Path) -> None:
    write_nifti(tmp_path / "x.nii.gz", np.zeros((4, 5, 7), np.int16))
    with pytest.raises(UserError, match=r"x\.nii\.gz: is a volume of 7 slices, and pictures have one"):
        images.read(tmp_path / "x.nii.gz", 1, raw=True)


def test_a_bomb_takes_no_more_than_its_picture(tmp_path: Path) -> None:
    header = bytearray(write_nifti(tmp_path / "x.nii", np.zeros((4, 5), np.int16)).read_bytes()[:352])
    header[42:46] = struct.pack("<hh", 30_000, 30_000)
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(bytes(header) + bytes(2**24)))
    for look in (images.probe, lambda path: images.read(path, 1, raw=True)):
        with pytest.raises(TooLarge, match="claims 30000 x 30000"):
            look(tmp_path / "x.nii.gz")


def test_dicom_in_hounsfield_units(tmp_path: Path) -> None:
    stored = (SIGNED + 1024).astype(np.uint16)
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [-10, 20, 5], "PixelSpacing": [0.8, 0.7]}
    (tmp_path / "x.dcm").write_bytes(dicom(stored, 12, RescaleSlope=1, RescaleIntercept=-1024, SliceThickness=3, **place))
    picture = images.read(tmp_path / "x.dcm", 1, raw=True)
    assert picture.pixels.dtype == np.int16
    np.testing.assert_array_equal(picture.pixels[..., 0], SIGNED)
    np.testing.assert_allclose(np.array(picture.metadata.affine), [[-0.7, 0, 0, 10], [0, -0.8, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
    assert picture.dots_per_inch == pytest.approx((25.4 / 0.7, 25.4 / 0.8))


@pytest.mark.parametrize(
    ("pixels", "bits", "scale", "wanted"),
    [
        (SIGNED, 16, (1, 0), SIGNED),
        (SIGNED, 16, (0.5, 1), SIGNED * np.float32(0.5) + 1),
        (SIGNED, 16, (100, 0), SIGNED.astype(np.int32) * 100),
        ((SIGNED & 0xFFF).astype(np.int16), 13, (1, 0), (SIGNED & 0xFFF).astype(np.int16)),
        ((SIGNED.view(np.uint16) | 0xF000), 12, (1, 0), (SIGNED & 0xFFF).astype(np.uint16)),  # an overlay in the upper bits
        ((SIGNED & 0xFFF).astype(np.int16), 12, (1, 0), ((SIGNED & 0xFFF) - ((SIGNED & 0x800) << 1)).astype(np.int16)),
        (SIGNED.astype(np.uint8), 8, (1, 0), SIGNED.astype(np.uint8)),
    ],
)
def test_bits_and_scales_of_dicom(tmp_path: Path, pixels: np.ndarray, bits: int, scale: tuple[float, float], wanted: np.ndarray) -> None:
    (tmp_path / "x.dcm").write_bytes(dicom(pixels, bits, RescaleSlope=scale[0], RescaleIntercept=scale[1]))
    found = images.read(tmp_path / "x.dcm", 1, raw=True).pixels[..., 0]
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_colours_of_dicom(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    (tmp_path / "x.dcm").write_bytes(dicom(pixels))
    np.testing.assert_array_equal(images.read(tmp_path / "x.dcm", 3).pixels, pixels)


def test_what_is_not_read_of_dicom_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    for elements, words in (
        ({"syntax": "1.2.840.10008.1.2.1.99"}, "is a deflated DICOM"),
        ({"NumberOfFrames": 4}, "is a volume of 4 slices, and pictures have one; train with the domain's slices=1, or cut it"),
        ({"Rows": 7}, "fewer pixels than its header says"),
        ({"Rows": 60_000, "Columns": 60_000}, "claims 60000 x 60000"),
        ({"HighBit": 3}, "whole bytes"),
    ):
        path.write_bytes(dicom(SIGNED, 16, **elements))
        with pytest.raises(UserError, match=words) as mistake:
            images.read(path, 1, raw=True)
        assert str(mistake.value).startswith(f"{path}: ") and "\n" not in str(mistake.value)


@pytest.mark.parametrize("elements", [{"ImageOrientationPatient": [1, 2]}, {"PixelSpacing": [1]}, {"ImagePositionPatient": [1]}])
def test_a_place_of_dicom_that_makes_no_sense_is_none(tmp_path: Path, elements: dict[str, Any]) -> None:
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, 0], "PixelSpacing": [1, 1]}
    (tmp_path / "x.dcm").write_bytes(dicom(SIGNED, 16, **place))
    assert images.read(tmp_path / "x.dcm", 1, raw=True).metadata.affine is not None
    (tmp_path / "x.dcm").write_bytes(dicom(SIGNED, 16, **(place | elements)))
    assert images.read(tmp_path / "x.dcm", 1, raw=True).metadata.affine is None


@pytest.mark.filterwarnings("error")
def test_scaled_values_that_float32_does_not_hold_are_infinite(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(dicom(np.full((2, 2), 7, np.int16), 16, RescaleSlope=1e300, RescaleIntercept=0))
    write_nifti(tmp_path / "x.nii", np.full((2, 2, 1), 7, np.int16), slope=3e38)
    for name in ("x.dcm", "x.nii"):
        assert np.isinf(images.read(tmp_path / name, 1, raw=True).pixels).all()


def test_compressed_pixels_of_dicom_are_told_with_what_to_do(tmp_path: Path) -> None:
    for number, name in ((100, "MPEG2 Main Profile / Main Level"), (201, "High-Throughput JPEG 2000")):
        data = dicom(SIGNED, data=encapsulate([b"frame"]), syntax=f"1.2.840.10008.1.2.4.{number}")
        (tmp_path / "x.dcm").write_bytes(data)
        with pytest.raises(UserError, match=rf"compressed as {name}.*, which is not read; decompress it, by GDCM for example: gdcmconv"):
            images.read(tmp_path / "x.dcm", 1, raw=True)


@pytest.mark.parametrize(("name", "package"), [("x.nii.gz", "nibabel"), ("x.dcm", "pydicom")])
def test_without_the_extra_the_message_says_what_to_install(
    tmp_path: Path, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if package == "nibabel":
        write_nifti(path, SIGNED)
    else:
        path.write_bytes(dicom(SIGNED))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs the package {package}: pip install 'gan_style\[medical\]'"):
        images.read(path, 1, raw=True)
    with pytest.raises(UserError, match=r"pip install 'gan_style\[medical\]'"):
        images.probe(path)
