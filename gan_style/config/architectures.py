"""Which keys each architecture has: a section that describes a network refuses, and does not write, those of others."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from gan_style.config.section import Section

_DRAWN = ("init", "init_gain", "spectral_norm")  # what happens to a network once it is built (gan_style/networks)
_RESIDUAL = ("base_channels", "num_blocks", "norm", "dropout", "upsampling", "activation_checkpointing", *_DRAWN)

# Beside `name`. tests/unit/config/test_architectures.py holds them to the networks' constructors.
ARCHITECTURES: dict[str, frozenset[str]] = {
    name: frozenset(keys)
    for name, keys in {
        "resnet": (*_RESIDUAL, "antialias"),
        "unet": ("base_channels", "num_downs", "norm", "dropout", "upsampling", *_DRAWN),
        "global": (*_RESIDUAL, "num_downs"),
        "coarse-to-fine": (*_RESIDUAL, "num_downs", "num_enhancers"),
        "spade": ("base_channels", "num_downs", "norm", "activation_checkpointing", *_DRAWN),
        "transformer_net": ("base_channels", "num_blocks", "norm", *_DRAWN),
        "adain": ("base_channels", "depth", "init", "init_gain"),
        "patchgan": ("base_channels", "num_layers", "norm", "antialias", *_DRAWN),
        "pixel": ("base_channels", "norm", *_DRAWN),
        "multiscale": ("base_channels", "num_layers", "num_scales", "norm", "antialias", *_DRAWN),
        "dcgan": ("base_channels", "norm", *_DRAWN),
        "mlp": ("base_channels", *_DRAWN),
    }.items()
}


class NetworkConfig(Section):
    """A network: `name` is a key of `ARCHITECTURES`."""

    @classmethod
    def keys_of(cls, name: Any) -> set[str]:
        """The keys of this section that an architecture has; all of them for what is no architecture."""
        known = ARCHITECTURES.get(name) if isinstance(name, str) else None
        return {key for key in cls.model_fields if key == "name" or known is None or key in known}

    def completing(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, with this section's values for the other keys of its architecture.

        Earlier versions wrote every key out, those of other architectures too, which had no effect and are left out.
        """
        keys = self.keys_of(given.get("name", self.model_dump().get("name")))
        if given.keys() >= type(self).model_fields.keys():
            given = {key: value for key, value in given.items() if key in keys or key not in type(self).model_fields}
        return {**{key: value for key, value in self.model_dump().items() if key in keys}, **given}

    @model_validator(mode="before")
    @classmethod
    def _keys_of_the_architecture(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("name", cls.model_fields["name"].get_default(call_default_factory=True))
        strange = [key for key in cls.model_fields if key in values and key not in cls.keys_of(name)]
        if strange:
            raise ValidationError.from_exception_data(cls.__name__, [_refusal(key, name, values[key]) for key in strange])
        return values

    @model_serializer(mode="wrap")
    def _without_keys_of_others(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        keys = self.keys_of(getattr(self, "name", None))
        return {key: value for key, value in handler(self).items() if key in keys}


def is_of_others(key: Any, name: Any) -> bool:
    """Is this a key that the architecture `name` has not, but others have?"""
    keys = ARCHITECTURES.get(name) if isinstance(name, str) else None
    return keys is not None and key not in keys and any(key in others for others in ARCHITECTURES.values())


def _refusal(key: str, name: str, value: Any) -> InitErrorDetails:
    others = [other for other, keys in ARCHITECTURES.items() if key in keys]
    words = f"{name} has no such key; {having(others)} it"
    return InitErrorDetails(type=PydanticCustomError("value_error", "{words}", {"words": words}), loc=(key,), input=value)


def having(names: Iterable[str]) -> str:
    """`a has`; `a, b and c have`."""
    *most, last = names
    return f"{', '.join(most)} and {last} have" if most else f"{last} has"
