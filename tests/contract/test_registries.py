"""What each network of a registry must have, before anything runs it; the message says what is missing."""

import inspect
from typing import Any, Literal

import pytest
from pydantic import Field
from tiny_networks import tiny_network
from torch import nn

from gan_style import networks
from gan_style.config.network import NetworkConfig

REGISTRIES: dict[str, dict[str, type[nn.Module]]] = {name: registry for name, registry in vars(networks).items() if name.isupper()}
# What a constructor takes beside the section.
TAKES = {
    "GENERATORS": {"in_channels", "out_channels"},
    "DISCRIMINATORS": {"in_channels"},
    "STYLIZERS": {"in_channels", "out_channels", "styles"},
    "STYLE_TRANSFERS": {"vgg", "vgg_name"},
    "NOISE_GENERATORS": {"latent", "out_channels", "size"},
    "IMAGE_DISCRIMINATORS": {"in_channels", "size"},
    "CLASSIFYING_DISCRIMINATORS": {"in_channels", "classes", "size"},
}
SIDES = {  # attributes in pixels
    "GENERATORS": ("size_multiple", "minimum_size"),
    "DISCRIMINATORS": ("receptive_field", "minimum_size"),
    "STYLIZERS": ("size_multiple", "minimum_size"),
    "STYLE_TRANSFERS": ("size_multiple", "minimum_size"),
    "CLASSIFYING_DISCRIMINATORS": ("receptive_field", "minimum_size"),
}
GIVEN: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "styles": 2,
    "vgg": None,
    "vgg_name": "vgg16",
    "latent": 3,
    "classes": 3,
    "size": 16,
}
SMALL = {"base_channels": 4, "num_blocks": 1, "num_downs": 3, "num_layers": 1, "num_scales": 1}


@pytest.mark.parametrize(("registry", "name"), [(each, name) for each, registry in REGISTRIES.items() for name in registry])
def test_a_network_has_what_its_registry_asks_for(registry: str, name: str) -> None:
    kind = REGISTRIES[registry][name]
    taken, wanted = {*inspect.signature(kind).parameters}, TAKES[registry] | {"config"}
    assert taken == wanted, f"{kind.__name__}.__init__ takes {sorted(taken)}, but networks of {registry} take {sorted(wanted)}"
    network = tiny_network(REGISTRIES[registry], name, **GIVEN, **SMALL)
    for side in SIDES.get(registry, ()):
        value = getattr(network, side, None)
        assert isinstance(value, int) and value >= 1, f"{kind.__name__}.{side} is {value}, but networks of {registry} have it in pixels"


class Section(NetworkConfig):
    """The section of the networks below."""

    name: Literal["right"] = Field(default="right", description="A network.")


class Right(nn.Module):
    """A network with all that a registry reads."""

    Config = Section

    def __init__(self, in_channels: int, config: Section) -> None:
        super().__init__()


class WithoutSection(nn.Module):
    """Its author forgot `Config`."""

    def __init__(self, in_channels: int, config: Section) -> None:
        super().__init__()


class OtherArgument(nn.Module):
    """Its section has another name in the constructor."""

    Config = Section

    def __init__(self, in_channels: int, section: Section) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("right", WithoutSection, "right: WithoutSection has no section: let its class attribute Config be a NetworkConfig"),
        ("right", OtherArgument, "right: OtherArgument.__init__ must take its section as `config`, after the arguments"),
        ("wrong", Right, "wrong: the name of Section must be Literal['wrong'], as in the registry, not ('right',)"),
    ],
)
def test_a_network_that_lacks_something_is_told_what(name: str, kind: type[nn.Module], message: str) -> None:
    assert networks.configs({"right": Right}) == {"right": Section}
    with pytest.raises(TypeError) as caught:
        networks.configs({name: kind})
    assert str(caught.value).startswith(message)
