"""The transforms of ADA by hand: what each of its numbers does, that they are off without luck, and that gradients come through."""

import math

import pytest
import torch
from torch import Tensor

from gan_style.networks.layers.ada import LOTS, Kind, augmented

ALL: list[Kind] = ["blit", "geometry", "color"]
NAMES = (
    *("mirror?", "mirror", "turn?", "turn", "shift?", "down", "right"),
    *("scale?", "scale", "first?", "first", "stretch?", "stretch", "second?", "second", "move?", "across", "up"),
    *("brightness?", "brightness", "contrast?", "contrast", "saturation?", "saturation"),
)


def lots(**named: float) -> Tensor:
    """[1, LOTS]: the transforms with a named number are drawn, the others are not. `shift`, `move`: two numbers have one chance."""
    chances = {"down": "shift", "right": "shift", "across": "move", "up": "move"}
    assert len(NAMES) == LOTS
    values = dict.fromkeys(NAMES, 0.5) | dict.fromkeys((name for name in NAMES if name.endswith("?")), 0.99) | named
    values |= {f"{chances.get(name, name)}?": 0.0 for name in named}
    return torch.tensor([[values[name] for name in NAMES]], dtype=torch.float64)


def share(deviations: float) -> float:
    """The uniform number that gives a normal one of so many deviations."""
    return 0.5 + 0.5 * math.erf(deviations / math.sqrt(2))


def chance(probability: float) -> Tensor:
    return torch.tensor(probability, dtype=torch.float64)


def shown(images: Tensor, kind: Kind, **named: float) -> Tensor:
    return augmented(images, [kind], chance(0.5), lots(**named))


def counting(height: int, width: int, channels: int = 1) -> Tensor:
    """[1, channels, height, width]: 1, 2, 3, ..."""
    return torch.arange(1.0, channels * height * width + 1, dtype=torch.float64).view(1, channels, height, width)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_without_luck_images_keep_their_bits(dtype: torch.dtype) -> None:
    x = torch.randn(3, 4, 9, 12).to(dtype)
    many = torch.rand(3, LOTS)
    assert torch.equal(augmented(x, ALL, chance(0.0), many), x)
    assert torch.equal(augmented(x, [], chance(1.0), many), x)
    for kind in ALL:
        y = augmented(x, [kind], chance(1.0), many)
        assert y.dtype == dtype and y.shape == x.shape and not torch.equal(y, x)


def test_mirrors_and_quarter_turns_copy_pixels() -> None:
    x = counting(5, 5, 2)
    assert torch.equal(shown(x, "blit", mirror=0.7), x.flip(3))
    assert torch.equal(shown(x, "blit", mirror=0.3), x), "half of those that are drawn are not mirrored"
    for quarters in range(4):
        assert torch.equal(shown(x, "blit", turn=(quarters + 0.5) / 4), x.rot90(quarters, (2, 3)))
    assert torch.equal(shown(x, "blit", mirror=0.7, turn=0.3), x.flip(3).rot90(1, (2, 3)))
    oblong = counting(4, 6)
    assert torch.equal(shown(oblong, "blit", turn=0.3), oblong)
    assert torch.equal(shown(oblong, "blit", turn=0.7), oblong.rot90(2, (2, 3)))


def test_shifts_are_of_whole_pixels_and_mirror_the_border() -> None:
    x = counting(8, 16)
    assert torch.equal(shown(x, "blit", down=0.99), torch.cat([x[:, :, :1], x[:, :, :-1]], dim=2))
    assert torch.equal(shown(x, "blit", right=0.01), torch.cat([x[..., 2:], x[..., -1:], x[..., -2:-1]], dim=3))
    assert torch.equal(shown(x, "blit", down=0.5, right=0.5), x)


def test_a_label_map_keeps_its_classes_and_moves_like_its_image() -> None:
    labels = torch.randint(0, 3, (40, 1, 12, 12)).double()
    many = torch.rand(40, LOTS)
    moved = augmented(labels, ["blit"], chance(0.9), many)
    assert set(moved.unique().tolist()) == {0.0, 1.0, 2.0}
    pair = augmented(torch.cat([labels, 2 * labels + 1], dim=1), ["blit", "geometry"], chance(0.9), many)
    torch.testing.assert_close(pair[:, 1], 2 * pair[:, 0] + 1)
    torch.testing.assert_close(pair[:, :1], augmented(labels, ["blit", "geometry"], chance(0.9), many))


