"""DiffAugment by hand: what each of its numbers does, and that gradients come through."""

import pytest
import torch
from torch import Tensor

from gan_style.networks.layers.diffaugment import LOTS, Augmentation, diffaugment

ALL: list[Augmentation] = ["color", "translation", "cutout"]


def lots(**named: float) -> Tensor:
    """[1, LOTS]; what is not named is where nothing changes (but for the hole)."""
    names = ("brightness", "saturation", "contrast", "down", "right", "row", "column")
    assert len(names) == LOTS
    neutral = dict.fromkeys(names, 0.5)
    return torch.tensor([[(neutral | named)[name] for name in names]])


def counting(height: int, width: int, channels: int = 1) -> Tensor:
    """[1, channels, height, width]: 1, 2, 3, ..."""
    return torch.arange(1.0, channels * height * width + 1).view(1, channels, height, width)


def test_nothing_asked_for_changes_nothing() -> None:
    x = counting(4, 4)
    assert torch.equal(diffaugment(x, [], torch.rand(1, LOTS)), x)


def test_color_by_hand() -> None:
    x = torch.tensor([0.2, 0.4, 0.9]).view(1, 3, 1, 1).expand(1, 3, 1, 2).clone()
    x[..., 1] = 0.0
    torch.testing.assert_close(diffaugment(x, ["color"], lots()), x)
    torch.testing.assert_close(diffaugment(x, ["color"], lots(brightness=0.0)), x - 0.5)
    gray = diffaugment(x, ["color"], lots(saturation=0.0))
    torch.testing.assert_close(gray[0, :, 0, 0], torch.full((3,), 0.5))
    torch.testing.assert_close(diffaugment(x, ["color"], lots(saturation=0.75))[0, :, 0, 0], 0.5 + 1.5 * (x[0, :, 0, 0] - 0.5))
    torch.testing.assert_close(diffaugment(x, ["color"], lots(contrast=0.0)), 0.25 + 0.5 * (x - 0.25))
    torch.testing.assert_close(diffaugment(x, ["color"], lots(contrast=0.999)), 0.25 + 1.499 * (x - 0.25))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_alpha_keeps_its_values_and_gray_has_no_saturation(channels: int) -> None:
    x = torch.rand(2, channels, 4, 4)
    y = diffaugment(x, ["color"], torch.rand(2, LOTS))
    assert y.shape == x.shape
    colours = 1 if channels < 3 else 3
    assert not torch.equal(y[:, :colours], x[:, :colours])
    assert torch.equal(y[:, colours:], x[:, colours:])
    if channels < 3:
        torch.testing.assert_close(diffaugment(x[:1], ["color"], lots(saturation=0.0)), x[:1])


@pytest.mark.parametrize(("share", "shift"), [(0.0, -2), (0.19, -2), (0.21, -1), (0.5, 0), (0.7, 1), (0.999, 2), (1.0, 3)])
def test_translation_by_hand(share: float, shift: int) -> None:
    """Up to an eighth of 16; 1.0 cannot be drawn, but a rounding may make it."""
    x = counting(16, 16)
    down = diffaugment(x, ["translation"], lots(down=share))
    right = diffaugment(x, ["translation"], lots(right=share))
    moved = torch.zeros_like(x)
    for row in range(16):
        if 0 <= row - shift < 16:
            moved[:, :, row] = x[:, :, row - shift]
    assert torch.equal(down, moved)
    assert torch.equal(right.transpose(2, 3), diffaugment(x.transpose(2, 3), ["translation"], lots(down=share)))


@pytest.mark.parametrize(("row", "first", "last"), [(0.0, 0, 1), (0.5, 2, 5), (0.999, 6, 7)])
def test_cutout_by_hand(row: float, first: int, last: int) -> None:
    """A hole of 4 in 8; half of it may lie outside."""
    y = diffaugment(torch.ones(1, 2, 8, 8), ["cutout"], lots(row=row, column=0.5))
    expected = torch.ones(8, 8)
    expected[first : last + 1, 2:6] = 0
    assert torch.equal(y[0, 0], expected) and torch.equal(y[0, 1], expected)


def test_ranges_over_many_draws() -> None:
    many = torch.rand(4000, LOTS, generator=torch.Generator().manual_seed(0))
    x = counting(16, 24).expand(4000, -1, -1, -1)
    moved = diffaugment(x, ["translation"], many)
    # The pixel in the middle of the picture tells where it came from.
    origin = moved[:, 0, 8, 12].long() - 1
    down, right = 8 - origin // 24, 12 - origin % 24
    assert sorted(set(down.tolist())) == list(range(-2, 3))
    assert sorted(set(right.tolist())) == list(range(-3, 4))
    hidden = (diffaugment(torch.ones_like(x), ["cutout"], many) == 0).float().mean(dim=(1, 2, 3))
    assert hidden.min() >= 1 / 16 - 0.01 and hidden.max() == 0.25
    assert 0.15 < hidden.mean() < 0.2
    y = diffaugment(torch.full((4000, 3, 1, 1), 0.25), ["color"], many)[:, 0, 0, 0] - 0.25  # one colour: brightness alone
    assert y.min() < -0.49 and y.max() > 0.49 and abs(y.mean()) < 0.02


def test_each_image_has_its_own_and_what_is_asked_for_does_not_change_the_rest() -> None:
    many = torch.rand(3, LOTS)
    x = torch.rand(3, 3, 12, 10)
    together = diffaugment(x, ALL, many)
    for place in range(3):
        one = slice(place, place + 1)
        torch.testing.assert_close(together[one], diffaugment(x[one], ALL, many[one]))
    stepwise = x
    for kind in ALL:
        stepwise = diffaugment(stepwise, [kind], many)
    assert torch.equal(together, stepwise)


def test_gradients_come_through() -> None:
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)
    many = torch.rand(2, LOTS)
    assert torch.autograd.gradcheck(lambda x: diffaugment(x, ALL, many), x)
    assert torch.autograd.gradgradcheck(lambda x: diffaugment(x, ALL, many).square(), x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_type_and_memory_format(dtype: torch.dtype) -> None:
    x = torch.rand(2, 3, 12, 10).to(dtype)
    many = torch.rand(2, LOTS, dtype=torch.float64)
    y = diffaugment(x, ALL, many)
    assert y.dtype == dtype
    torch.testing.assert_close(diffaugment(x.contiguous(memory_format=torch.channels_last), ALL, many), y)
