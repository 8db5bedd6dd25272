"""A network that was read from another project's file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.errors import UserError, wrong_value
from gan_style.interop.settings import Settings
from gan_style.interop.weight_file import State

C = TypeVar("C", bound=NetworkConfig)
Role = Literal["generator", "discriminator"]
Statistics = Literal["image", "running"]


@dataclass(frozen=True)
class Foreign:
    """A network of ours with the weights of another project's file.

    kind: the project, a key of `projects.PROJECTS`; role: what the network is to a method
    method: the name of a method whose bundle serves a generator of this kind
    config: the network's section; in_channels, out_channels: of the network itself, after an encoding of label maps
    weights: as in the state dict of the bare network (`networks.GENERATORS[config.name]` and its like): float32 and int64, on the CPU
    told: a line for each setting, and for what was left out
    keys: further keys of the method's section, such as the classes of label maps
    statistics: with batch normalisation, those of each "image" or the "running" ones normalise an image when the project infers
    """

    kind: str
    role: Role
    method: str
    config: NetworkConfig
    in_channels: int
    out_channels: int
    weights: dict[str, Tensor]
    told: tuple[str, ...]
    keys: Mapping[str, Any]
    statistics: Statistics = "image"


@dataclass(frozen=True)
class Project:
    """Another project: its title, a test of names of tensors, and a reader of a state dict that passes it."""

    title: str
    recognises: Callable[[State], bool]
    read: Callable[[State, Settings], Foreign]


def section(kind: type[C], **keys: Any) -> C:
    """A network's section with these keys. `UserError` for settings that no network here has."""
    try:
        return kind.model_validate(keys)
    except ValidationError as mistakes:
        first = mistakes.errors()[0]
        raise UserError(
            f"{'.'.join(map(str, first['loc']))}: {wrong_value(dict(first))}; the weights are of a network that is not here"
        ) from None


def without_memory(make: Callable[[], nn.Module]) -> nn.Module:
    """The network that `make` constructs, whose tensors have shapes and no values."""
    with torch.device("meta"):
        return make()


def in_full(weights: Mapping[str, Tensor], settings: Settings) -> dict[str, Tensor]:
    """Weights as bundles hold them, float32 and int64; another precision is told."""
    kinds = {value.dtype for value in weights.values() if value.is_floating_point()} - {torch.float32}
    for kind in kinds:
        word = str(kind).removeprefix("torch.")
        settings.tell("precision", word, "rounded to float32" if kind == torch.float64 else "kept as float32, the same numbers")
    return {name: (value.float() if value.is_floating_point() else value.long()).contiguous().clone() for name, value in weights.items()}
