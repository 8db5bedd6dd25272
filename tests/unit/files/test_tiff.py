"""TIFFs of every kind of colours, layout, byte order and compression give the values that were put in, and those known by hand."""

import io
import struct
from itertools import product
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from tiffs import by_hand, truth, written

from gan_style.errors import UserError
from gan_style.files import images


def refused(file: images.Encoded, channels: int = 3) -> str:
    with pytest.raises(UserError) as caught:
        images.read(file, channels)
    message = str(caught.value)
    assert message.startswith("x.tif: ") and "damaged" not in message and "\n" not in message
    return message


STORAGE = [
    {"byteorder": order, "bigtiff": big, "planarconfig": planar, **parts, **packing}
    for order, big, planar, parts, packing in product(
        "<>",
        (False, True),
        ("contig", "separate"),
        ({}, {"rowsperstrip": 7}, {"tile": (16, 32)}),
        (
            {},
            {"compression": "lzw"},
            {"compression": "lzw", "predictor": True},
            {"compression": "zlib"},
            {"compression": "zlib", "predictor": True},
            {"compression": "packbits"},
            {"compression": "zstd", "predictor": True},
        ),
    )
]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_every_way_of_storing_gives_the_values_back(bands: int, depth: int) -> None:
    pixels = truth(bands, depth)
    for how in STORAGE:
        options = dict(how)
        planar = options.pop("planarconfig")
        if bands > 1:
            options["planarconfig"] = planar
        if bands == 4:
            options["extrasamples"] = ["unassalpha"]
        stored = pixels[..., 0] if bands == 1 else np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
        if bands == 1 and planar == "separate":
            continue
        file = written(stored, **options)
        assert images.probe(file) == images.Header(56, 40, bands, depth, False), how
        picture = images.read(file, bands)
        assert picture.pixels.dtype == pixels.dtype
        np.testing.assert_array_equal(picture.pixels, pixels, err_msg=str(how))


def test_the_values_of_a_pixel() -> None:
    """Those of the issue: RGB in separate planes, deflated."""
    picture = images.read(written(np.moveaxis(truth(3, 16), 2, 0), planarconfig="separate", compression="zlib"), 3)
    assert picture.pixels[20, 5].tolist() == [8003, 54005, 25007]


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_packed_by_hand(order: str) -> None:
    gray = by_hand(struct.pack(f"{order}2H", 8060, 65535), {258: (16,), 262: (1,)}, order)
    assert images.read(gray, 1).pixels.ravel().tolist() == [8060, 65535]
    white = by_hand(struct.pack(f"{order}2H", 57475, 0), {258: (16,), 262: (0,)}, order)
    assert images.read(white, 1).pixels.ravel().tolist() == [8060, 65535]
    white = by_hand(bytes([200, 0]), {258: (8,), 262: (0,)}, order)
    assert images.read(white, 3).pixels.tolist() == [[[55, 55, 55], [255, 255, 255]]]
    colours = np.zeros((3, 256), int)
    colours[:, 1], colours[:, 2] = (65535, 0, 257 * 7), (257 * 10, 257 * 20, 257 * 30)
    table = by_hand(bytes([1, 2]), {258: (8,), 262: (3,), 320: tuple(colours.ravel().tolist())}, order)
    assert images.read(table, 3).pixels.tolist() == [[[255, 0, 7], [10, 20, 30]]] and images.read(table, 3).labels
    rgb = by_hand(struct.pack(f"{order}6H", 1, 2, 3, 40001, 40002, 40003), {258: (16,) * 3, 262: (2,), 277: (3,)}, order)
    assert images.read(rgb, 3).pixels.tolist() == [[[1, 2, 3], [40001, 40002, 40003]]]


@pytest.mark.parametrize(
    ("bits", "packed", "expected"),
    [
        (1, [0b10000000], [255, 0]),
        (2, [0b01110000], [85, 255]),
        (4, [0x3F], [51, 255]),
        (12, [0x80, 0x0F, 0xFF], [32776, 65535]),  # 2048 of 4095 is 32775.6 of 65535
    ],
)
def test_few_bits_are_spread_over_the_full_range(bits: int, packed: list[int], expected: list[int]) -> None:
    assert images.read(by_hand(bytes(packed), {258: (bits,), 262: (1,)}), 1).pixels.ravel().tolist() == expected
    top = 255 if bits < 8 else 65535
    inverted = images.read(by_hand(bytes(packed), {258: (bits,), 262: (0,)}), 1).pixels.ravel().tolist()
    assert inverted == [top - value for value in expected]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("how", [{}, {"tile": (16, 16), "compression": "zlib", "predictor": True}, {"compression": "lzw"}])
