"""pytorch-AdaIN: the decoder comes in with the encoder's file, computes the same, and goes out byte for byte."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_files import same, saved
from reference_adain import drawn, their_decoder, their_encoder, their_transfer
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.interop import Foreign, read_foreign
from gan_style.interop.adain import renamed, to_adain
from gan_style.interop.held import Held
from gan_style.interop.settings import Settings
from gan_style.networks.generators.adain import AdaINNet, AdaINNetConfig
from gan_style.networks.pretrained.vgg_normalised import numbered


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Sequential, Path]:
    network = drawn(their_encoder(), 0)
    return network, saved(tmp_path_factory.mktemp("encoder") / "vgg_normalised.pth", network.state_dict())


@pytest.fixture
def read(encoder: tuple[nn.Sequential, Path], tmp_path: Path) -> Callable[[dict[str, Tensor]], Foreign]:
    return lambda state: read_foreign(saved(tmp_path / "decoder.pth", state), {"vgg": str(encoder[1])})


def ours_of(foreign: Foreign) -> AdaINNet:
    config: Any = foreign.config
    network = AdaINNet(None, config)
    network.load_state_dict(foreign.weights)
    return network.eval()


@pytest.mark.parametrize("style", [(48, 64), (37, 51)], ids=["multiples", "odd"])
@torch.no_grad()
def test_the_function_is_the_same(read: Callable[..., Foreign], encoder: tuple[nn.Sequential, Path], style: tuple[int, int]) -> None:
    decoder = drawn(their_decoder(k=4), 1)
    foreign = read(dict(decoder.state_dict()))
    assert (foreign.kind, foreign.method) == ("adain", "adain")
    assert {"base_channels": 4, "encoder": "normalised", "depth": "relu4_1"}.items() <= foreign.config.model_dump().items()
    ours = ours_of(foreign)
    content, picture = torch.rand(1, 3, 32, 40), torch.rand(1, 3, *style)
    for alpha in (1.0, 0.4):
        expected = their_transfer(encoder[0], decoder, content, picture, alpha) * 2 - 1
        torch.testing.assert_close(ours(content * 2 - 1, picture * 2 - 1, alpha=alpha), expected, rtol=1e-4, atol=1e-4)
        features = [ours.encode(picture * 2 - 1)]
        served = ours(content * 2 - 1, features=features, shares=torch.ones(1, 1), alpha=alpha)
        torch.testing.assert_close(served, expected, rtol=1e-4, atol=1e-4)


def test_the_decoder_comes_back_byte_for_byte(read: Callable[..., Foreign]) -> None:
    state = dict(drawn(their_decoder(k=8), 1).state_dict())
    foreign = read(state)
    assert same(renamed(foreign.weights, ours_of(foreign).decoder), state)


def test_the_encoder_is_asked_for(read: Callable[..., Foreign], encoder: tuple[nn.Sequential, Path], tmp_path: Path) -> None:
    path = saved(tmp_path / "decoder.pth", their_decoder(k=4).state_dict())
    with pytest.raises(UserError, match=r"decoder\.pth: a decoder of pytorch-AdaIN, which needs the encoder .* give --set vgg="):
        read_foreign(path)
    with pytest.raises(UserError, match=r"--set vgg=.*decoder\.pth: not the encoder of pytorch-AdaIN \(its layer 0\)"):
        read_foreign(path, {"vgg": str(path)})
    with pytest.raises(UserError, match="no such file"):
        read_foreign(path, {"vgg": "nothing.pth"})


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        ("encoder torchvision: pytorch-AdaIN has normalised", {}),
        ("depth relu3_1: pytorch-AdaIN has relu4_1", {"encoder": "normalised", "depth": "relu3_1"}),
        ("base_channels 8: pytorch-AdaIN has 64", {"encoder": "normalised", "base_channels": 8}),
        (
            "resize_mode bilinear: pytorch-AdaIN has nearest",
            {"encoder": "normalised", "base_channels": 64, "resize_mode": "bilinear"},
        ),
    ],
)
def test_what_pytorch_adain_cannot_hold(message: str, keys: dict[str, Any]) -> None:
    config = AdaINNetConfig(**keys)
    with torch.device("meta"):
        network = AdaINNet(None, config)
    with pytest.raises(UserError, match=f"^{message}"):
        to_adain(Held(Path("bundle"), config, 3, network, {}), Settings())


def test_the_authors_file_is_the_encoder_of_a_training(encoder: tuple[nn.Sequential, Path]) -> None:
    config = AdaINNetConfig(encoder="normalised", base_channels=4)
    network = AdaINNet(str(encoder[1]), config)
    places = dict(numbered())
    state = encoder[0].state_dict()
    for key, value in network.encoder.convolutions.state_dict().items():
        layer, part = key.split(".")
        assert torch.equal(value, state[f"{places[layer]}.{part}"])
    with pytest.raises(UserError, match="encoder normalised has weights of its own; give the path of vgg_normalised"):
        AdaINNet("imagenet", config)
    assert AdaINNet("random", config).encoder.convolutions["conv1_1"].weight.std() > 0.1
