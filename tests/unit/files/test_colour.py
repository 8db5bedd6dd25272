"""Colours with a profile become sRGB in every format and depth; those without one, of sRGB and of label maps stay to the bit."""

import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import profiles
import pytest
import tifffile
from PIL import Image, ImageCms

from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.reading import read_both
from gan_style.errors import UserError
from gan_style.files import colour, images

ORANGE = (230, 40, 30)  # in Display P3
FORMATS = ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"]


@pytest.fixture(autouse=True)
def _untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "_told", set())


def flat(kind: str, value: Any, mode: str = "RGB", **options: Any) -> images.Encoded:
    if kind in ("WEBP", "AVIF"):
        options |= {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": "4:4:4"}
    if kind == "JPEG":
        options |= {"quality": 100, "subsampling": 0}
    stream = io.BytesIO()
    Image.new(mode, (16, 16), value).save(stream, kind, **options)
    return images.Encoded(f"x.{kind.lower()}", stream.getvalue())


def deep(kind: str, value: Any, profile: bytes) -> images.Encoded:
    pixels = np.tile(np.array(value, np.uint16), (16, 16, 1))
    if kind == "TIFF":
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels if len(value) > 1 else pixels[..., 0], iccprofile=profile, metadata=None)
        return images.Encoded("x.tif", stream.getvalue())
    data = cv2.imencode(".png", pixels[..., ::-1] if len(value) == 3 else pixels)[1].tobytes()
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "PNG", icc_profile=profile)
    chunk = stream.getvalue()[33:]  # behind the header lies the profile
    return images.Encoded("x.png", data[:33] + chunk[: 12 + int.from_bytes(chunk[:4], "big")] + data[33:])


def first(file: images.Encoded, channels: int = 3, **options: Any) -> list[int]:
    return images.read(file, channels, **options).pixels[8, 8].tolist()


def srgb_of_p3(value: tuple[int, ...], top: int = 255) -> np.ndarray:
    """By the definitions: linear light, one 3 x 3 matrix, the curve of sRGB."""
    light = np.array(value) / top
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    light = np.linalg.inv(np.array(profiles.SRGB_COLORANTS).T) @ np.array(profiles.P3_COLORANTS).T @ light
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * top


@pytest.mark.parametrize("kind", FORMATS)
def test_display_p3_becomes_srgb(kind: str) -> None:
    converted = first(flat(kind, ORANGE, icc_profile=profiles.display_p3()))
    np.testing.assert_allclose(converted, srgb_of_p3(ORANGE), atol=4 if kind == "AVIF" else 2)
    assert converted[0] >= 251 and converted[1] <= 5
    np.testing.assert_allclose(first(flat(kind, ORANGE)), ORANGE, atol=2)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("value", [(50_000, 20_000, 30_000), (12_345, 54_321, 33_333), (65_535, 65_535, 65_535), (0, 0, 0)])
def test_16_bits_are_converted_at_16_bits(kind: str, value: tuple[int, int, int]) -> None:
    converted = first(deep(kind, value, profiles.display_p3()))
    np.testing.assert_allclose(converted, srgb_of_p3(value, 65_535), atol=40)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_with_a_gamma_of_its_own(kind: str) -> None:
    expected = 1.055 * (0.5 ** (1.8 / 2.4)) - 0.055
    for channels in (1, 3):
        assert first(flat(kind, 128, "L", icc_profile=profiles.gray(1.8)), channels) == pytest.approx([expected * 255] * channels, abs=2)
        assert first(deep(kind, [32_768], profiles.gray(1.8)), channels) == pytest.approx([expected * 65_535] * channels, abs=60)


def test_gray_with_a_profile_of_rgb() -> None:
    expected = 255 * (1.055 * 0.5 ** (1.8 / 2.4) - 0.055)
    assert first(flat("PNG", 128, "L", icc_profile=profiles.rgb(profiles.SRGB_COLORANTS, 1.8)), 1) == pytest.approx([expected], abs=2)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_look_as_their_profile_says(kind: str) -> None:
    orange = (62.0, 43.0, 66.0)  # Lab of about (228, 114, 20)
    profile = profiles.inks({(0, 0, 0, 0): (100.0, 0.0, 0.0), (0, 1, 1, 0): orange})
    assert first(flat(kind, (0, 0, 0, 0), "CMYK", icc_profile=profile)) == pytest.approx([255, 255, 255], abs=2)
    assert first(flat(kind, (0, 255, 255, 0), "CMYK", icc_profile=profile)) == pytest.approx([228, 114, 20], abs=6)
    assert first(flat(kind, (0, 255, 255, 0), "CMYK")) == pytest.approx([255, 0, 0], abs=2)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "profile", [profiles.rgb(profiles.SRGB_COLORANTS), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]
)
def test_srgb_stays_to_the_bit(kind: str, profile: bytes) -> None:
    file, plain = flat(kind, ORANGE, icc_profile=profile), flat(kind, ORANGE)
    assert colour.conversion(profile, "RGB", 8, Path("x")) is None and colour.conversion(profile, "RGB", 16, Path("x")) is None
    assert first(file) == first(plain)