def test_white_is_zero(depth: int, how: dict[str, Any]) -> None:
    pixels = truth(1, depth)[..., 0]
    file = written(np.iinfo(pixels.dtype).max - pixels, photometric="miniswhite", **how)
    np.testing.assert_array_equal(images.read(file, 1).pixels[..., 0], pixels)
    alpha = np.dstack([np.iinfo(pixels.dtype).max - pixels, truth(4, depth)[..., 3]])
    file = written(alpha, photometric="miniswhite", planarconfig="contig", extrasamples=["unassalpha"], **how)
    np.testing.assert_array_equal(images.read(file, 2).pixels, np.dstack([pixels, truth(4, depth)[..., 3]]))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_what_the_fourth_band_is(depth: int, planar: str) -> None:
    pixels = truth(4, depth)
    stored = np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
    near_infrared = written(stored, planarconfig=planar, extrasamples=["unspecified"])
    np.testing.assert_array_equal(images.read(near_infrared, 4).pixels, pixels)
    for channels in (1, 3):
        picture = images.read(near_infrared, channels)
        assert picture.alpha is None
        np.testing.assert_array_equal(picture.pixels, images.read(written(pixels[..., :3]), channels).pixels)
    transparent = written(stored, planarconfig=planar, extrasamples=["unassalpha"])
    alpha = images.read(transparent, 3).alpha
    assert alpha is not None
    np.testing.assert_array_equal(alpha, pixels[..., 3])


@pytest.mark.parametrize("depth", [8, 16])
def test_colours_multiplied_by_their_alpha_are_divided_by_it(depth: int) -> None:
    top = 2**depth - 1
    half, kind = top // 2 + 1, f"u{depth // 8}"
    stored = np.array([[[half, 0, 10, half], [7, 8, 9, 0], [1, 2, 3, top], [top, 9, 9, 9]]], kind)
    picture = images.read(written(stored, extrasamples=["assocalpha"]), 4)
    assert picture.pixels[0, 0].tolist() == [top, 0, round(10 * top / half), half]
    assert picture.pixels[0, 1:].tolist() == [[7, 8, 9, 0], [1, 2, 3, top], [top, top, top, 9]]
    gray = images.read(written(stored[..., [2, 3]], photometric="minisblack", planarconfig="contig", extrasamples=["assocalpha"]), 2)
    assert gray.pixels[0, 0].tolist() == [round(10 * top / half), half]


def test_16_bit_rgba_without_the_tag_that_says_so_has_an_alpha() -> None:
    """OpenCV writes such files."""
    pixels = truth(4, 16)
    file = images.Encoded("x.tif", cv2.imencode(".tif", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))[1].tobytes())
    assert images.read(file, 3).alpha is not None
    np.testing.assert_array_equal(images.read(file, 4).pixels, pixels)


