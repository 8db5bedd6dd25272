"""Image files: what is written is what is read; which files of a folder are images."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import random_pixels
from PIL import ExifTags, Image

from gan_style.errors import UserError
from gan_style.files import images


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