def test_label_maps_keep_their_colours() -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, *ORANGE])
    for kind in ("PNG", "TIFF"):
        stream = io.BytesIO()
        palette.save(stream, kind, icc_profile=profiles.display_p3())
        assert images.read(images.Encoded("x", stream.getvalue()), 3).pixels[4, 4].tolist() == list(ORANGE)
    assert first(flat("PNG", ORANGE, icc_profile=profiles.display_p3()), srgb=False) == list(ORANGE)


def test_an_alpha_is_no_colour() -> None:
    for kind in ("PNG", "WEBP", "TIFF"):
        picture = images.read(flat(kind, (*ORANGE, 77), "RGBA", icc_profile=profiles.display_p3()), 4)
        np.testing.assert_allclose(picture.pixels[8, 8], [*srgb_of_p3(ORANGE), 77], atol=2)
    gray = images.read(flat("PNG", (128, 77), "LA", icc_profile=profiles.gray(1.8)), 2).pixels[8, 8]
    assert gray[1] == 77 and gray[0] != 128


def test_gray_is_made_of_the_converted_colours() -> None:
    file = flat("PNG", ORANGE, icc_profile=profiles.display_p3())
    assert first(file, 1) == pytest.approx([srgb_of_p3(ORANGE) @ [0.299, 0.587, 0.114]], abs=2)


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        (b"no profile at all" * 20, "cannot be used"),
        (profiles.display_p3()[:200], "cannot be used"),
        (profiles.inks({}), "is one for CMYK, not for RGB"),
        (profiles.gray(2.2), "is one for GRAY, not for RGB"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told_once_and_taken_as_srgb(profile: bytes, why: str) -> None:
    file = flat("PNG", ORANGE, icc_profile=profile)
    with pytest.warns(UserWarning, match=f"x.png: its colour profile {why}.*taken as sRGB"):
        assert first(file) == list(ORANGE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert first(file) == list(ORANGE)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("profile", "bands"),
    [
        (profiles.rgb(profiles.SRGB_COLORANTS, 0.0), 3),
        (profiles.rgb(((0.0, 0.0, 0.0),) * 3), 3),
        (profiles.rgb(((0.0, 0.0, 0.0), *profiles.SRGB_COLORANTS[1:])), 3),
        (profiles.gray(0.0), 1),
        (profiles.inks({}), 4),
    ],
    ids=["gamma 0", "no primaries", "no red", "gray of gamma 0", "black inks"],
)
def test_a_profile_that_tells_no_shades_apart_cannot_be_used(profile: bytes, bands: int, depth: int) -> None:
    plain = (200, 30, 90, 0)[:bands]
    if bands == 4:
        assert depth == 8 or isinstance(colour._conversion(profile, "CMYK", 16), str)
        file, expected = flat("TIFF", plain, "CMYK", icc_profile=profile), first(flat("TIFF", plain, "CMYK"))
    elif depth == 8:
        file, expected = flat("PNG", plain if bands == 3 else plain[0], "RGB" if bands == 3 else "L", icc_profile=profile), None
    else:
        file, expected = deep("TIFF", plain, profile), None
    with pytest.warns(UserWarning, match="its colour profile cannot be used .*shades.*taken as sRGB"):
        assert first(file, min(bands, 3)) == (expected or list(plain))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_profile_of_some_megabytes_is_read_in_every_format(kind: str) -> None:
    profile = profiles.display_p3()
    noise = np.random.default_rng(0).bytes(2 * 2**20)
    large = (len(profile) + len(noise)).to_bytes(4, "big") + profile[4:] + noise
    np.testing.assert_allclose(first(flat(kind, ORANGE, icc_profile=large)), srgb_of_p3(ORANGE), atol=4)


def test_a_profile_too_large_for_a_png_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    file = flat("PNG", ORANGE, icc_profile=bytes(colour.MAX_PROFILE + 1))
    with pytest.raises(UserError, match=r"x\.png: holds a colour profile or a text of more than 4 MB; .*exiftool"):
        first(file)


def test_a_profile_larger_than_any_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "MAX_PROFILE", 100)
    with pytest.warns(UserWarning, match="more than 100"):
        assert first(flat("TIFF", ORANGE, icc_profile=profiles.display_p3())) == list(ORANGE)


def test_a_conversion_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = ImageCms.buildTransform
    monkeypatch.setattr(ImageCms, "buildTransform", lambda *given: made.append(given) or original(*given))
    colour._conversion.cache_clear()
    for _ in range(3):
        first(flat("PNG", ORANGE, icc_profile=profiles.display_p3()))
    assert len(made) == 1


@pytest.mark.parametrize(("labels", "converted"), [("auto", True), ("no", True), ("yes", False)])
@pytest.mark.parametrize("layout", ["folders", "aligned"])
def test_training_sees_srgb_and_label_maps_as_they_are(tmp_path: Path, labels: Any, converted: bool, layout: Any) -> None:
    file = flat("PNG", ORANGE, icc_profile=profiles.display_p3())
    for folder in ("trainA", "trainB") if layout == "folders" else ("train",):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(file.data)
    domain = DomainConfig(labels=labels)
    config = DataConfig(root=str(tmp_path), source=layout, preprocess="none", flip=False, domain_a=domain)
    source = open_dataset(config, "train", "pairs", 0).source  # type: ignore[union-attr]
    pair = read_both(source, config, 0)
    for name, is_converted in (("a", converted), ("b", True)):
        np.testing.assert_allclose(pair[name].pixels[8, 4], srgb_of_p3(ORANGE) if is_converted else ORANGE, atol=2)
