"""The section of a network, and the key of a method that takes one of several networks.

Each network owns a subclass of `NetworkConfig` beside its module (gan_style/networks); a method's key lists those that it takes (`OneOf`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from gan_style.config.effect import OnlyWith
from gan_style.config.section import Section

Init = Literal["normal", "xavier", "kaiming", "orthogonal"]
InitGain = Annotated[float, OnlyWith({"init": ("normal", "xavier", "orthogonal"), "norm": ("batch",)})]  # it scales batch norms too

# Earlier versions wrote the keys of every generator, or of every discriminator, into the section of each.
_WRITTEN_FOR_ALL = (
    {
        *("base_channels", "num_blocks", "num_downs", "num_enhancers", "norm", "dropout", "upsampling", "activation_checkpointing"),
        *("spectral_norm", "antialias", "init", "init_gain"),
    },
    {"base_channels", "num_layers", "num_scales", "antialias", "norm", "spectral_norm", "init", "init_gain"},
)


class NetworkConfig(Section):
    """What every network has: `name`, which a subclass narrows to a Literal, and how its weights begin."""

    name: Any
    init: Init = Field(default="normal", description="Initial weights of convolutions and linear layers. Biases start at 0.")
    init_gain: InitGain = Field(
        default=0.02, gt=0, description="Standard deviation of the weights for `init: normal`, gain for `xavier` and `orthogonal`."
    )
    spectral_norm: bool = Field(
        default=False,
        description="Divide each layer's weights by their largest singular value. This bounds the slope of the layer (1802.05957).",
    )

    @property
    def mixes_batch(self) -> bool:
        """Does batch normalisation make an image's result depend on the other images of its batch?"""
        return getattr(self, "norm", None) == "batch"


Kinds = Mapping[str, type[NetworkConfig]]  # name -> the section of that network


@dataclass(frozen=True, eq=False)
class OneOf:
    """An annotation of a key: its section is the section of one of these networks, chosen by its `name`.

    asks: the function that tells these networks from others of their registry, for messages; empty if the key takes a whole registry
    """

    kinds: Kinds
    asks: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.tagged_union_schema({name: handler.generate_schema(kind) for name, kind in self.kinds.items()}, "name")


def choice_of(field: FieldInfo | None) -> OneOf:
    """The networks that a key takes; none if there is no key, or it takes no network."""
    return next((rule for rule in (field.metadata if field else ()) if isinstance(rule, OneOf)), OneOf({}))


def kinds_of(field: FieldInfo) -> Kinds:
    """The networks that a key takes; empty if it takes no network."""
    return choice_of(field).kinds


def completed(kinds: Kinds, default: NetworkConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a section. If `given` names the network of `default`, or none, the other keys get the values of `default`.

    Keys of other networks are left out of a section that an earlier version wrote, which has the keys of all networks.
    """
    name = given.get("name", default.name)
    kind = kinds.get(name) if isinstance(name, str) else None
    kept = dict(given)
    for written in _WRITTEN_FOR_ALL:
        if kind and given.keys() >= written:
            kept = {key: value for key, value in kept.items() if key in kind.model_fields or key not in written}
    return {**default.model_dump(), **kept} if name == default.name else kept


def having_key(kinds: Kinds, key: Any) -> list[str]:
    """The names of the networks that have a key."""
    return [name for name, kind in kinds.items() if key in kind.model_fields]


def having(names: Iterable[str]) -> str:
    """`a has`; `a, b and c have`."""
    *most, last = names
    return f"{', '.join(most)} and {last} have" if most else f"{last} has"
