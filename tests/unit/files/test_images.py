"""Image files: what is written is what is read, and what cannot be read is named."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from gan_style.errors import UserError
from gan_style.files import images

RNG = np.random.default_rng(0)


def random_pixels(height: int, width: int, channels: int, depth: int = 8) -> np.ndarray:
    return RNG.integers(0, 2**depth, (height, width, channels)).astype(np.uint8 if depth == 8 else np.uint16)


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that claims a size and holds `data` (compressed) as its pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_lossless_formats_keep_pixels_and_depth(tmp_path: Path, suffix: str, channels: int, depth: int) -> None:
    pixels = random_pixels(5, 7, channels, depth)
    path = tmp_path / "deep" / f"x{suffix}"
    images.write(path, pixels)
    picture = images.read(path, channels)
    assert picture.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert not picture.labels and picture.alpha is None
    assert images.probe(path) == images.Header(7, 5, channels, depth, False)
    assert [file.name for file in path.parent.iterdir()] == [path.name], "a temporary file was left"


@pytest.mark.parametrize(
    ("suffix", "channels"), [(".bmp", 3), (".webp", 3), (".webp", 4), (".ppm", 3), (".pgm", 1), (".bmp", 1), (".png", 2)]
)
def test_other_lossless_formats(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = random_pixels(5, 7, channels)
    images.write(tmp_path / f"x{suffix}", pixels)
    np.testing.assert_array_equal(images.read(tmp_path / f"x{suffix}", channels).pixels, pixels)


def test_jpeg_is_close(tmp_path: Path) -> None:
    pixels = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    images.write(tmp_path / "x.jpg", pixels)
    assert np.abs(images.read(tmp_path / "x.jpg", 3).pixels.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("depth", [8, 16])
def test_gray_is_rec_601_and_gray_becomes_rgb(tmp_path: Path, depth: int) -> None:
    top = 2**depth - 1
    pixels = np.zeros((1, 4, 3), np.uint8 if depth == 8 else np.uint16)
    pixels[0, 0, 0] = pixels[0, 1, 1] = pixels[0, 2, 2] = top
    pixels[0, 3] = top
    images.write(tmp_path / "x.png", pixels)
    gray = images.read(tmp_path / "x.png", 1).pixels[0, :, 0]
    np.testing.assert_allclose(gray, np.array([0.299, 0.587, 0.114, 1.0]) * top, atol=1)
    assert gray[3] == top
    images.write(tmp_path / "g.png", pixels[..., :1])
    rgb = images.read(tmp_path / "g.png", 3).pixels
    np.testing.assert_array_equal(rgb, np.repeat(pixels[..., :1], 3, axis=2))


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_is_kept_beside_or_within(tmp_path: Path, depth: int) -> None:
    pixels = random_pixels(4, 6, 4, depth)
    pixels[0, :, 3] = 0  # colours under full transparency survive too
    images.write(tmp_path / "x.png", pixels)
    beside = images.read(tmp_path / "x.png", 3)
    assert beside.alpha is not None
    np.testing.assert_array_equal(beside.pixels, pixels[..., :3])
    np.testing.assert_array_equal(beside.alpha, pixels[..., 3])
    gray = images.read(tmp_path / "x.png", 1)
    assert gray.alpha is not None and gray.pixels.shape == (4, 6, 1)
    np.testing.assert_array_equal(gray.alpha, pixels[..., 3])
    images.write(tmp_path / "opaque.png", pixels[..., :3])
    opaque = images.read(tmp_path / "opaque.png", 4)
    assert (opaque.pixels[..., 3] == 2**depth - 1).all() and opaque.alpha is None


def test_palette_file_is_a_label_map_with_its_own_colours(tmp_path: Path) -> None:
    indices = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("P")
    indices.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 255])
    indices.save(tmp_path / "p.png")
    picture = images.read(tmp_path / "p.png", 3)
    assert picture.labels
    np.testing.assert_array_equal(picture.pixels, [[[10, 20, 30], [200, 0, 0]], [[0, 0, 255], [200, 0, 0]]])
    assert images.probe(tmp_path / "p.png").palette
    indices.save(tmp_path / "t.png", transparency=1)
    alpha = images.read(tmp_path / "t.png", 3).alpha
    np.testing.assert_array_equal(alpha, [[255, 0], [255, 0]])


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", ".jpg"), ("1", ".png"), ("LA", ".png"), ("P", ".tif"), ("P", ".bmp"), ("YCbCr", ".jpg")]
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_other_modes_of_pil(tmp_path: Path, mode: str, suffix: str, channels: int) -> None:
    """A flat gray of 255 is white and opaque in every mode and number of channels."""
    Image.new("RGB", (16, 8), "white").convert(mode).save(tmp_path / f"x{suffix}")
    picture = images.read(tmp_path / f"x{suffix}", channels)
    assert picture.pixels.shape == (8, 16, channels) and picture.pixels.min() >= 254
    assert picture.labels == images.probe(tmp_path / f"x{suffix}").palette == (mode == "P")


def test_a_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    pixels = np.zeros((1, 2, 3), np.uint8)
    pixels[0, 1] = 9
    Image.fromarray(pixels).save(tmp_path / "rgb.png", transparency=(9, 9, 9))
    Image.fromarray(pixels[..., 0]).save(tmp_path / "gray.png", transparency=9)
    for name, channels in (("rgb.png", 4), ("gray.png", 2)):
        assert images.probe(tmp_path / name).channels == channels
        for asked in (1, 3):
            alpha = images.read(tmp_path / name, asked).alpha
            assert alpha is not None and alpha.tolist() == [[255, 0]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["8.png", "16.png", "8.tif", "16.tif", "8.jpg"])
def test_exif_orientation(tmp_path: Path, kind: str, orientation: int) -> None:
    """Each corner of the upright picture has its own gray, wherever the file stores it."""
    upright = np.zeros((16, 24, 1), np.uint8)
    upright[:8, :12], upright[:8, 12:], upright[8:, :12], upright[8:, 12:] = 40, 100, 160, 220
    stored = {  # what the orientation's definition says: where row 0 and column 0 of the stored data lie in the upright picture
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    depth = int(kind.split(".")[0])
    scale = 1 if depth == 8 else 257
    path = tmp_path / kind
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    gray = np.ascontiguousarray(stored[..., 0]).astype(np.uint8 if depth == 8 else np.uint16) * scale
    Image.fromarray(gray).save(path, exif=exif)
    picture = images.read(path, 1)
    assert images.probe(path) == images.Header(24, 16, 1, depth, False)
    assert picture.pixels.shape == (16, 24, 1)
    middles = picture.pixels[4::8, 6::12, 0].astype(int)
    np.testing.assert_allclose(middles, np.array([[40, 100], [160, 220]]) * scale, atol=3 if kind == "8.jpg" else 0)


def bad_files() -> dict[str, tuple[str, bytes]]:
    noise = Image.fromarray(random_pixels(64, 64, 3))
    streams = {kind: io.BytesIO() for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")}
    for kind, stream in streams.items():
        noise.save(stream, kind)
    whole = {kind: stream.getvalue() for kind, stream in streams.items()}
    deep = cv2.imencode(".png", random_pixels(64, 64, 3, 16))[1].tobytes()
    floats = cv2.imencode(".tif", np.zeros((4, 4), np.float32))[1].tobytes()
    return {
        "half.jpg": ("cut short", whole["JPEG"][: len(whole["JPEG"]) // 2]),
        "half.png": ("cut short", whole["PNG"][: len(whole["PNG"]) // 2]),
        "half16.png": ("cut short", deep[: len(deep) // 2]),
        "half.webp": ("half.webp: ", whole["WEBP"][: len(whole["WEBP"]) // 2]),
        "half.tif": ("half.tif: ", whole["TIFF"][: len(whole["TIFF"]) // 2]),
        "half.bmp": ("cut short", whole["BMP"][: len(whole["BMP"]) // 2]),
        "start.jpg": ("start.jpg: ", whole["JPEG"][:30]),
        "start.png": ("start.png: ", whole["PNG"][:20]),
        "empty.png": ("empty", b""),
        "text.png": ("not an image", b"a picture of a cat\n" * 40),
        "huge.png": ("pixels allowed", png_header(200_000, 200_000)),
        "large.png": ("pixels allowed", png_header(12_000, 12_000)),
        "hollow.png": ("cut short", png_header(300, 300, zlib.compress(b"\0" * 50))),
        "float.tif": ("convert it", floats),
        "vector.png": ("not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
        "deep.ppm": ("convert it", cv2.imencode(".ppm", random_pixels(4, 4, 3, 16))[1].tobytes()),
    }


@pytest.mark.parametrize("name", bad_files())
def test_bad_files_are_named_in_one_line(tmp_path: Path, name: str) -> None:
    reason, data = bad_files()[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UserError, match=reason) as caught:
        images.read(path, 3)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.png: cannot be opened"):
        images.read(tmp_path / "no.png", 3)
    with pytest.raises(UserError, match="cannot be opened"):
        images.probe(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        images.find_images(tmp_path / "nowhere")


def test_write_refuses_what_a_format_cannot_hold(tmp_path: Path) -> None:
    for name, pixels in [("x.jpg", random_pixels(2, 2, 3, 16)), ("x.jpg", random_pixels(2, 2, 4)), ("x.gif", random_pixels(2, 2, 3))]:
        with pytest.raises(UserError, match=r"use .*\.png"):
            images.write(tmp_path / name, pixels)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        images.write(tmp_path / "file" / "x.png", random_pixels(2, 2, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_tensors_and_back_are_exact() -> None:
    for depth, dtype in ((8, np.uint8), (16, np.uint16)):
        every = np.arange(2**depth, dtype=dtype).reshape(2, -1, 1)
        tensor = images.to_tensor(every)
        assert tensor.shape == (1, 2, 2**depth // 2) and tensor.dtype == torch.float32
        assert tensor.min() == -1 and tensor.max() == 1
        back = images.to_pixels(tensor, depth)
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, every)
    assert images.to_tensor(np.array([[[0, 51, 255]]], np.uint8))[:, 0, 0].tolist() == pytest.approx([-1, -0.6, 1])


def test_to_pixels_rounds_clamps_and_survives_nan() -> None:
    image = torch.tensor([-2.0, 2.0, 0.004, float("nan"), float("inf")]).reshape(1, 1, 5)
    assert images.to_pixels(image).ravel().tolist() == [0, 255, 128, 0, 255]
    assert images.to_pixels(image.half(), 16).ravel().tolist()[:2] == [0, 65535]


def test_resize_labels_makes_no_new_colour_and_pictures_are_averaged() -> None:
    checkers = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    assert set(np.unique(images.resize(checkers, 5, 11, labels=True))) == {0, 255}
    halved = images.resize(checkers, 4, 4)
    assert halved.shape == (4, 4, 1) and set(np.unique(halved)) <= {127, 128}, "area means of two blacks and two whites"
    flat = np.full((6, 9, 3), 77, np.uint16)
    for size in [(3, 20), (20, 3), (6, 9), (1, 1)]:
        resized = images.resize(flat, *size)
        assert resized.shape == (*size, 3) and resized.dtype == np.uint16 and (resized == 77).all()


def test_validation_sizes() -> None:
    assert images.validation_size("resize_and_crop", 286, 256, 100, 200) == (256, 256)
    assert images.validation_size("scale_width", 300, 256, 100, 200) == (150, 300)
    assert images.validation_size("scale_width_and_crop", 300, 256, 100, 200) == (150, 300)
    assert images.validation_size("scale_width", 10, 10, 1, 1000) == (1, 10)
    assert images.validation_size("crop", 286, 256, 100, 200) == (100, 200)
    assert images.validation_size("none", 286, 256, 100, 200) == (100, 200)


def test_find_images_is_sorted_recursive_and_skips_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a.tif", ".x.png", ".cache/y.png", "notes.txt", "a/.z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    elsewhere = tmp_path.with_name(f"{tmp_path.name}_elsewhere")
    elsewhere.mkdir()
    (elsewhere / "l.png").touch()
    (tmp_path / "linked").symlink_to(elsewhere)
    assert [path.as_posix() for path in images.find_images(tmp_path)] == ["a.tif", "a/z.jpg", "b.PNG", "linked/l.png"]


def test_find_images_does_not_follow_a_well_to_its_ground(tmp_path: Path) -> None:
    subprocess.run(["mkdir", "-p", str(tmp_path) + "/d" * 1100], check=True)  # deeper than Python's own walk can go
    with pytest.raises(UserError, match="nested more than 100 deep"):
        images.find_images(tmp_path)
    subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)  # shutil.rmtree would stumble


def test_webp_keeps_the_colours_under_transparent_pixels(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 200, np.uint8)
    pixels[..., 3] = 0
    images.write(tmp_path / "clear.webp", pixels)
    assert np.array_equal(images.read(tmp_path / "clear.webp", channels=4).pixels, pixels)


def test_an_image_in_memory_reads_as_its_file_does(tmp_path: Path) -> None:
    for depth, channels in ((8, 3), (16, 1), (16, 4)):
        path = tmp_path / f"{depth}_{channels}.png"
        images.write(path, random_pixels(5, 7, channels, depth))
        encoded = images.Encoded("row 3", path.read_bytes())
        assert images.probe(encoded) == images.probe(path)
        assert np.array_equal(images.read(encoded, channels).pixels, images.read(path, channels).pixels)
    for data, words in ((b"", "empty"), (b"text", "not an image"), (path.read_bytes()[:60], "damaged or cut short")):
        with pytest.raises(UserError, match=f"row 3: .*{words}"):
            images.read(images.Encoded("row 3", data), 3)


@pytest.mark.parametrize(("size", "target"), [((1, 100_000), (286, 28_600_000)), ((100_000, 1), (100_000_000, 9)), ((1, 1), (5793, 5793))])
def test_a_ribbon_is_not_enlarged_to_gigabytes(size: tuple[int, int], target: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=rf"^in/a\.png: has {size[1]} x {size[0]} pixels and would be resized to {target[1]} x {target[0]}"):
        images.resize(np.zeros((*size, 3), np.uint8), *target, name="in/a.png")


def test_large_pictures_may_shrink_and_grow_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_RESIZED", 100)
    assert images.resize(np.zeros((20, 30, 3), np.uint8), 25, 24).shape == (25, 24, 3), "it has as many pixels already"
    assert images.resize(np.zeros((2, 3, 3), np.uint8), 20, 30, limit=600).shape == (20, 30, 3)


@pytest.mark.parametrize(("name", "width"), [("x.webp", 16384), ("x.jpg", 65536)])
def test_sides_that_a_format_cannot_hold(tmp_path: Path, name: str, width: int) -> None:
    with pytest.raises(UserError, match=rf"{name}: {width} x 1 pixels do not fit this format .*; use \.png"):
        images.write(tmp_path / name, np.zeros((1, width, 3), np.uint8))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", [b"a b\n.png", b"\xff.png", b"\x1b[2J.tif", "\u2028 \u202e.webp".encode(), b"-x.png", b"%s{}.jpg"])
def test_odd_names(tmp_path: Path, name: bytes) -> None:
    for depth in (8, 16):
        path = tmp_path / os.fsdecode(name)
        if depth == 16 and path.suffix not in (".png", ".tif"):
            continue
        images.write(path, random_pixels(3, 4, 3, depth))
        assert images.read(path, 3).pixels.shape == (3, 4, 3) and images.probe(path).depth == depth
        assert images.find_images(tmp_path) == [Path(path.name)]
