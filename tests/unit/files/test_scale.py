"""Values with units: to [-1, 1] and back, what is beyond, what is not there."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from measured_files import AFFINE, dicom, write_nifti

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions
from gan_style.files.scale import Scale, nodata_of
from gan_style.types import to_floats

WHOLE = ("uint8", "int8", "uint16", "int16")


def every_value(dtype: str) -> np.ndarray:
    """[256 or less, 256, 1]"""
    ends = np.iinfo(dtype)
    return np.arange(ends.min, ends.max + 1).astype(dtype).reshape(-1, 256, 1)


def through_a_tensor(values: np.ndarray, scale: Scale, dtype: str) -> np.ndarray:
    made, outside = scale.inward(values, "x")
    assert made.dtype == np.float32 and np.abs(made).max() <= 1 and not outside
    tensor = to_floats(images.to_integers(made))
    return scale.outward(tensor.permute(1, 2, 0).numpy(), dtype)


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("wider", [0, 1, 5000])
def test_every_whole_number_of_a_file_comes_back_exactly(dtype: str, wider: int) -> None:
    ends = np.iinfo(dtype)
    scale = Scale(ends.min - wider, ends.max + wider)
    np.testing.assert_array_equal(through_a_tensor(every_value(dtype), scale, dtype), every_value(dtype))


@pytest.mark.parametrize("low", [0, -(2**23), 10_000_000])
def test_whole_numbers_of_32_bits_come_back_exactly_from_a_range_of_24(low: int) -> None:
    values = (low + np.random.default_rng(0).integers(0, 2**24, (500, 500, 1))).astype(np.int32)
    np.testing.assert_array_equal(through_a_tensor(values, Scale(low, low + 2**24 - 1), "int32"), values)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (-1000, 3000), (1e-9, 1e-8), (-3e30, 1e30), (100.5, 101.25)])
def test_floats_come_back_within_a_unit_in_the_last_place_of_the_range(low: float, high: float) -> None:
    values = np.random.default_rng(0).uniform(low, high, (200, 200, 1)).astype(np.float32).clip(low, high)
    found = through_a_tensor(values, Scale(low, high), "float32")
    unit = np.spacing(np.float32(max(abs(low), abs(high))))
    assert np.abs(found.astype(np.float64) - values).max() <= unit


def test_what_is_beyond_is_cut_and_counted() -> None:
    values = np.array([-5, 0, 5, 10, 11, 20, 7, 7], np.int16).reshape(2, 4, 1)
    made, outside = Scale(0, 10).inward(values, "x")
    np.testing.assert_array_equal(made.ravel(), np.float32([-1, -1, 0, 1, 1, 1, 0.4, 0.4]))
    assert outside == 3 / 8


@pytest.mark.parametrize("absent", [np.nan, np.inf, -np.inf, -9999])
def test_values_that_are_not_there_are_refused_or_replaced(absent: float) -> None:
    values = np.full((3, 4, 1), 5, np.float32)
    values[1, 2] = absent
    with pytest.raises(UserError, match=r"^x\.tif: 1 of its 12 values are not there .* set the domain's missing"):
        Scale(0, 10).inward(values, "x.tif", nodata=-9999.0)
    made, outside = Scale(0, 10, missing=10).inward(values, "x.tif", nodata=-9999.0)
    assert made[1, 2] == 1 and (made == 0).sum() == 11 and outside == 0


def test_no_data_of_float32_is_compared_as_float32() -> None:
    """GDAL writes -3.4028234663852886e+38, whose nearest float32 the file holds."""
    values = np.full((2, 2, 1), np.float32(-3.4028234663852886e38))
    made, _ = Scale(0, 1, missing=0).inward(values, "x", nodata_of("-3.4028234663852886e+38"))
    assert (made == -1).all()


def test_results_stay_in_their_type() -> None:
    values = np.array([-1, 0, 1], np.float32).reshape(1, 3, 1)
    np.testing.assert_array_equal(Scale(-100, 300).outward(values, "uint8").ravel(), [0, 100, 255])
    np.testing.assert_array_equal(Scale(-0.4, 0.4).outward(values, "int16").ravel(), [0, 0, 0])


@pytest.mark.parametrize("dtype", [*WHOLE, "int32", "float32"])
@pytest.mark.parametrize("suffix", [".tif", ".npy", ".nii", ".nii.gz", ".png"])
def test_from_a_file_to_a_file(tmp_path: Path, dtype: str, suffix: str) -> None:
    if suffix == ".png" and dtype not in ("uint8", "uint16"):
        pytest.skip("PNG holds whole numbers without a sign")
    values = np.random.default_rng(0).integers(0, 120, (20, 30, 1)).astype(dtype)
    images.write(tmp_path / f"x{suffix}", values)
    read = images.read(tmp_path / f"x{suffix}", 1, raw=True).pixels
    assert read.dtype == np.dtype(dtype)
    unit = np.spacing(np.float32(1000)) if dtype == "float32" else 0
    np.testing.assert_allclose(through_a_tensor(read, Scale(-128, 1000), dtype), values, rtol=0, atol=unit)
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "uint32", "int32"])
@pytest.mark.parametrize("bands", [1, 2, 4, 5])
@pytest.mark.parametrize("how", [{}, {"tile": (16, 16), "compression": "zlib"}, {"planarconfig": "separate"}])
def test_tiffs_of_any_type_and_bands(tmp_path: Path, dtype: str, bands: int, how: dict[str, object]) -> None:
    values = np.random.default_rng(0).uniform(0, 100, (20, 30, bands)).astype(dtype)
    stored = np.moveaxis(values, 2, 0) if "planarconfig" in how and bands > 1 else values[..., 0] if bands == 1 else values
    options = {key: value for key, value in how.items() if bands > 1 or key != "planarconfig"}
    contig = {} if "planarconfig" in options or bands == 1 else {"planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="minisblack", metadata=None, **options, **contig)
    header = images.probe(tmp_path / "x.tif", raw=True)
    assert (header.width, header.height, header.channels, header.values) == (30, 20, bands, dtype)
    np.testing.assert_array_equal(images.read(tmp_path / "x.tif", bands, raw=True).pixels, values)
    with open_regions(tmp_path / "x.tif", bands, raw=True) as reader:
        np.testing.assert_array_equal(reader.read(3, 4, 5, 6), values[3:8, 4:10])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 12, 64])
def test_bands_that_are_written_are_read_back_by_rasterio(tmp_path: Path, dtype: str, bands: int) -> None:
    values = np.random.default_rng(0).uniform(0, 100, (20, 30, bands)).astype(dtype)
    images.write(tmp_path / "x.tif", values)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.count == bands
        np.testing.assert_array_equal(file.read().transpose(1, 2, 0), values)
    np.testing.assert_array_equal(images.read(tmp_path / "x.tif", bands, raw=True).pixels, values)


def test_a_format_of_colours_does_not_take_other_numbers(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.png: float32 values do not fit this format; use \.tif or \.npy"):
        images.write(tmp_path / "x.png", np.zeros((3, 4, 1), np.float32))


def test_values_are_neither_stretched_nor_converted(tmp_path: Path) -> None:
    """12 bits in a file of 12 stay what they are; as a picture they fill 16."""
    values = np.random.default_rng(0).integers(0, 4096, (20, 30)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", values, metadata=None, photometric="miniswhite")
    np.testing.assert_array_equal(images.read(tmp_path / "x.tif", 1, raw=True).pixels[..., 0], values)
    np.testing.assert_array_equal(images.read(tmp_path / "x.tif", 1).pixels[..., 0], 65535 - values)


def test_a_float_tiff_is_no_picture_and_a_palette_holds_no_values(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((20, 30), np.float32))
    with pytest.raises(UserError, match=r"type float32.*data.domain_a.range .docs/guide/measurements.md."):
        images.read(tmp_path / "x.tif", 1)
    tifffile.imwrite(tmp_path / "y.tif", np.zeros((20, 30), np.uint8), photometric="palette", colormap=np.zeros((3, 256), np.uint16))
    with pytest.raises(UserError, match="has a palette, which holds colours and no values"):
        images.read(tmp_path / "y.tif", 1, raw=True)


def test_a_float_tiff_of_gigapixels_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", shape=(6500, 6500), dtype="float32", tile=(256, 256), metadata=None)
    with pytest.raises(TooLarge, match="claims 6500 x 6500"):
        images.read(tmp_path / "x.tif", 1, raw=True)
    with open_regions(tmp_path / "x.tif", 1, raw=True) as reader:
        assert not reader.read(6200, 6200, 300, 300).any()


def test_the_place_of_a_float_geotiff_is_read_back_by_rasterio(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 1, (20, 30)).astype(np.float32)
    place = rasterio.transform.from_origin(500_000, 5_400_000, 10, 10)
    about = {"driver": "GTiff", "height": 20, "width": 30, "count": 1, "dtype": "float32", "crs": "EPSG:32632", "transform": place}
    with rasterio.open(tmp_path / "x.tif", "w", nodata=-9999, **about) as file:
        file.write(values, 1)
    picture = images.read(tmp_path / "x.tif", 1, raw=True)
    assert nodata_of(picture.metadata.nodata) == -9999
    images.write(tmp_path / "y.tif", picture.pixels, metadata=picture.metadata)
    with rasterio.open(tmp_path / "y.tif") as file:
        assert file.crs == rasterio.crs.CRS.from_epsg(32632) and file.transform == place and file.dtypes == ("float32",)
        np.testing.assert_array_equal(file.read(1), values)


def test_the_place_of_a_dicom_goes_to_nifti(tmp_path: Path) -> None:
    import nibabel

    values = np.random.default_rng(0).integers(-1000, 1000, (20, 30)).astype(np.int16)
    place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [-10, 20, 5], "PixelSpacing": [0.8, 0.7]}
    (tmp_path / "x.dcm").write_bytes(dicom(values, **place))
    picture = images.read(tmp_path / "x.dcm", 1, raw=True)
    images.write(tmp_path / "y.nii.gz", picture.pixels, metadata=picture.metadata)
    found = nibabel.load(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(np.asarray(found.dataobj)[:, :, 0].T, values)
    np.testing.assert_allclose(found.affine @ [2, 3, 0, 1], [10 - 0.7 * 2, -20 - 0.8 * 3, 5, 1], rtol=1e-6)


def test_the_resolution_of_nifti_goes_to_a_tiff(tmp_path: Path) -> None:
    picture = images.read(write_nifti(tmp_path / "x.nii", np.zeros((9, 6), np.float32)), 1, raw=True)
    images.write(tmp_path / "y.tif", picture.pixels, metadata=picture.metadata)
    steps = np.linalg.norm(AFFINE[:3, :2], axis=0)
    assert images.read(tmp_path / "y.tif", 1, raw=True).dots_per_inch == pytest.approx(tuple(25.4 / steps), rel=1e-5)


def test_channels_have_ranges_of_their_own() -> None:
    values = np.random.default_rng(0).uniform((0, -1000), (1, 3000), (20, 30, 2)).astype(np.float32)
    scale = Scale((0, -1000), (1, 3000))
    made, _ = scale.inward(values, "x")
    for channel, (low, high) in enumerate(((0, 1), (-1000, 3000))):
        alone, _ = Scale(low, high).inward(values[..., channel : channel + 1], "x")
        np.testing.assert_array_equal(made[..., channel : channel + 1], alone)
    np.testing.assert_allclose(scale.outward(made, "float32"), values, rtol=1e-6, atol=2e-4)
    assert scale.span is None and Scale((0, 5), (10, 15)).span == 10 == Scale(0, 10).span
    assert scale.beyond(np.array([[[2, 0], [0.5, -1001]]])) == 0.5
