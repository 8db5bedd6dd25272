"""A region is the cut of the whole picture to the bit, for every kind of file."""

import io
import threading
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import profiles
import pytest
from PIL import Image
from tiffs import truth, written

from gan_style.errors import UserError
from gan_style.files import images, regions, tiff_parts
from gan_style.files.bounded import Encoded
from gan_style.files.regions import open_regions

PARTS: list[dict[str, Any]] = [{}, {"rowsperstrip": 7}, {"tile": (16, 32)}, {"tile": (64, 64)}]
PACKING: list[dict[str, Any]] = [{}, {"compression": "zlib", "predictor": True}, {"compression": "lzw"}, {"compression": "packbits"}]


def same(file: Encoded | Path, channels: int, srgb: bool = True, count: int = 8, kept_bytes: int = regions.KEPT_BYTES) -> None:
    """Regions of all sizes, the whole picture, single pixels at the corners."""
    whole = images.read(file, channels, srgb)
    random = np.random.default_rng(0)
    with open_regions(file, channels, srgb, kept_bytes=kept_bytes) as reader:
        height, width = whole.pixels.shape[:2]
        assert (reader.height, reader.width, reader.channels) == (height, width, channels)
        assert reader.depth == 8 * whole.pixels.itemsize
        assert (reader.labels, reader.orientation, reader.dots_per_inch) == (whole.labels, whole.orientation, whole.dots_per_inch)
        assert reader.alpha == (whole.alpha is not None)
        cuts = [(0, 0, height, width), (height - 1, width - 1, 1, 1), (0, width - 1, height, 1)]
        for _ in range(count):
            top, left = int(random.integers(height)), int(random.integers(width))
            cuts.append((top, left, int(random.integers(1, height - top + 1)), int(random.integers(1, width - left + 1))))
        for top, left, rows, columns in cuts:
            expected = whole.pixels[top : top + rows, left : left + columns]
            region = reader.read(top, left, rows, columns)
            assert region.dtype == expected.dtype and region.flags.writeable
            np.testing.assert_array_equal(region, expected)
            region[:] = 0  # changes neither what is kept nor the file
            alpha = reader.read_alpha(top, left, rows, columns)
            if whole.alpha is None:
                assert alpha is None
            else:
                np.testing.assert_array_equal(alpha, whole.alpha[top : top + rows, left : left + columns])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_ways_of_storing(bands: int, depth: int) -> None:
    for parts, packing, planar, big, order in product(PARTS, PACKING, ("contig", "separate"), (False, True), "<>"):
        pixels = truth(bands, depth)
        if bands == 1 and planar == "separate":
            continue
        options = {"planarconfig": planar} if bands > 1 else {}
        stored = pixels[..., 0] if bands == 1 else np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
        extra = {"extrasamples": ["unassalpha"]} if bands == 4 else {}
        file = written(stored, **parts, **packing, **options, **extra, bigtiff=big, byteorder=order)
        same(file, 3 if bands == 4 else bands, count=3, kept_bytes=0 if big else 3000)


@pytest.mark.parametrize("turned", range(1, 9))
def test_orientations(turned: int) -> None:
    for depth, parts in product((8, 16), PARTS):
        same(written(truth(3, depth), extratags=[(274, 3, 1, turned, True)], resolution=(300, 200), **parts), 3)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("parts", PARTS)
