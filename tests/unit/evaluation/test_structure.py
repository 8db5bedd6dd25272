"""The distance of self-similarities, by hand and in what it must not and must see."""

import pytest
import torch
from pictures import draw

from gan_style.evaluation.features import structure_network
from gan_style.evaluation.structure import bounded, self_similarity, structure_distance
from gan_style.files import images


def test_two_places_by_hand() -> None:
    one = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])  # at right angles: S = 1 0 / 0 1
    other = torch.tensor([[[3.0, 0.0], [1.0, 1.0]]])  # at 45 degrees: S = 1 c / c 1, c^2 = 1/2
    torch.testing.assert_close(self_similarity(one), torch.eye(2)[None])
    assert float(structure_distance(one, other)) == pytest.approx(2 * 0.5 / 4)
    assert float(structure_distance(one, 7 * one)) == pytest.approx(0.0, abs=1e-12)


def test_another_layout_is_further_away_than_another_light() -> None:
    network = structure_network("random", "")
    picture, other = (images.to_tensor(draw(number, 64))[None] for number in (1, 2))
    distances = [float(structure_distance(network(picture), network(shown))) for shown in (picture, picture * 0.9 + 0.05, other)]
    assert distances[0] == 0.0
    assert 0 < 3 * distances[1] < distances[2]


@pytest.mark.parametrize(
    ("size", "expected"), [((100, 150), (100, 150)), ((448, 300), (335, 224)), ((224, 224), (224, 224)), ((300, 3000), (48, 480))]
)
def test_large_images_are_scaled_down_and_small_ones_left(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    result = bounded(image)
    assert tuple(result.shape[-2:]) == expected
    assert torch.equal(result, image) == (size == expected)
    torch.testing.assert_close(result.mean(), image.mean(), atol=0.01, rtol=0)
