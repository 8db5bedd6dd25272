"""AdaIN's losses are the paper's, each picture is encoded once a step, and content of any size is translated."""

from pathlib import Path

import pytest
import torch
from tiny import micro_batches, tiny_config

from gan_style import build
from gan_style.errors import UserError
from gan_style.losses.perceptual import content_loss, moment_loss
from gan_style.methods.adain import AdaIN
from gan_style.networks.generators.adain import DEPTHS, AdaINNet, AdaINNetConfig
from gan_style.networks.layers.moments import adain
from gan_style.types import Batch, Task

each_depth = pytest.mark.parametrize("depth", DEPTHS)


def make(tmp_path: Path, depth: str = "relu4_1") -> tuple[AdaIN, Batch]:
    generator = {"base_channels": 4, "depth": depth}
    config = tiny_config("adain", tmp_path, method={"generator": generator, "vgg": {"weights": "random"}})
    torch.manual_seed(0)
    method = AdaIN(config.method, build.make_task(config))
    for network in method.networks.values():
        network.double()
    (batch,) = micro_batches(0, 2)
    return method, batch.to(torch.device("cpu"), torch.float64, torch.contiguous_format)


@each_depth
def test_losses_are_the_papers(tmp_path: Path, depth: str) -> None:
    method, batch = make(tmp_path, depth)
    (player,) = method.players
    found = method.losses(player, batch, method.translate(batch))
    encoder, network = method.network.encoder, method.network
    content, style = encoder(batch.a), encoder(batch.b)
    target = adain(content[depth], style[depth])  # t
    features = encoder(network(batch.a, batch.b))  # f(g(t))
    torch.testing.assert_close(found["content"], content_loss(features[depth], target))
    layers = ("relu1_1", *DEPTHS[: DEPTHS.index(depth) + 1])
    torch.testing.assert_close(found["style"], 10 * sum(moment_loss(features[layer], style[layer]) for layer in layers))


def test_each_picture_is_encoded_once_a_step(tmp_path: Path) -> None:
    method, batch = make(tmp_path)
    seen: list[torch.Tensor] = []
    method.network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    outputs = method.translate(batch)
    method.losses(method.players[0], batch, outputs)
    assert len(seen) == 3
    assert {id(picture) for picture in seen} == {id(batch.a), id(batch.b), id(outputs["fake"])}


def test_content_of_any_size(tmp_path: Path) -> None:
    method, batch = make(tmp_path)
    odd = Batch.of_two(batch.a[..., :13, :11], batch.b, batch.keys["a"], batch.keys["b"], batch.slots, batch.numbers)
    outputs = method.translate(odd)
    assert outputs["fake"].shape[2:] == (16, 16)
    assert all(loss.isfinite() for loss in method.losses(method.players[0], odd, outputs).values())
    _, shown = method.translations(odd, outputs)["a2b"]
    assert shown.shape[2:] == (13, 11)
    torch.testing.assert_close(shown, method.network(odd.a, odd.b))


@each_depth
def test_the_decoder_mirrors_the_encoder(depth: str) -> None:
    network = AdaINNet("random", AdaINNetConfig(base_channels=64, depth=depth))
    encoder = [layer for layer in network.encoder.convolutions.values() if isinstance(layer, torch.nn.Conv2d)]
    decoder = [layer for layer in network.decoder.steps if isinstance(layer, torch.nn.Conv2d)]
    assert [(layer.out_channels, layer.in_channels) for layer in encoder] == [
        (layer.in_channels, layer.out_channels) for layer in decoder[::-1]
    ]
    assert network(torch.zeros(1, 3, 16, 24), torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 24)


@pytest.mark.parametrize(("resize_mode", "uneven"), [("nearest", 1.0), ("bilinear", 0.0)])
def test_the_decoder_doubles_as_its_section_says(resize_mode: str, uneven: float) -> None:
    config = AdaINNetConfig.model_validate({"base_channels": 4, "resize_mode": resize_mode})
    doublings = [step for step in AdaINNet("random", config).decoder.steps if isinstance(step, torch.nn.Upsample)]
    rises = [doubling(torch.arange(8.0).expand(1, 1, 8, 8))[0, 0, 4, 2:-2].diff() for doubling in doublings]
    assert [(rise.max() - rise.min()).item() for rise in rises] == [uneven] * 3


def test_an_encoder_that_reflects_sees_no_border() -> None:
    """Of an even image, each filter gives one value."""
    network = AdaINNet("random", AdaINNetConfig(base_channels=4, padding="reflect"), "vgg16")
    features = network.encode(torch.full((1, 3, 32, 32), 0.3))
    torch.testing.assert_close(features, features[:, :, :1, :1].expand_as(features))


def test_wrong_encoders_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"method\.vgg\.pooling max"):
        AdaIN(tiny_config("adain", tmp_path, method={"vgg": {"weights": "random", "pooling": "avg"}}).method, Task())
    keys = {"generator": {"base_channels": 4, "encoder": "normalised"}, "vgg": {"weights": "random", "name": "vgg16"}}
    with pytest.raises(UserError, match="the authors' VGG-19"):
        AdaIN(tiny_config("adain", tmp_path, method=keys).method, Task())
