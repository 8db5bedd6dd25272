"""Optimising a picture: the loss falls, and each control does what it says, measured. VGG's weights are random: no downloads."""

import math
from typing import Any

import pytest
import torch
from pictures import draw
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.losses.perceptual import gram_loss, gram_matrix
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.translation.gatys import Settings, Style, loss_terms, optimise, shares

LAYERS = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}
VGG = VGGFeatures("vgg16", list(LAYERS), "random", "avg")
PHOTO = images.to_tensor(draw(1, 48))[None, :, :40]  # [1, 3, 40, 48]
PAINTING = images.to_tensor(draw(3, 48))[None]
SETTINGS: dict[str, Any] = {"content_layers": {"relu3_1": 1.0}, "content_weight": 1e-2, "steps": 20}


def stripes(period: int, size: int = 48) -> Tensor:
    """Black and white stripes [1, 3, size, size] of `period` pixels."""
    return torch.where(torch.arange(size) % period < period / 2, 0.9, -0.9).expand(1, 3, size, size)


def style(picture: Tensor, **keys: Any) -> Style:
    return Style(picture, **{"layers": LAYERS, **keys})


def run(*styles: Style, photo: Tensor = PHOTO, **keys: Any) -> Tensor:
    result = optimise(VGG, photo, styles, Settings(**{**SETTINGS, **keys}))
    assert result.shape == photo.shape and result.abs().max() <= 1
    return result


def style_distance(picture: Tensor, target: Tensor, layers: dict[str, float] = LAYERS) -> float:
    """Mean relative distance of the Gram matrices."""
    found, wanted = VGG(picture), VGG(target)
    grams = [(gram_matrix(found[layer]), gram_matrix(wanted[layer])) for layer in layers]
    return sum((gram_loss(a, b) / gram_loss(torch.zeros_like(b), b)).item() for a, b in grams) / len(layers)


@pytest.mark.parametrize(("optimizer", "factor"), [("lbfgs", 20), ("adam", 8)])
def test_the_loss_falls(optimizer: str, factor: float) -> None:
    told: list[dict[str, float]] = []
    settings = Settings(**{**SETTINGS, "steps": 30, "optimizer": optimizer, "learning_rate": 0.05, "tv_weight": 1e-3})
    result = optimise(VGG, PHOTO, [style(PAINTING)], settings, told.append)
    assert 30 <= len(told) <= 60 and set(told[0]) == {"content", "style", "tv"}
    assert told[0]["content"] == 0
    assert sum(told[-1].values()) * factor < sum(told[0].values())
    assert style_distance(result, PAINTING) * factor < style_distance(PHOTO, PAINTING)


def test_the_terms_are_one_for_a_picture_without_features_at_any_size() -> None:
    """Mid-gray of VGG's mean has no features under weights without biases."""
    empty = (2 * VGG.normalise.mean - 1).expand(1, 3, 64, 64)
    for size in (32, 64):
        photo = images.to_tensor(draw(1, size))[None]
        terms = loss_terms(VGG, photo, [style(stripes(8)), style(stripes(4), weight=3.0)], Settings(**{**SETTINGS, "content_weight": 1.0}))
        found = terms(empty[..., :size, :size])
        assert found["content"].item() == pytest.approx(1.0, abs=1e-4) and found["style"].item() == pytest.approx(1.0, abs=1e-4)
        assert terms(photo)["content"].item() == 0


def test_strength() -> None:
    assert torch.equal(run(style(stripes(8)), strength=0.0), PHOTO)
    assert torch.equal(run(style(stripes(8)), strength=0.0, pyramid=2), PHOTO)
    moved = [(run(style(stripes(8)), strength=strength) - PHOTO).abs().mean().item() for strength in (1e-3, 1e-1, 10.0)]
    assert moved == sorted(moved) and moved[2] > 1.5 * moved[0]


def test_starts_from_noise_and_from_the_style() -> None:
    noise = [run(style(stripes(8)), start="noise", seed=seed, steps=5) for seed in (3, 3, 4)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])
    begun = run(style(stripes(8)), start="style", steps=1, pyramid=1)
    assert (begun - stripes(8)[..., 4:44, :]).abs().mean() < 0.2 < (begun - PHOTO).abs().mean()