@pytest.mark.parametrize("depth", [8, 16])
def test_cmyk(depth: int) -> None:
    top = 2**depth - 1
    inks = np.array([[[0, 0, 0, 0], [top, 0, 0, 0], [0, top, top, 0], [0, 0, 0, top], [top // 2, 0, 0, 0]]], f"u{depth // 8}")
    rgb = images.read(written(inks, photometric="separated"), 3).pixels[0].tolist()
    assert rgb == [[top] * 3, [0, top, top], [top, 0, 0], [0, 0, 0], [top - top // 2, top, top]]
    assert images.probe(written(inks, photometric="separated")).channels == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16"])
@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group3", "group4", "tiff_ccitt", "lzma", "zstd"]
)
def test_files_of_libtiff_are_what_pillow_says(mode: str, compression: str | None) -> None:
    """Two decoders and, with libtiff, another encoder."""
    image = Image.fromarray(truth(1, 16)[..., 0]) if mode == "I;16" else Image.fromarray(truth(4, 8), "RGBA").convert(mode)
    if mode == "1" or compression in ("group3", "group4", "tiff_ccitt"):
        image = Image.fromarray(truth(1, 8)[..., 0] > 99)
    elif compression == "jpeg" and mode in ("P", "PA", "I;16"):
        pytest.skip("libtiff encodes no such file")
    stream = io.BytesIO()
    if image.mode == "1" and compression == "jpeg":
        pytest.skip("libtiff encodes no such file")
    image.save(stream, "TIFF", compression=compression)
    file = images.Encoded("x.tif", stream.getvalue())
    again = Image.open(io.BytesIO(stream.getvalue()))
    if mode == "I;16" and image.mode == mode:
        np.testing.assert_array_equal(images.read(file, 1).pixels[..., 0], np.asarray(again))
        return
    channels = 4 if again.has_transparency_data else 3
    expected = np.asarray(again.convert("RGBA" if channels == 4 else "RGB")).astype(int)
    assert np.abs(images.read(file, channels).pixels - expected).max() <= (2 if compression == "jpeg" or mode == "YCbCr" else 0)


@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
@pytest.mark.parametrize("how", [{}, {"tile": (16, 32)}, {"subsampling": (1, 1)}])
def test_jpeg_in_a_tiff(photometric: str, how: dict[str, Any]) -> None:
    pixels = np.full((32, 64, 3), (200, 100, 50), np.uint8) if photometric == "rgb" else np.full((32, 64), 90, np.uint8)
    if photometric != "rgb" and "subsampling" in how:
        pytest.skip("gray has no chroma")
    file = written(pixels, photometric=photometric, compression="jpeg", **how)
    assert np.abs(images.read(file, 3).pixels - np.broadcast_to(pixels.reshape(32, 64, -1), (32, 64, 3)).astype(int)).max() <= 3


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("depth", [8, 16])
def test_orientation(turned: int, depth: int) -> None:
    file = written(truth(1, depth)[..., 0], extratags=[(274, 3, 1, turned, True)])
    upright = images.read(file, 1).pixels
    header = images.probe(file)
    assert upright.shape[:2] == (header.height, header.width) == ((40, 56) if turned < 5 else (56, 40))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[turned]
    assert upright[corner][0] == truth(1, depth)[0, 0, 0]  # the first pixel that is stored lies there


@pytest.mark.parametrize(
    ("pixels", "options", "words"),
    [
        (np.zeros((8, 8, 5), "u1"), {"photometric": "minisblack", "planarconfig": "contig"}, "has 5 bands"),
        (np.zeros((5, 8, 8), "u2"), {"photometric": "minisblack", "planarconfig": "separate"}, "has 5 bands"),
        (np.zeros((8, 8, 5), "u1"), {"photometric": "rgb"}, "has 5 bands, RGB and 2 more"),
        (np.zeros((8, 8, 2), "u1"), {"photometric": "minisblack", "planarconfig": "contig"}, "has 2 bands"),
        (np.zeros((8, 8, 5), "u1"), {"photometric": "separated", "extrasamples": ["unassalpha"]}, "has 5 bands, CMYK and 1 more"),
        (np.zeros((8, 8), "f2"), {}, "float16"),
        (np.zeros((8, 8), "f4"), {}, "float32"),
        (np.zeros((8, 8), "f8"), {"compression": "zlib", "predictor": True}, "float64"),
        (np.zeros((8, 8), "i2"), {}, "int16"),
        (np.zeros((8, 8), "i1"), {}, "int8"),
        (np.zeros((8, 8), "u4"), {}, "uint32"),
        (np.zeros((8, 8), "c8"), {}, "complex64"),
        (np.zeros((8, 8, 3), "u1"), {"photometric": 8}, "CIELab"),
        (np.zeros((8, 8), "u1"), {"compression": "webp"}, "compressed by WEBP"),
        (np.zeros((8, 8), "u2"), {"compression": "jpegxl"}, "compressed by JPEGXL"),
        (np.zeros((4, 16, 16), "u1"), {"volumetric": True, "tile": (4, 16, 16), "photometric": "minisblack"}, "volume of 4 planes"),
        (np.zeros((8, 8), "u2"), {"photometric": "palette", "colormap": np.zeros((3, 65536), "u2")}, "palette of 16 bits"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(pixels: np.ndarray, options: dict[str, Any], words: str) -> None:
    if options.get("compression") == "webp":
        pixels = np.zeros((8, 8, 3), "u1")
        options = {**options, "photometric": "rgb"}
    assert words in refused(written(pixels, **options))


def test_bands_that_are_no_colours_are_read_where_as_many_channels_are_asked_for() -> None:
    for bands in (2, 3, 4):
        for depth in (8, 16):
            pixels = truth(bands, depth)
            file = written(pixels, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"] * (bands - 1))
            assert images.probe(file).channels == bands
            np.testing.assert_array_equal(images.read(file, bands).pixels, pixels)
            message = refused(file, 1)
            assert f"has {bands} bands" in message and f"train with channels: {bands}" in message


def test_a_negative_of_a_camera_is_no_picture() -> None:
    file = written(truth(3, 8), extratags=[(50706, 1, 4, bytes([1, 4, 0, 0]), True)])
    assert "is a camera's raw file, not an image that is read" in refused(file)


def test_further_pages_are_told_and_smaller_copies_and_masks_are_none() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for subfile in (0, 1, 1):
            writer.write(truth(3, 8), photometric="rgb", subfiletype=subfile, metadata=None)
    assert not images.probe(images.Encoded("x.tif", stream.getvalue())).several
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for page in (truth(3, 8), truth(3, 16), truth(1, 8)[..., 0]):
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    picture = images.read(images.Encoded("x.tif", stream.getvalue()), 3)
    assert picture.several and np.array_equal(picture.pixels, truth(3, 8))


def test_tiles_that_gdal_left_out_are_zero() -> None:
    data = bytearray(written(np.full((32, 32), 9, np.uint8), tile=(16, 16)).data)
    page = tifffile.TiffFile(io.BytesIO(data)).pages.first
    counts = page.tags[325]
    struct.pack_into("<I" if counts.dtype == 4 else "<H", data, counts.valueoffset, 0)
    pixels = images.read(images.Encoded("x.tif", bytes(data)), 1).pixels[..., 0]
    assert (pixels[:16, :16] == 0).all() and (pixels[16:] == 9).all() and (pixels[:, 16:] == 9).all()


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"compression": "lzw"}, {"compression": "jpeg"}, {"tile": (16, 16)}])
def test_a_file_that_is_cut_short_is_refused(how: dict[str, Any]) -> None:
    data = written(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8), **how).data
    for end in (len(data) - 1, len(data) * 3 // 4):
        with pytest.raises(UserError, match="damaged"):
            images.read(images.Encoded("x.tif", data[:end]), 3)
