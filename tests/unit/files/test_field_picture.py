"""A displacement field as a picture."""

import colorsys

import numpy as np
import pytest

from gan_style.files.field_picture import field_picture

SIZE = 64
MIDDLE = (SIZE // 2, SIZE // 2)


def even(right: float, down: float) -> np.ndarray:
    return np.stack([np.full((SIZE, SIZE), right), np.full((SIZE, SIZE), down)])


def hue(pixel: np.ndarray) -> float:
    return colorsys.rgb_to_hsv(*(pixel / 255))[0]


def strength(pixel: np.ndarray) -> float:
    return colorsys.rgb_to_hsv(*(pixel / 255))[1]


def test_no_displacement_is_white() -> None:
    picture = field_picture(even(0, 0))
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
    assert (picture[MIDDLE] == 255).all()


@pytest.mark.parametrize(("right", "down", "expected"), [(2, 0, 0.0), (0, 2, 0.25), (-2, 0, 0.5), (0, -2, 0.75)])
def test_the_colour_is_the_direction(right: float, down: float, expected: float) -> None:
    pixel = field_picture(even(right, down))[MIDDLE]
    assert hue(pixel) == pytest.approx(expected, abs=0.01)
    assert strength(pixel) == pytest.approx(1.0)


def test_the_strength_is_the_length_as_a_share_of_the_scale() -> None:
    field = even(1.5, 0)
    field[:, -1, -1] = 0, 5.2  # the scale is 6
    picture = field_picture(field)
    assert strength(picture[MIDDLE]) == pytest.approx(1.5 / 6, abs=0.01)
    assert strength(picture[-1, -1]) == pytest.approx(5.2 / 6, abs=0.01)


def test_the_scale_is_written_and_small_fields_have_the_scale_of_one_pixel() -> None:
    of_one, of_less, of_two = (field_picture(even(length, 0))[-12:, :40] for length in (1.0, 0.1, 2.0))
    black = [(part < 100).all(axis=2) for part in (of_one, of_less, of_two)]
    assert black[0].any()
    assert (black[0] == black[1]).all()
    assert (black[0] != black[2]).any()


def test_a_wheel_shows_every_direction() -> None:
    wheel = field_picture(even(0, 0))[:17, :17]
    hues = {round(4 * hue(wheel[place])) % 4 for place in ((8, 15), (15, 8), (8, 1), (1, 8))}
    assert hues == {0, 1, 2, 3}
    assert (wheel[8, 8] == 255).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 3)])
def test_a_field_of_any_size_has_a_picture(shape: tuple[int, int]) -> None:
    assert field_picture(np.ones((2, *shape))).shape == (*shape, 3)
