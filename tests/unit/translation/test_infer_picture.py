"""Sizes, depth and alpha of results."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from tiny_bundles import pixels

from gan_style.bundles.file import BundleInfo, Resize
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import resolution
from gan_style.translation.inputs import Job
from gan_style.translation.picture import check_output_channels, fit_format, network_size, read_source, write_result


def info(preprocess: str = "resize_and_crop", labels: str = "auto", out_channels: int = 3) -> BundleInfo:
    resize = Resize.model_validate({"preprocess": preprocess, "load_size": 40, "crop_size": 32})
    fields = {"method": "pix2pix", "direction": "a2b", "translator": {}, "in_channels": 3, "size_multiple": 4, "step": 0, "labels": labels}
    return BundleInfo.model_validate({**fields, "out_channels": out_channels, "resize": resize})


@pytest.mark.parametrize(
    ("preprocess", "resize", "expected"),
    [
        ("resize_and_crop", "none", (60, 90)),
        ("resize_and_crop", "train", (32, 32)),
        ("scale_width", "train", (27, 40)),
        ("scale_width_and_crop", "train", (27, 40)),
        ("crop", "train", (60, 90)),
        ("none", "train", (60, 90)),
        ("none", 20, (20, 30)),
        ("none", 120, (120, 180)),
    ],
)
def test_network_size(preprocess: str, resize: int | str, expected: tuple[int, int]) -> None:
    assert network_size(info(preprocess), resize, 60, 90) == expected


def test_shorter_side_of_extreme_pictures() -> None:
    assert network_size(info(), 4, 900, 60) == (60, 4)
    assert network_size(info(), 1, 60, 900) == (1, 15)
    assert network_size(info(), 1, 3, 3) == (1, 1)


def test_a_ribbon_does_not_become_huge(tmp_path: Path) -> None:
    images.write(tmp_path / "ribbon.png", pixels(1, 20000))
    with pytest.raises(UserError, match=r"ribbon\.png: --resize 256: has 20000 x 1 pixels and would be resized to 5120000 x 256"):
        read_source(Job(tmp_path / "ribbon.png", tmp_path / "o.png"), info(), 256)


def test_label_maps_are_never_mixed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    palette = Image.fromarray(rng.integers(0, 3, (50, 50)).astype(np.uint8), "P")
    palette.putpalette([250, 0, 0, 0, 250, 0, 0, 0, 250])
    palette.save(tmp_path / "labels.png")
    palette.convert("RGB").save(tmp_path / "plain.png")

    def colours(name: str, labels: str) -> int:
        source = read_source(Job(tmp_path / name, tmp_path / "o.png"), info(labels=labels), "train")
        assert source.pixels.shape == (32, 32, 3)
        return len(np.unique(source.pixels.reshape(-1, 3), axis=0))

    assert colours("labels.png", "auto") == 3
    assert colours("labels.png", "no") > 3
    assert colours("plain.png", "yes") == 3
    assert colours("plain.png", "auto") > 3


@pytest.mark.parametrize("keep_resized", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("out_channels", [1, 3])
def test_size_depth_and_alpha(tmp_path: Path, out_channels: int, depth: int, suffix: str, keep_resized: bool) -> None:
    rgba = pixels(60, 90, 4, depth)
    rgba[:30, :, 3], rgba[30:, :, 3] = 2**depth - 1, 0
    images.write(tmp_path / "in.png", rgba)
    job = Job(tmp_path / "in.png", tmp_path / f"out{suffix}")
    source = read_source(job, info("scale_width"), "train")
    assert source.pixels.shape == (27, 40, 3) and (source.height, source.width) == (60, 90)

    write_result(source, torch.full((out_channels, 27, 40), 0.25), keep_resized)
    header = images.probe(job.target)
    assert (header.height, header.width) == ((27, 40) if keep_resized else (60, 90))
    deep = depth == 16 and suffix in (".png", ".tiff")
    assert header.depth == (16 if deep else 8)
    result = images.read(job.target, out_channels)
    opaque = result.pixels[: header.height // 3].astype(float)  # WebP does not keep colours that nobody sees
    assert np.abs(opaque / (2**header.depth - 1) - 0.625).max() < 0.005
    if suffix == ".jpg":
        assert result.alpha is None
    else:
        assert result.alpha is not None
        assert result.alpha[0, 0] == 2**header.depth - 1 and result.alpha[-1, -1] == 0


def test_no_alpha_where_there_was_none(tmp_path: Path) -> None:
    images.write(tmp_path / "in.png", pixels(8, 9))
    job = Job(tmp_path / "in.png", tmp_path / "out.png")
    write_result(read_source(job, info(), "none"), torch.zeros(3, 8, 9), False)
    assert images.probe(job.target).channels == 3


def test_gray_fits_formats_without_gray() -> None:
    gray, gray_alpha = pixels(2, 3, 1), pixels(2, 3, 2)
    np.testing.assert_array_equal(fit_format(gray, ".webp"), gray.repeat(3, axis=2))
    np.testing.assert_array_equal(fit_format(gray, ".png"), gray)
    np.testing.assert_array_equal(fit_format(gray_alpha, ".png"), gray_alpha)
    np.testing.assert_array_equal(fit_format(gray_alpha, ".webp"), gray_alpha[..., [0, 0, 0, 1]])
    np.testing.assert_array_equal(fit_format(gray_alpha.astype(np.uint16), ".png"), gray_alpha[..., [0, 0, 0, 1]])


def test_jpeg_has_no_alpha_channel() -> None:
    check_output_channels(info(out_channels=3), "jpg")
    check_output_channels(info(out_channels=4), "png")
    with pytest.raises(UserError, match="--format jpg"):
        check_output_channels(info(out_channels=4), "jpg")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("suffix", "exact"), [(".png", 0.02), (".tiff", 1e-6), (".jpg", 0.5), (".bmp", 0.02)])
def test_dots_per_inch_are_kept_at_the_size_of_the_file(tmp_path: Path, suffix: str, exact: float, deep: bool) -> None:
    if deep and suffix in (".jpg", ".bmp"):
        pytest.skip("of 8 bits")
    images.write(tmp_path / f"in{suffix}", pixels(8, 9, 3, 16 if deep else 8), (300.0, 150.0))
    job = Job(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
    source = read_source(job, info(), 4)
    write_result(source, torch.zeros(3, 4, 5), keep_resized=False)
    assert images.read(job.target, 3).dots_per_inch == pytest.approx((300, 150), abs=exact)
    with Image.open(job.target) as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=exact)
    write_result(source, torch.zeros(3, 4, 5), keep_resized=True)
    assert images.read(job.target, 3).dots_per_inch != pytest.approx((300, 150), abs=exact), "another size has other dots"


def test_dots_per_inch_turn_with_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "x.jpg", exif=exif, dpi=(300, 150))
    assert images.read(tmp_path / "x.jpg", 3).dots_per_inch == (150, 300)


@pytest.mark.parametrize("dots", [(0, 0), (-5, 300), (1e30, 300)])
def test_dots_that_cannot_be_are_none(dots: tuple[float, float]) -> None:
    assert resolution(*dots) is None
