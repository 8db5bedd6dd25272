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
from gan_style.files import images
from gan_style.files.bounded import Header, TooLarge
from gan_style.files.kinds import kind_of
from gan_style.files.regions import open_regions, probe_regions
from gan_style.translation.inputs import select


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


@pytest.mark.parametrize("name", ["x.svs", "X.MRXS", "x.vms"])
def test_a_slide_is_a_picture_of_its_folder(tmp_path: Path, name: str) -> None:
    """The files of some scanners begin like a text or a JPEG."""
    (tmp_path / name).write_text("[Virtual Microscope Specimen]\n")
    assert images.find_images(tmp_path) == [Path(name)]
    assert kind_of(tmp_path / name) is None
    assert [job.source.name for job in select([str(tmp_path)], tmp_path / "out", "tiff").jobs] == [name]
    assert [job.source.name for job in select([str(tmp_path / name)], tmp_path / "out", "tiff").jobs] == [name]


@pytest.mark.parametrize("read", [images.probe, lambda path: images.read(path, 3), probe_regions])
def test_whoever_reads_a_slide_without_the_extra_is_told(tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its bytes are those of a TIFF: it would not come out the same on two machines."""
    monkeypatch.setitem(sys.modules, "openslide", None)
    tifffile.imwrite(tmp_path / "x.svs", random_pixels(30, 50, 3), photometric="rgb")
    with pytest.raises(UserError, match=r"is a slide, which needs OpenSlide"):
        read(tmp_path / "x.svs")


@needs_openslide
def test_a_small_slide_is_read_as_a_whole(slide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert images.probe(slide) == probe_regions(slide) == Header(500, 300, 3, 8, palette=False)
    np.testing.assert_array_equal(images.read(slide, 3).pixels, random_pixels(300, 500, 3))
    with pytest.raises(TooLarge, match=r"x\.svs: has 500 x 300, more than the 1000 pixels allowed"):
        images.read(slide, 3, max_pixels=1000)