def test_a_pyramid_splits_the_steps_and_leaves_out_levels_too_small() -> None:
    told: list[dict[str, float]] = []
    settings = Settings(**{**SETTINGS, "steps": 7, "optimizer": "adam", "pyramid": 8})
    optimise(VGG, PHOTO, [style(stripes(8))], settings, told.append)
    assert len(told) == 7
    for start in ("content", "noise"):
        assert style_distance(run(style(PAINTING), pyramid=3, start=start, steps=30), PAINTING) < 0.05


def test_each_region_takes_its_own_style() -> None:
    """Left and right halves; distances inside them, away from the border."""
    photo = 0.1 * torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    left = (torch.arange(64) < 32).float().expand(1, 1, 48, 64)
    result = run(style(PAINTING, mask=left), style(stripes(6), mask=1 - left), photo=photo, steps=30)
    regions = result[..., :28], result[..., 36:]
    for region, own, other in ((regions[0], PAINTING, stripes(6)), (regions[1], stripes(6), PAINTING)):
        assert 4 * style_distance(region, own) < style_distance(region, other)


def test_what_no_mask_covers_keeps_to_the_photo() -> None:
    left = (torch.arange(48) < 24).float().expand(1, 1, 40, 48)
    change = (run(style(stripes(8), mask=left)) - PHOTO).abs().mean(dim=(0, 1, 2))
    assert change[:24].mean() > 10 * change[32:].mean()


def test_shares() -> None:
    half, quarter = torch.zeros(2, 1, 1, 4, 4)
    half[..., :2], quarter[..., 3:] = 1, 1
    picture = stripes(4)
    assert shares([Style(picture)]) == [1.0]
    assert shares([Style(picture, weight=1.0), Style(picture, weight=3.0)]) == [0.25, 0.75]
    assert shares([Style(picture, mask=half), Style(picture, mask=1 - half)]) == [0.5, 0.5]
    assert shares([Style(picture, mask=half), Style(picture, mask=quarter)]) == [0.5, 0.25]
    assert shares([Style(picture, mask=half, weight=0.5), Style(picture, mask=half, weight=1.5)]) == [0.125, 0.375]


def test_a_larger_scale_makes_larger_strokes() -> None:
    """Stripes of 4 pixels in a picture of 48; three times as large they are 12."""
    photo = torch.zeros(1, 3, 48, 48)
    small, large = (run(style(stripes(4), scale=scale), photo=photo, start="noise", steps=40) for scale in (1.0, 3.0))
    edges = [(picture[..., 1:] - picture[..., :-1]).abs().mean().item() for picture in (small, large)]
    assert edges[0] > 1.5 * edges[1]
    assert style_distance(large, stripes(12)) < 0.5 * style_distance(small, stripes(12))
    assert style_distance(small, stripes(4)) < 0.5 * style_distance(large, stripes(4))


def test_layers_of_different_styles() -> None:
    """The colours of one picture at the first layer, the stripes of another at the third."""
    fine, coarse = {"relu1_1": 1.0}, {"relu3_1": 1.0}
    one, other = images.to_tensor(draw(5, 48))[None], stripes(16)
    result, swapped = (
        run(style(a, layers=fine), style(b, layers=coarse), start="noise", steps=40) for a, b in ((one, other), (other, one))
    )
    assert style_distance(result, one, fine) < 0.2 * style_distance(swapped, one, fine)
    assert style_distance(result, other, coarse) < 0.7 * style_distance(swapped, other, coarse)


def test_gray_stays_gray() -> None:
    gray = PHOTO.mean(dim=1, keepdim=True)
    assert run(style(stripes(8)[:, :1]), photo=gray).shape == gray.shape


def test_what_cannot_be_is_said_in_one_line() -> None:
    with pytest.raises(UserError, match="not finite"):
        run(style(stripes(8) * math.nan))
    with pytest.raises(UserError, match="too small for layer relu3_1"):
        run(style(stripes(8)), photo=PHOTO[..., :3])
