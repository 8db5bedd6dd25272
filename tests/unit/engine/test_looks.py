"""How measurements look in sample grids."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_config

from gan_style.engine.looks import Look, looks_of
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.scale import Scale


def image(channels: int) -> torch.Tensor:
    """[C, 40, 90]: channel c is a gray of its own."""
    return torch.linspace(-1, 1, channels)[:, None, None].expand(channels, 40, 90).contiguous()


def test_pictures_stay_as_they_are() -> None:
    for channels in (1, 3, 4):
        (found,) = Look(None, channels).pictures(image(channels))
        np.testing.assert_array_equal(found, images.to_pixels(image(channels)))


def test_channels_stand_side_by_side_each_with_its_scale() -> None:
    found = Look(Scale((0, -1000), (1, 2000)), 2).pictures(image(2))
    assert [picture.shape for picture in found] == [(40, 90, 3)] * 2
    assert (found[0][:10] == 0).all() and (found[1][:10] == 255).all()
    assert all((picture[25:] != picture[0, 0]).any() for picture in found)  # the words
    other = Look(Scale((0, -1000), (1, 2001)), 2).pictures(image(2))
    assert (found[0] == other[0]).all() and (found[1] != other[1]).any()
    assert len(Look(Scale(0, 1), 64).pictures(image(64))) == 8


def test_a_composite_takes_the_channels_that_are_named() -> None:
    (found,) = Look(Scale(0, 1), 5, (4, 3, 1)).pictures(image(5))
    np.testing.assert_array_equal(found[0, 0], images.to_pixels(image(5))[0, 0, [3, 2, 0]])
    (found,) = Look(Scale(0, 1), 5, (5,)).pictures(image(5))
    assert (found[:10] == 255).all()


def test_a_composite_of_channels_that_are_not_there_is_one_line(tmp_path: Path) -> None:
    config = tiny_config("pix2pix", tmp_path)
    logging = config.logging.model_copy(update={"composite_a": [4, 1, 2]})
    with pytest.raises(UserError, match=r"logging\.composite_a: names channel 4, but data\.domain_a\.channels is 3"):
        looks_of(config.model_copy(update={"logging": logging}))
