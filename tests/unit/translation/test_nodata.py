"""The value of no data of a result."""

import math
from pathlib import Path

import pytest

from gan_style.bundles.file import BundleValues
from gan_style.translation.nodata import mark_of


@pytest.mark.parametrize(
    ("kind", "ends", "nodata", "wanted"),
    [
        ("int16", (-1000, 2000), "-9999", -9999),
        ("int16", (-1000, 2000), "-1000.4", -32768),  # -1000 is a translation, and no whole number is meant
        ("int16", (-1000, 2000), "2001", 2001),
        ("int16", (-1000, 2000), "2000", -32768),
        ("int16", (-1000.4, 2000.4), "-1001", -1001),  # results are -1000 or more
        ("int16", (-1000, 2000), "40000", -32768),
        ("int16", (-1000, 2000), "nan", -32768),
        ("int16", (-1000, 2000), "a word", -32768),
        ("int16", (-32768, 2000), None, 32767),
        ("uint8", (0, 254), None, 255),
        ("uint8", (0, 255), "0", None),
        ("uint16", (1, 4095), "0", 0),
        ("int32", (0, 1), "inf", -(2**31)),
    ],
)
def test_whole_numbers_take_the_value_of_the_source_or_an_end_of_the_type_that_no_translation_has(
    kind: str, ends: tuple[float, float], nodata: str | None, wanted: float | None
) -> None:
    values = BundleValues.model_validate({"low": ends[0], "high": ends[1], "type": kind})
    assert mark_of(values, Path("x.tif"), nodata) == wanted
    assert mark_of(values, Path("x.nii.gz"), nodata) is None


def test_floating_point_results_are_not_a_number_in_any_format() -> None:
    values = BundleValues(low=0, high=1)
    for name in ("x.tif", "x.npy", "x.nii.gz"):
        mark = mark_of(values, Path(name), "-9999")
        assert mark is not None and math.isnan(mark)


def test_the_ranges_of_all_channels_count() -> None:
    values = BundleValues(low=(0, -32768), high=(10, 20), type="int16")
    assert mark_of(values, Path("x.tif"), "15") == 32767
