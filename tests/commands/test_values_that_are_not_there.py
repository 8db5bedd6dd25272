"""Where the input of infer has no value, the result says so at the same pixels, as foreign programs read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import rasterio
from measured_files import write_nifti
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.translation import nodata

KELVIN: dict[str, Any] = {
    "in_channels": 1,
    "out_channels": 1,
    "values_in": {"low": 0, "high": 500, "missing": 20},
    "values_out": {"low": -10.5, "high": 99.25, "type": "float32"},
}
WHOLE = {**KELVIN, "values_out": {"low": -1000, "high": 2000, "type": "int16"}}
GONE = np.zeros((90, 100), bool)
GONE[3:7, 60:99] = GONE[70, 2] = True
AT_ONCE_AND_BY_REGIONS = pytest.mark.parametrize("options", [(), ("--tile", "32")])


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nodata, "_told", [])
    Path("in").mkdir()


def scene(gone: float, none: float | None, dtype: str = "float32", bands: int = 1) -> None:
    """A GeoTIFF whose first band has the value `gone` where a value is not there."""
    down, across = np.mgrid[:90, :100]
    values = np.stack([250 + 200 * np.sin(down / 5) * np.cos(across / 7 + band) for band in range(bands)]).astype(dtype)
    values[0][GONE] = gone
    place = rasterio.transform.from_origin(500_000, 5_400_000, 10, 10)
    size = {"height": 90, "width": 100, "count": bands, "dtype": dtype}
    with rasterio.open("in/x.tif", "w", driver="GTiff", crs="EPSG:32632", transform=place, nodata=none, **size) as file:
        file.write(values)


def translated(main: Callable[..., int], bundle: dict[str, Any], *options: str) -> int:
    tiny_bundle(Path("b.safetensors"), **bundle)
    return main(["--model", "b.safetensors", "--input", "in", "--output", "out", "--device", "cpu", *options])


def read(path: str = "out/x.tif") -> tuple[np.ma.MaskedArray, float]:
    """The first band as rasterio masks it, and the value of no data."""
    with rasterio.open(path) as file:
        return file.read(1, masked=True), file.nodata


@AT_ONCE_AND_BY_REGIONS
@pytest.mark.parametrize(("gone", "nodata"), [(np.nan, None), (-9999, -9999), (np.inf, np.nan)])
def test_floating_point_results_are_not_a_number_there(
    main: Callable[..., int], options: tuple[str, ...], gone: float, nodata: float | None
) -> None:
    scene(gone, nodata)
    assert translated(main, KELVIN, *options) == 0
    found, told = read()
    assert np.isnan(told)
    np.testing.assert_array_equal(np.isnan(found.data), GONE)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), GONE)


@AT_ONCE_AND_BY_REGIONS
@pytest.mark.parametrize(
    ("dtype", "gone", "nodata", "wanted"),
    [
        ("float32", -9999, -9999, -9999),  # the input's value
        ("float32", np.nan, None, -32768),  # no whole number: the least of the type
        ("float32", -1e30, -1e30, -32768),
        ("uint16", 0, 0, -32768),  # a translation may be 0
    ],
)
def test_whole_results_have_a_value_that_no_translation_has(
    main: Callable[..., int], options: tuple[str, ...], dtype: str, gone: float, nodata: float | None, wanted: float
) -> None:
    scene(gone, nodata, dtype)
    assert translated(main, WHOLE, *options) == 0
    found, told = read()
    assert told == wanted and found.dtype == np.int16
    np.testing.assert_array_equal(np.ma.getmaskarray(found), GONE)


@AT_ONCE_AND_BY_REGIONS
def test_a_type_that_the_range_fills_has_no_such_value_and_one_line_says_so(
    main: Callable[..., int], options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    scene(np.nan, None)
    Path("in/y.tif").write_bytes(Path("in/x.tif").read_bytes())
    with pytest.warns(UserWarning, match=r"in/[xy]\.tif: has pixels without a value") as told:
        assert translated(main, {**KELVIN, "values_out": {"low": 0, "high": 255, "type": "uint8"}}, *options) == 0
    assert len([each for each in told if "without a value" in str(each.message)]) == 1
    assert read()[1] is None


def test_a_pixel_without_a_value_in_one_band_has_no_result(main: Callable[..., int]) -> None:
    scene(np.nan, None, bands=2)
    assert translated(main, {**KELVIN, "in_channels": 2}) == 0
    np.testing.assert_array_equal(np.isnan(read()[0].data), GONE)


def test_results_of_another_size_stay_whole(main: Callable[..., int]) -> None:
    scene(-9999, -9999)
    assert translated(main, KELVIN, "--resize", "64", "--keep-resized") == 0
    found, told = read()
    assert found.shape == (64, 71) and told is None and np.isfinite(found.data).all()
    assert translated(main, KELVIN, "--resize", "64", "--overwrite") == 0  # scaled back to the size of the input
    np.testing.assert_array_equal(np.isnan(read()[0].data), GONE)


def test_bundles_that_know_no_missing_values_write_no_tag(main: Callable[..., int]) -> None:
    scene(20, None)
    assert translated(main, {**KELVIN, "values_in": {"low": 0, "high": 500}}) == 0
    assert read()[1] is None


@pytest.mark.parametrize("options", [(), ("--views", "3")])
def test_a_voxel_without_a_value_is_none_in_the_volume(main: Callable[..., int], options: tuple[str, ...]) -> None:
    values = np.random.default_rng(0).uniform(0, 500, (20, 24, 9)).astype(np.float32)  # [X, Y, slices]
    values[2:5, 6, 3] = np.nan
    image = nibabel.Nifti1Image(values, np.eye(4))
    nibabel.save(image, "in/x.nii.gz")
    tiny_bundle(Path("b.safetensors"), **{**KELVIN, "in_channels": 3, "slices": 3})
    assert main(["--model", "b.safetensors", "--input", "in", "--output", "out", "--device", "cpu", *options]) == 0
    np.testing.assert_array_equal(np.isnan(np.asarray(nibabel.load("out/x.nii.gz").dataobj)), np.isnan(values))


def test_nifti_has_no_value_of_no_data_for_whole_numbers(main: Callable[..., int]) -> None:
    values = np.full((20, 24), 100, np.float32)
    values[3, 4] = np.nan
    write_nifti(Path("in/x.nii"), values)
    with pytest.warns(UserWarning, match=r"in/x\.nii: has pixels without a value"):
        assert translated(main, WHOLE) == 0
    assert nibabel.load("out/x.nii").get_data_dtype() == np.int16


def test_arrays_of_a_program_too() -> None:
    tiny_bundle(Path("b.safetensors"), **KELVIN)
    values = np.full((20, 24), 100, np.float32)
    values[3, 4] = np.nan
    found = gan_style.load("b.safetensors", device="cpu")(values)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