def test_geometry_by_hand() -> None:
    x = counting(6, 6)
    torch.testing.assert_close(shown(x, "geometry", first=1.0), x.rot90(2, (2, 3)))
    for quarter in (shown(x, "geometry", first=0.75), shown(x, "geometry", second=0.75)):
        torch.testing.assert_close(quarter, x.rot90(-1, (2, 3)))
    torch.testing.assert_close(shown(x, "geometry", first=0.75, second=0.25), x)
    one_pixel = 1 / 6 / 0.125  # in deviations
    torch.testing.assert_close(
        shown(x, "geometry", across=share(one_pixel)), torch.cat([x[..., :1], x[..., :-1]], dim=3), rtol=1e-4, atol=0
    )
    torch.testing.assert_close(shown(x, "geometry", up=share(one_pixel)), torch.cat([x[:, :, :1], x[:, :, :-1]], dim=2), rtol=1e-4, atol=0)
    half = shown(x, "geometry", across=share(one_pixel / 2))
    torch.testing.assert_close(half[..., 1:], (x[..., 1:] + x[..., :-1]) / 2, rtol=1e-4, atol=0)


def test_scaling_and_stretching_by_hand() -> None:
    """A ramp across the image: its slope tells the scale."""
    ramp = (torch.arange(16, dtype=torch.float64) - 7.5).expand(1, 1, 16, 16)
    deviations = math.log2(1.25) / 0.2
    larger = shown(ramp, "geometry", scale=share(deviations))
    torch.testing.assert_close(larger[..., 2:-2], ramp[..., 2:-2] / 1.25, rtol=1e-4, atol=1e-9)
    wider = shown(ramp, "geometry", stretch=share(deviations))
    torch.testing.assert_close(wider[..., 2:-2], ramp[..., 2:-2] / 1.25, rtol=1e-4, atol=1e-9)
    lower = shown(ramp.transpose(2, 3), "geometry", stretch=share(deviations)).transpose(2, 3)
    torch.testing.assert_close(lower[..., 5:-5], ramp[..., 5:-5] * 1.25, rtol=1e-4, atol=1e-9)


def test_the_two_turns_together_have_the_probability() -> None:
    many = torch.rand(20000, LOTS, generator=torch.Generator().manual_seed(0))
    many[:, [7, 11, 15]] = 1.0  # no scaling, no stretching, no shift
    x = counting(3, 3).expand(20000, -1, -1, -1)
    turned = (augmented(x, ["geometry"], chance(0.4), many) != x).flatten(1).any(dim=1)
    assert turned.double().mean().item() == pytest.approx(0.4, abs=0.02)


def test_color_by_hand() -> None:
    x = torch.tensor([0.2, 0.4, 0.9], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    torch.testing.assert_close(shown(x, "color", brightness=share(1.5)), x + 0.3, rtol=1e-4, atol=0)
    torch.testing.assert_close(shown(x, "color", contrast=share(-2.0)), x / 2, rtol=1e-4, atol=0)
    torch.testing.assert_close(shown(x, "color", saturation=share(1.0)), 0.5 + 2 * (x - 0.5), rtol=1e-4, atol=1e-5)
    both = shown(x, "color", brightness=share(1.5), contrast=share(-2.0))
    torch.testing.assert_close(both, (x + 0.3) / 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_alpha_keeps_its_values_under_color(channels: int) -> None:
    x = torch.rand(2, channels, 4, 4)
    y = augmented(x, ["color"], chance(1.0), torch.rand(2, LOTS))
    colours = 1 if channels < 3 else 3
    assert not torch.equal(y[:, :colours], x[:, :colours]) and torch.equal(y[:, colours:], x[:, colours:])


def test_each_image_has_its_own_and_what_is_asked_for_does_not_change_the_rest() -> None:
    many = torch.rand(5, LOTS)
    x = torch.rand(5, 3, 12, 10)
    together = augmented(x, ALL, chance(0.6), many)
    for place in range(5):
        one = slice(place, place + 1)
        torch.testing.assert_close(together[one], augmented(x[one], ALL, chance(0.6), many[one]))
    stepwise = x
    for kind in ALL:
        stepwise = augmented(stepwise, [kind], chance(0.6), many)
    assert torch.equal(together, stepwise)


@pytest.mark.parametrize("kind", ALL)
def test_gradients_come_through(kind: Kind) -> None:
    x = torch.randn(3, 4, 7, 8, dtype=torch.float64, requires_grad=True)
    many = torch.rand(3, LOTS)
    assert torch.autograd.gradcheck(lambda x: augmented(x, [kind], chance(0.8), many), x)


def test_the_smallest_and_largest_lots_stay_finite() -> None:
    x = torch.rand(2, 3, 8, 8) * 2 - 1
    for value in (0.0, 1 - 2**-24, 1.0):  # 1.0 cannot be drawn, but a rounding may make it
        drawn = torch.full((2, LOTS), value)
        drawn[:, [0, 2, 4, 7, 9, 11, 13, 15, 18, 20, 22]] = 0.0
        for dtype in (torch.float32, torch.bfloat16):
            y = augmented(x.to(dtype), ALL, torch.tensor(1.0), drawn)
            assert y.isfinite().all()
