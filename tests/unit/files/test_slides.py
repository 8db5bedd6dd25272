"""Slides are read by OpenSlide, which is an extra."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import profiles
import pytest
import tifffile
from pictures import random_pixels

from gan_style.errors import UserError
from gan_style.files.regions import open_regions


def missing() -> str:
    """Why OpenSlide cannot be used here; "" if it can."""
    try:
        import openslide  # noqa: F401
    except (ImportError, OSError) as failure:
        return f"needs gan_style[slides]: {failure}"
    return ""


needs_openslide = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """A tiled TIFF under a slide's name: OpenSlide goes by the content."""
    path = tmp_path / "x.svs"
    pixels = random_pixels(300, 500, 3)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), compression="zlib", metadata=None, resolution=(50800, 25400))
    return path


@needs_openslide
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_regions_of_level_0(slide: Path, channels: int) -> None:
    pixels = random_pixels(300, 500, 3)
    with open_regions(slide, channels) as reader:
        assert (reader.height, reader.width, reader.depth, reader.alpha) == (300, 500, 8, False)
        region = reader.read(60, 100, 70, 400)
        assert region.shape == (70, 400, channels) and region.dtype == np.uint8
        if channels >= 3:
            np.testing.assert_array_equal(region[..., :3], pixels[60:130, 100:])
        with pytest.raises(ValueError, match="of a picture of 300 x 500"):
            reader.read(0, 499, 1, 2)
        assert reader.dots_per_inch == pytest.approx((50800, 25400))


@needs_openslide
@pytest.mark.parametrize("srgb", [True, False])
def test_a_colour_profile_becomes_srgb_as_in_a_tiff(tmp_path: Path, srgb: bool) -> None:
    how: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "compression": "zlib", "metadata": None}
    for suffix in (".svs", ".tif"):
        tifffile.imwrite(tmp_path / f"x{suffix}", random_pixels(100, 100, 3), iccprofile=profiles.display_p3(), **how)
    with open_regions(tmp_path / "x.svs", 3, srgb) as slide, open_regions(tmp_path / "x.tif", 3, srgb) as picture:
        assert slide.metadata.profile and picture.metadata.profile
        np.testing.assert_array_equal(slide.read(10, 20, 30, 40), picture.read(10, 20, 30, 40))


@needs_openslide
def test_a_damaged_slide_is_named_in_one_line(slide: Path) -> None:
    slide.write_bytes(slide.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"x\.svs: ") as mistake, open_regions(slide, 3) as reader:
        reader.read(0, 0, 300, 500)
    assert "\n" not in str(mistake.value)


@needs_openslide
def test_a_slide_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.ndpi: cannot be opened; check the path"):
        open_regions(tmp_path / "no.ndpi", 3)


@pytest.mark.parametrize("suffix", [".svs", ".NDPI", ".mrxs"])
def test_without_the_extra_the_message_names_it(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(UserError, match=r"is a slide, which needs OpenSlide \(.*\): pip install 'gan_style\[slides\]'"):
        open_regions(tmp_path / f"x{suffix}", 3)
