"""A file of one network that no bundle serves, such as a discriminator: its section and its weights under our names.

One safetensors file. Its metadata hold, as JSON under `gan_style_network`, the role of the network, its section and its channels.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from gan_style.bundles.file import opened, tensors_of, unreadable
from gan_style.config.network import NetworkConfig
from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.interop.foreign import without_memory
from gan_style.interop.held import Held
from gan_style.networks import DISCRIMINATORS, DiscriminatorConfig

KEY = "gan_style_network"
_SECTION: TypeAdapter[NetworkConfig] = TypeAdapter(DiscriminatorConfig)


class _Info(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = Field(pattern="^discriminator$")
    network: dict[str, Any]
    in_channels: int = Field(ge=1, le=4096)


def save_discriminator(path: Path, config: NetworkConfig, in_channels: int, weights: Mapping[str, Tensor]) -> None:
    """Write a discriminator's file atomically."""
    info = _Info(role="discriminator", network=config.model_dump(mode="json"), in_channels=in_channels)
    with replacing(path) as temporary:
        save_file(dict(weights), temporary, metadata={KEY: info.model_dump_json()})


def open_discriminator(path: Path) -> Held | None:
    """The network in a discriminator's file; None if the file is another one. `UserError` if its metadata or weights do not fit."""
    try:
        with opened(path, KEY) as (file, metadata):
            info = _Info.model_validate(metadata)
            config = _SECTION.validate_python(info.network)
            weights = tensors_of(file)
    except ValidationError as mistakes:
        raise UserError(f"{path}: {unreadable(mistakes)}") from None
    except (KeyError, OSError, SafetensorError, ValueError, RecursionError):
        return None
    network = without_memory(partial(DISCRIMINATORS[config.name], in_channels=info.in_channels, config=config))
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in network.state_dict().items()}
    if {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()} != expected:
        raise UserError(f"{path}: its weights do not fit the network that its metadata describe; convert it again")
    return Held(path, config, info.in_channels, network, weights)