def test_kinds_of_samples(depth: int, parts: dict[str, Any]) -> None:
    rgba, gray = truth(4, depth), truth(1, depth)[..., 0]
    for channels in range(1, 5):
        same(written(rgba, extrasamples=["assocalpha"], **parts), channels)
        same(written(rgba, extrasamples=["unspecified"], **parts), channels)
        same(written(rgba, photometric="separated", **parts), channels)
        same(written(gray, photometric="miniswhite", **parts), channels)
        two = np.dstack([gray, rgba[..., 3]])
        same(written(two, photometric="miniswhite", planarconfig="contig", extrasamples=["unassalpha"], **parts), channels)
        if depth == 8:
            table = np.random.default_rng(1).integers(0, 2**16, (3, 256)).astype(np.uint16)
            same(written(gray, photometric="palette", colormap=table, **parts), channels)
    bands = written(rgba, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"] * 3, **parts)
    same(bands, 4)
    with open_regions(bands, 3) as reader, pytest.raises(UserError, match="has 4 bands"):
        reader.read(0, 0, 1, 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_colour_profiles(depth: int) -> None:
    for srgb, parts in product((True, False), PARTS):
        same(written(truth(3, depth), iccprofile=profiles.display_p3(), **parts), 3, srgb)
        same(written(truth(1, depth)[..., 0], iccprofile=profiles.gray(1.0), **parts), 1, srgb)
        inks = profiles.inks({(0, 0, 0, 0): (100.0, 0.0, 0.0)})
        if depth == 8:
            same(written(truth(4, depth), photometric="separated", iccprofile=inks, **parts), 3, srgb)


@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
@pytest.mark.parametrize("parts", [{}, {"rowsperstrip": 16}, {"tile": (16, 32)}])
def test_jpeg_in_a_tiff(photometric: str, parts: dict[str, Any]) -> None:
    pixels = truth(3, 8) if photometric == "rgb" else truth(1, 8)[..., 0]
    same(written(pixels, photometric=photometric, compression="jpeg", **parts), 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "group4"])
def test_files_of_libtiff(mode: str, compression: str | None) -> None:
    mode = "1" if compression == "group4" else mode
    if compression == "jpeg" and mode in ("1", "P", "PA"):
        pytest.skip("libtiff encodes no such file")
    stream = io.BytesIO()
    Image.fromarray(truth(4, 8), "RGBA").convert(mode).save(stream, "TIFF", compression=compression, tiffinfo={278: 16})
    same(Encoded("x.tif", stream.getvalue()), 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_other_formats_are_cut(tmp_path: Path, suffix: str) -> None:
    images.write(tmp_path / f"x{suffix}", truth(3, 8), (300, 300))
    same(tmp_path / f"x{suffix}", 3)
    images.write(tmp_path / "deep.png", truth(4, 16))
    same(tmp_path / "deep.png", 3)
    same(tmp_path / "deep.png", 4)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("rows", [40, 12])
@pytest.mark.parametrize("piece", [1, 1000])
def test_raw_strips_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch, depth: int, planar: str, rows: int, piece: int) -> None:
    monkeypatch.setattr(tiff_parts, "_DIVIDED", piece)
    stored = truth(3, depth) if planar == "contig" else np.moveaxis(truth(3, depth), 2, 0)
    for order in "<>":
        same(written(stored, planarconfig=planar, rowsperstrip=rows, byteorder=order), 3, kept_bytes=0)
    stream = io.BytesIO()
    Image.fromarray(truth(1, 8)[:, :51, 0] > 99).save(stream, "TIFF", tiffinfo={278: rows})  # one bit, in rows of whole bytes
    same(Encoded("x.tif", stream.getvalue()), 1, kept_bytes=0)


def test_only_the_parts_that_a_region_touches_are_decoded_and_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    usual = tiff_parts.Parts._decoded
    monkeypatch.setattr(tiff_parts.Parts, "_decoded", lambda parts, index: decoded.append(index) or usual(parts, index))
    file = written(truth(1, 8)[..., 0], tile=(16, 16), compression="zlib")  # 3 rows of 4 tiles
    with open_regions(file, 1, kept_bytes=2 * 256) as reader:
        reader.read(0, 0, 16, 16)
        reader.read(15, 15, 2, 2)
        assert decoded == [0, 1, 4, 5]
        reader.read(20, 20, 3, 3)
        reader.read(20, 3, 3, 3)
        assert decoded == [0, 1, 4, 5], "the two newest are kept"
        reader.read(0, 20, 3, 3)
        assert decoded == [0, 1, 4, 5, 1]


def test_two_threads_read_one_picture() -> None:
    file = written(truth(3, 16), tile=(16, 16), compression="zlib", predictor=True)
    whole, wrong = images.read(file, 3).pixels, []

    def read(number: int) -> None:
        random = np.random.default_rng(number)
        for _ in range(60):
            top, left = int(random.integers(30)), int(random.integers(40))
            if not np.array_equal(reader.read(top, left, 9, 9), whole[top : top + 9, left : left + 9]):
                wrong.append((top, left))

    with open_regions(file, 3, kept_bytes=4000) as reader:
        threads = [threading.Thread(target=read, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("region", [(-1, 0, 2, 2), (0, 0, 41, 1), (39, 0, 2, 1), (0, 56, 1, 1), (0, 0, 0, 1)])
def test_a_region_lies_in_the_picture(region: tuple[int, int, int, int]) -> None:
    with open_regions(written(truth(3, 8)), 3) as reader, pytest.raises(ValueError, match="of a picture of 40 x 56"):
        reader.read(*region)


def test_a_file_is_closed_also_if_it_is_refused(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    (tmp_path / "x.tif").write_bytes(written(truth(3, 8)).data[:100])
    with pytest.raises(UserError, match=r"x\.tif: "):
        open_regions(tmp_path / "x.tif", 3)
    with pytest.raises(UserError, match="cannot be opened"):
        open_regions(tmp_path / "none.tif", 3)
    (tmp_path / "y.tif").write_bytes(written(truth(3, 8)).data)
    open_regions(tmp_path / "y.tif", 3).close()
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]
