"""Images as large as is allowed are read, within the memory that is promised for that."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import fuzzing
import numpy as np
import profiles
import pytest
import tifffile
from fuzzing import bounds
from PIL import Image

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import MAX_BYTES, MAX_PIXELS

pytestmark = pytest.mark.skipif(not fuzzing.nightly, reason="a minute of large pictures: make nightly")


@pytest.fixture(autouse=True)
def _leaves_nothing(tmp_path: Path) -> Iterator[None]:
    """pytest would keep the gigabytes of three runs."""
    yield
    shutil.rmtree(tmp_path)


LARGE = [  # kind, mode, bytes that a pixel counts as, options
    ("PNG", "L", 3, {}),
    ("PNG", "RGB", 3, {}),
    ("PNG", "RGBA", 3, {}),
    ("PNG", "P", 3, {"transparency": 0}),
    ("BMP", "RGB", 3, {}),
    ("JPEG", "RGB", 3, {}),
    ("JPEG", "RGB", 3, {"progressive": True, "subsampling": 0}),
    ("JPEG", "CMYK", 6, {"progressive": True}),
    ("TIFF", "RGB", 3, {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 2**20}}),
    ("TIFF", "RGBA", 3, {"compression": "tiff_lzw", "tiffinfo": {278: 2**20}}),
    ("TIFF", "CMYK", 6, {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 2**20}}),
    ("TIFF", "P", 3, {}),
    ("GIF", "P", 3, {}),
    ("AVIF", "RGB", 12, {"speed": 10}),
    ("AVIF", "RGBA", 12, {"speed": 10}),
    ("JPEG", "RGB", 3, {"icc_profile": profiles.display_p3()}),
    ("JPEG", "CMYK", 6, {"icc_profile": profiles.inks({(0, 0, 0, 0): (100.0, 0.0, 0.0)})}),
    ("TIFF", "RGBA", 3, {"icc_profile": profiles.display_p3()}),
    ("WEBP", "RGB", 6, {}),
    ("WEBP", "RGBA", 6, {"lossless": True, "quality": 0, "method": 0}),
]


def sides(weight: float) -> tuple[int, int]:
    """Of a picture as large as is allowed where a pixel counts as `weight` bytes; no side is too long for WebP."""
    width = 10_000
    return width, int(MAX_BYTES / weight) // width


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(("kind", "mode", "weight", "options"), LARGE)
def test_8_bit(tmp_path: Path, kind: str, mode: str, weight: int, options: dict[str, Any], channels: int) -> None:
    width, height = sides(weight)
    path = tmp_path / f"x.{kind.lower()}"
    Image.new(mode, (width, height)).save(path, kind, **options)
    with bounds():
        picture = images.read(path, channels)
        assert picture.pixels.shape == (height, width, channels)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("stored", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit(tmp_path: Path, suffix: str, stored: int, channels: int) -> None:
    width, height = sides(max(6, 2 * stored))
    path = tmp_path / f"x{suffix}"
    options = [cv2.IMWRITE_TIFF_ROWSPERSTRIP, height, cv2.IMWRITE_TIFF_COMPRESSION, 5] if suffix == ".tif" else []
    cv2.imwrite(str(path), np.zeros((height, width, stored), np.uint16), options)
    with bounds():
        picture = images.read(path, channels)
        assert picture.pixels.shape == (height, width, channels) and picture.pixels.dtype == np.uint16


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("how", [{"extrasamples": ["assocalpha"]}, {"planarconfig": "separate"}, {"iccprofile": profiles.display_p3()}])
@pytest.mark.parametrize("parts", [{"tile": (2048, 2048)}, {"rowsperstrip": 2**20, "byteorder": ">", "predictor": True}])
def test_tiff(tmp_path: Path, parts: dict[str, Any], how: dict[str, Any], depth: int) -> None:
    bands = 4 if "extrasamples" in how else 3
    width, height = sides((3 if bands == 3 else 4) if depth == 8 else 2 * bands)
    shape = (bands, height, width) if "planarconfig" in how else (height, width, bands)
    stored = np.zeros(shape, f"u{depth // 8}")
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="rgb", compression="zlib", metadata=None, maxworkers=1, **parts, **how)
    del stored
    with bounds():
        assert images.read(tmp_path / "x.tif", 4).pixels.shape == (height, width, 4)


def test_a_photograph_of_102_megapixels_is_small_enough(tmp_path: Path) -> None:
    Image.new("RGB", (11_662, 8_746)).save(tmp_path / "x.tif")
    assert images.probe(tmp_path / "x.tif").width == 11_662


def test_one_row_more_is_too_large(tmp_path: Path) -> None:
    Image.new("L", (10_000, MAX_PIXELS // 10_000 + 1)).save(tmp_path / "x.png")
    with pytest.raises(UserError, match="pixels allowed"):
        images.probe(tmp_path / "x.png")
