"""The inference bundle: one safetensors file with a translator's weights and, as JSON in its metadata, all that is needed to run it.

Nothing is unpickled. A bundle from outside can be wrong or hostile: its header is checked against a schema before any
network is built, and its tensors are only ever copied into the network that the header describes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gan_style.atomic import replacing
from gan_style.errors import UserError
from gan_style.types import Direction

METADATA_KEY = "gan_style"
FORMAT = 1


class Resize(BaseModel):
    """How training sized its validation images: what `infer.py --resize train` repeats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
    load_size: int = Field(ge=1, le=16384)
    crop_size: int = Field(ge=1, le=16384)


class BundleInfo(BaseModel):
    """A bundle's metadata."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    method: str
    direction: Direction
    translator: dict[str, Any]  # the configuration that the method builds its translator from
    in_channels: int = Field(ge=1, le=64)
    out_channels: int = Field(ge=1, le=64)
    size_multiple: int = Field(ge=1, le=4096)  # the translator pads its input to a multiple of this, and crops
    value_range: tuple[float, float] = (-1.0, 1.0)
    style: bool = False  # does it need a style image?
    labels: Literal["auto", "yes", "no"] = "auto"  # are its inputs label maps?
    resize: Resize
    step: int = Field(ge=0)


def save_bundle(path: Path, info: BundleInfo, weights: Mapping[str, Tensor]) -> None:
    """Write a bundle as a whole or not at all. Floating point weights are stored as float32."""
    tensors = {
        name: (weight.detach().float() if weight.is_floating_point() else weight.detach()).cpu().contiguous()
        for name, weight in weights.items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={METADATA_KEY: info.model_dump_json()})


def load_bundle(path: Path) -> tuple[BundleInfo, dict[str, Tensor]]:
    """A bundle's metadata and weights, or `UserError` naming the file and what is wrong with it."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
            if text is None:
                raise UserError(f"{path}: a safetensors file, but not a gan_style bundle (no {METADATA_KEY!r} in its metadata)")
            info = BundleInfo.model_validate(json.loads(text))
            return info, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"{path}: no such bundle; give a .safetensors file or a run folder") from None
    except ValidationError as mistakes:
        first = mistakes.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: its metadata is not what this version of gan_style reads: {key}: {first['msg']}") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as problem:
        raise UserError(f"{path}: not a gan_style bundle ({problem})") from None
