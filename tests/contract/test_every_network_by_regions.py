"""Each generator and stylizer gives by regions what it gives at once."""

import copy
import random
from typing import Any

import pytest
import torch
from regions import ALL_WAIT, LITTLE_WAITS, by_regions
from test_networks import cases, small
from tiny_networks import tiny_network
from torch import Tensor

from gan_style.networks import STYLE_TRANSFERS, STYLIZERS, per_image_statistics
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.networks.layers.labelled_input import LabelledInput
from gan_style.networks.layers.labels import EncodedTranslator, LabelEncoding
from gan_style.tiling.graph import trace

SPEEDS = {"all waits": ALL_WAIT, "little waits": LITTLE_WAITS}


def image_for(name: str, channels: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, int]:
    """An image and a side of regions, both drawn by the name."""
    draw = random.Random(name)
    size = draw.randrange(18, 90), draw.randrange(18, 90)
    return torch.rand(1, channels, *size, generator=torch.Generator().manual_seed(draw.randrange(99)), dtype=dtype) * 2 - 1, draw.choice(
        [13, 16, 27, 40]
    )


@pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
@pytest.mark.parametrize(("name", "norm"), cases("generator"))
def test_a_generator_by_regions_equals_the_generator(name: str, norm: str, speed: Any) -> None:
    generator = small("generator", name, norm).double().eval().requires_grad_(False)
    image, side = image_for(f"{name} {norm} {speed}")
    found = by_regions(generator, image, side=side, speed=speed)
    torch.testing.assert_close(found, generator(image), rtol=0, atol=1e-11)  # rounding, which many blocks amplify
    if norm == "batch":
        generator = per_image_statistics(generator)
        torch.testing.assert_close(by_regions(generator, image, side=side, speed=speed), generator(image), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "norm"), cases("generator"))
def test_in_float32_regions_are_as_exact_as_the_generator(name: str, norm: str) -> None:
    generator = small("generator", name, norm).eval().requires_grad_(False)
    image, side = image_for(f"{name} {norm}")
    exact = copy.deepcopy(generator).double()(image)
    at_once, found = (
        (result - exact).abs().max() for result in (generator(image.float()), by_regions(generator, image.float(), side=side))
    )
    assert found <= 2 * at_once + 2e-6


@pytest.mark.parametrize(("name", "norm"), cases("generator"))
def test_a_large_image_has_the_statistics_of_a_small_one(name: str, norm: str) -> None:
    """Layers may measure large images in another way; regions know the operators alone."""
    generator = per_image_statistics(small("generator", name, norm).eval().requires_grad_(False)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    graphs = [trace(generator, [(1, 3, side, side)], torch.device("cpu"), torch.float32) for side in (96, 8192)]
    little, large = ([node.inputs[0].name for node in graph.statistics] for graph in graphs)
    assert little == large


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("name", STYLIZERS)
def test_a_stylizer_by_regions_equals_the_stylizer(name: str, maps: bool) -> None:
    network: Any = (
        tiny_network(STYLIZERS, name, in_channels=3, out_channels=3, styles=3, base_channels=4).double().eval().requires_grad_(False)
    )
    image, side = image_for(f"{name} {maps}")
    if not maps:
        shares = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64)
        torch.testing.assert_close(by_regions(lambda x: network(x, shares), image, side=side), network(image, shares), rtol=0, atol=1e-12)
        return
    shares = torch.rand(1, 3, *image.shape[2:], dtype=torch.float64)
    torch.testing.assert_close(by_regions(network, image, shares, side=side), network(image, shares), rtol=0, atol=1e-12)


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("name", STYLE_TRANSFERS)
def test_a_style_transfer_by_regions_equals_the_network(name: str, maps: bool) -> None:
    network: Any = tiny_network(STYLE_TRANSFERS, name, vgg=None, base_channels=8).double().eval().requires_grad_(False)
    image, side = image_for(f"{name} {maps}")
    features = [torch.randn(1, 512, 4, 5, dtype=torch.float64), torch.randn(1, 512, 3, 6, dtype=torch.float64)]
    shares = torch.rand(1, 2, *image.shape[2:], dtype=torch.float64) if maps else torch.tensor([[0.4, 0.6]], dtype=torch.float64)

    def stylize(x: Tensor, *given: Tensor) -> Tensor:
        return network(x, features=features, shares=given[0] if given else shares, alpha=0.7)

    found = by_regions(stylize, image, *([shares] if maps else []), side=side)
    torch.testing.assert_close(found, stylize(image), rtol=0, atol=1e-12)


@pytest.mark.parametrize("edges", ["none", "labels", "alpha"])
def test_label_maps_are_encoded_by_regions(edges: Any) -> None:
    encoding = LabelEncoding([[0, 0, 0], [255, 0, 0], [0, 255, 0]], edges)
    channels = 4 if edges == "alpha" else 3
    generator = small("generator", "spade", "instance", in_channels=encoding.channels(channels))
    network = EncodedTranslator(encoding, generator).double().eval().requires_grad_(False)
    image = torch.randint(0, 2, (1, channels, 45, 62), generator=torch.Generator().manual_seed(3)).double() * 2 - 1
    torch.testing.assert_close(by_regions(network, image, side=16), network(image), rtol=0, atol=1e-12)


def test_a_labelled_input_by_regions() -> None:
    network = LabelledInput(ResnetGenerator(9, 3, ResnetConfig(base_channels=4, num_blocks=2))).double().eval().requires_grad_(False)
    image, side = image_for("labelled")
    labels = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(by_regions(lambda x: network(x, labels), image, side=side), network(image, labels), rtol=0, atol=1e-12)
