"""Conversion of weights from and to pytorch-AdaIN: its decoder, behind the fixed encoder vgg_normalised.

The decoder is an `nn.Sequential` with a padding in front of each convolution. Training does not change the encoder, so it comes in from its
own file and does not go out.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.interop.foreign import Foreign, in_full, section, without_memory
from gan_style.interop.held import Held
from gan_style.interop.naming import Naming, into_ours, into_theirs
from gan_style.interop.settings import Settings
from gan_style.interop.weight_file import State, read_states
from gan_style.networks.generators.adain import AdaINNet, AdaINNetConfig
from gan_style.networks.pretrained.vgg_normalised import FILE, numbered

PROJECT = "pytorch-AdaIN"
_FIRST, _LAST = "1.weight", "28.weight"
_ENCODER = "encoder.convolutions."


def is_adain(state: Mapping[str, Tensor]) -> bool:
    """Is it a decoder of pytorch-AdaIN?"""
    return all(name in state and state[name].dim() == 4 for name in (_FIRST, _LAST)) and state[_FIRST].shape[1] == 512


def read_adain(state: State, settings: Settings) -> Foreign:
    """Read a decoder. The setting `vgg` names the file of the encoder."""
    if not is_adain(state):
        raise UserError(f"no decoder of {PROJECT}, whose first layer takes 512 channels; leave --kind out")
    settings.tell("network", "adain", "encoder and decoder")
    vgg = settings.text("vgg", "", f"the encoder's file, {FILE}")
    if not vgg:
        raise UserError(f"a decoder of {PROJECT}, which needs the encoder that it was trained with; give --set vgg={FILE}")
    base_channels = settings.found("base_channels", state[_LAST].shape[1])
    depth = settings.found("depth", "relu4_1")
    config = section(AdaINNetConfig, base_channels=base_channels, depth=depth, encoder=settings.found("encoder", "normalised"))
    network = cast(AdaINNet, without_memory(partial(AdaINNet, None, config)))
    decoder = into_ours(state, network.decoder, naming(network.decoder))
    weights = {
        **{f"decoder.{key}": value for key, value in decoder.items()},
        **{f"{_ENCODER}{key}": value for key, value in _encoder(Path(vgg), network).items()},
    }
    full = in_full({key: weights[key] for key in network.state_dict()}, settings)
    return Foreign("adain", "generator", "adain", config, 3, 3, full, tuple(settings.told), {})


def to_adain(held: Held, settings: Settings) -> dict[str, Tensor]:
    """The decoder's state dict with the names of pytorch-AdaIN. `UserError` for a setting that it does not have."""
    config = held.config
    assert isinstance(config, AdaINNetConfig) and isinstance(held.network, AdaINNet)
    theirs = {
        "encoder": "normalised",
        "depth": "relu4_1",
        "base_channels": 64,
        "resize_mode": "nearest",
        "spectral_norm": False,
    }
    for key, value in theirs.items():
        if (own := getattr(config, key)) != value:
            raise UserError(f"{key} {own}: {PROJECT} has {value}, always, and cannot hold these weights")
    settings.tell("vgg", FILE, "the encoder; it is fixed and stays in the project's own file")
    return renamed(held.weights, held.network.decoder)


def renamed(weights: Mapping[str, Tensor], decoder: nn.Module) -> dict[str, Tensor]:
    """The decoder's part of the weights with the names of pytorch-AdaIN."""
    own = {key.removeprefix("decoder."): value for key, value in weights.items() if key.startswith("decoder.")}
    return into_theirs(own, naming(decoder))


def naming(decoder: nn.Module) -> Naming:
    """The names of pytorch-AdaIN for our decoder."""
    return Naming(PROJECT, dict(_layers(decoder)))


def _layers(decoder: nn.Module) -> Iterator[tuple[str, str]]:
    """(our name, their name) of every convolution: theirs has a padding before each."""
    paddings = 0
    for number, step in enumerate(cast(nn.Sequential, decoder.get_submodule("steps"))):
        if isinstance(step, nn.Conv2d):
            paddings += 1
            yield f"steps.{number}", str(number + paddings)


def _encoder(path: Path, network: AdaINNet) -> dict[str, Tensor]:
    """The encoder's weights as far as the network runs it. `UserError` names the file."""
    states = read_states(path)
    state, places, found = states[next(iter(states))], dict(numbered()), dict[str, Tensor]()
    for key, place in network.encoder.convolutions.state_dict().items():
        layer, part = key.split(".")
        value = state.get(f"{places[layer]}.{part}")
        if value is None or value.shape != place.shape:
            raise UserError(f"--set vgg={path}: not the encoder of {PROJECT} (its layer {places[layer]}); give its {FILE}")
        found[key] = value
    return found
