"""The graph of an exported network: what is padded, cropped and mapped inside it equals what the package does outside."""

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.conditions import Alone
from gan_style.exporting.formats import _padded
from gan_style.exporting.graph import Graph
from gan_style.files import images
from gan_style.networks import GENERATORS
from gan_style.networks.layers.padding import grown
from gan_style.types import to_floats

SIDES = [*range(1, 20), 31, 32, 33]


class Copy(nn.Module):
    """A network that needs multiples of 8, at least 16."""

    size_multiple, minimum_size = 8, 16

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2] % 8 == x.shape[3] % 8 == 0 and min(x.shape[2:]) >= 16
        return 1.5 * x


@pytest.mark.parametrize("height", SIDES)
def test_a_graph_pads_as_the_networks_do(height: int) -> None:
    graph = Graph(Copy(), Alone(), "float")
    for width in SIDES:
        photos = torch.rand(2, 3, height, width)
        assert torch.equal(graph.padded(photos), grown(photos, 8, 16))
        assert torch.equal(_padded(photos, 8, 16), grown(photos, 8, 16))


def test_the_result_is_cropped_and_bounded() -> None:
    photos = torch.rand(2, 3, 9, 21) * 2 - 1
    assert torch.equal(Graph(Copy(), Alone(), "float")(photos), (1.5 * photos).clamp(-1, 1))


def test_whole_pixels_are_mapped_and_rounded_as_files_are() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    graph = Graph(Copy(), Alone(), "uint8")
    values = to_floats(pixels.permute(0, 3, 1, 2))
    assert torch.equal(graph.entered(pixels), values)
    assert torch.equal(graph.left(values), pixels)
    assert (graph(pixels)[0].numpy() == images.to_pixels(1.5 * values[0])).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_a_network_need_not_pad_what_the_graph_has_padded(name: str) -> None:
    network = tiny_network(GENERATORS, name, in_channels=3, out_channels=3, base_channels=4, num_blocks=1, num_downs=3).eval()
    photos = torch.rand(1, 3, 21, 37) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(Graph(network, Alone(), "float")(photos), network(photos), rtol=0, atol=1e-6)
