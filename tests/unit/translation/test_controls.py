"""Colours kept as promised, in numbers; masks, styles and layers as a user writes them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import draw
from PIL import Image

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.translation import controls

PHOTO, STYLE = (images.to_tensor(draw(number, size))[None] for number, size in ((1, 40), (2, 56)))


def chroma(picture: torch.Tensor) -> torch.Tensor:
    """R - Y and B - Y in 8-bit levels, [1, 2, H, W]."""
    return (picture - controls.luminance(picture))[:, [0, 2]] * 255 / 2


def test_luminance_is_rec_601() -> None:
    red, white = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    assert controls.luminance(red).item() == pytest.approx(2 * 0.299 - 1)
    assert controls.luminance(white).item() == pytest.approx(1.0)


@pytest.mark.parametrize("spread", [0.3, 5.0])  # 5: most values must give way
def test_the_photos_chroma_survives_any_luminance(spread: float) -> None:
    stylised = spread * torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    result = controls.with_chroma(stylised, PHOTO)
    assert result.abs().max() <= 1 + 1e-6
    written = images.to_tensor(images.to_pixels(result[0]))[None]
    assert (chroma(written) - chroma(PHOTO)).abs().max() <= 1.0  # of 255: rounding alone
    free = (result.abs() < 1 - 1e-6).all(dim=1, keepdim=True)
    torch.testing.assert_close(controls.luminance(result)[free], stylised[free], atol=1e-5, rtol=0)
    assert free.float().mean() > 0.05


def test_luminance_takes_the_photos_mean_and_deviation() -> None:
    photo = controls.luminance(PHOTO)
    matched = controls.match_luminance(controls.luminance(STYLE), photo)
    assert matched.mean().item() == pytest.approx(photo.mean().item(), abs=1e-5)
    assert matched.std(correction=0).item() == pytest.approx(photo.std(correction=0).item(), abs=1e-5)
    assert controls.match_luminance(torch.zeros(1, 1, 4, 4), photo).isfinite().all()


def test_recolouring_takes_the_photos_mean_and_covariance() -> None:
    recoloured = controls.recolour(STYLE, PHOTO).flatten(2)[0]
    wanted = PHOTO.flatten(2)[0]
    torch.testing.assert_close(recoloured.mean(dim=1), wanted.mean(dim=1), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.cov(recoloured), torch.cov(wanted), atol=1e-3, rtol=0)
    assert (torch.cov(STYLE.flatten(2)[0]) - torch.cov(wanted)).abs().max() > 0.02  # there was something to do


def test_recolouring_a_gray_or_plain_style_stays_finite() -> None:
    for style in (controls.luminance(STYLE).expand(-1, 3, -1, -1), torch.zeros(1, 3, 8, 8)):
        assert controls.recolour(style, PHOTO).abs().max() < 10


def test_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b:2", "c:d.png"):
        Path(name).touch()
    assert controls.parse_style("a.png") == (Path("a.png"), None)
    assert controls.parse_style("a.png:0.25") == (Path("a.png"), 0.25)
    assert controls.parse_style("b:2") == (Path("b:2"), None)
    assert controls.parse_style("c:d.png:1") == (Path("c:d.png"), 1.0)
    for text in ("d.png", "d.png:0.5"):
        with pytest.raises(UserError, match=f"--style {text}: no such file"):
            controls.parse_style(text)
    for share in ("-1", "2", "nan", "much", ""):
        with pytest.raises(UserError, match=f"--style a.png: the share '{share}' is no number from 0 to 1"):
            controls.parse_style(f"a.png:{share}")


def test_shares() -> None:
    assert controls.shares_of([None, None]) == [0.5, 0.5]
    assert controls.shares_of([1.0, 0.0]) == [1.0, 0.0]
    assert controls.shares_of([0.3334, 0.3333, 0.3333]) == pytest.approx([0.3334, 0.3333, 0.3333])
    for given, why in (([0.5, None], "give every style a share, or none"), ([0.7, 0.7], "sum to 1.4, not to 1"), ([0.5], "sum to 0.5")):
        with pytest.raises(UserError, match=why):
            controls.shares_of(given)


def test_layers() -> None:
    assert controls.parse_layers("--style-layers", "relu1_1, relu2_1=0.5", "vgg19") == {"relu1_1": 1.0, "relu2_1": 0.5}
    for text, why in (
        ("relu1_1,rely2_1", "did you mean relu2_1?"),
        ("relu3_4", "vgg16 has no layer 'relu3_4'"),
        ("xyz", "has no layer 'xyz'; it has conv1_1 to pool5"),
        ("relu1_1,relu1_1", "names relu1_1 twice"),
        ("relu1_1=-1", "must be a positive number"),
        ("relu1_1=much", "must be a positive number"),
    ):
        with pytest.raises(UserError) as mistake:
            controls.parse_layers("--style-layers", text, "vgg16")
        assert str(mistake.value).startswith(f"--style-layers {text}: ") and why in str(mistake.value)


def test_masks(tmp_path: Path) -> None:
    gray = np.tile(np.array([0, 51, 255], np.uint8), (2, 1))[..., None]
    images.write(tmp_path / "mask.png", gray)
    images.write(tmp_path / "black.png", gray * 0)
    mask = controls.read_mask(tmp_path / "mask.png", Path("photo.png"), 2, 3)
    torch.testing.assert_close(mask, torch.tensor([0.0, 0.2, 1.0]).expand(1, 1, 2, 3))
    with pytest.raises(UserError, match=r"is 3 x 2 pixels, but photo.png is 5 x 4"):
        controls.read_mask(tmp_path / "mask.png", Path("photo.png"), 4, 5)
    with pytest.raises(UserError, match="black everywhere"):
        controls.read_mask(tmp_path / "black.png", Path("photo.png"), 2, 3)


def test_a_mask_drawn_on_stored_pixels_hears_of_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (24, 16)).save(tmp_path / "photo.jpg", exif=exif)
    images.write(tmp_path / "mask.png", np.full((16, 24, 1), 255, np.uint8))
    with pytest.raises(UserError, match=r"is 24 x 16 pixels, but .*photo\.jpg is 16 x 24 when turned by its EXIF orientation 6"):
        controls.read_mask(tmp_path / "mask.png", tmp_path / "photo.jpg", 24, 16)
