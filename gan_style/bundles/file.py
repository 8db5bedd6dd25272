"""The inference bundle: one safetensors file with a translator's weights and, as JSON in its metadata, all that is needed to run it.

Nothing is unpickled. A bundle from outside may be damaged or hostile, so the length of its header is bounded, and the header is
checked against a schema before a network is built. Tensors are never larger than the file, and are only copied into the network that
the header describes (docs/guide/untrusted.md).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import lt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gan_style.conditions import AnyCondition
from gan_style.errors import UserError, wrong_value
from gan_style.files.atomic import replacing
from gan_style.files.kinds import kind_of_name
from gan_style.files.opening import read_regular
from gan_style.files.scale import Scale, ValueType
from gan_style.types import Direction

METADATA_KEY = "gan_style"
FORMAT = 1
MAX_HEADER_BYTES = 2**20  # names and shapes of the tensors, and the metadata: some 30 KB for the largest network
DTYPES = {"F32", "I64"}  # as `save_bundle` writes them


class Resize(BaseModel):
    """The size of validation images in training, which `infer --resize train` repeats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
    load_size: int = Field(ge=1, le=16384)
    crop_size: int = Field(ge=1, le=16384)

    @model_validator(mode="after")
    def _crop_fits(self) -> "Resize":
        """As in the configuration of every run: what reads the images of a file's data set needs no check of its own."""
        if self.preprocess in ("resize_and_crop", "scale_width_and_crop") and self.crop_size > self.load_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than load_size {self.load_size}")
        return self


class Ancestor(BaseModel):
    """The weights that a training began from.

    path: of the file or the checkpoint, in a bundle from its run folder on (`place.without_place`); of the hub, a reference with the commit
    sha256: of the file; step: of the training that made them, None if it is not known
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(max_length=4096)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    step: int | None = Field(default=None, ge=0, lt=2**53)


class BundleValues(BaseModel):
    """The values of the inputs or of the results, where they are measurements.

    low, high: become -1 and 1, of all channels or one for each channel
    missing: takes the place of values that are not there, None refuses them; type: of results
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float | Annotated[tuple[float, ...], Field(min_length=1, max_length=64)]
    high: float | Annotated[tuple[float, ...], Field(min_length=1, max_length=64)]
    missing: float | None = None
    type: ValueType = "float32"

    @model_validator(mode="after")
    def _range_fits(self) -> "BundleValues":
        low, high = self.ends
        if len(low) != len(high) or not all(map(lt, low, high)):
            raise ValueError(f"low {self.low} is not less than high {self.high}")
        return self

    @property
    def ends(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """low and high of each channel, or of all channels."""
        low, high = (each if isinstance(each, tuple) else (each,) for each in (self.low, self.high))
        return low, high

    @property
    def scale(self) -> Scale:
        return Scale(self.low, self.high, self.missing)


class BundleInfo(BaseModel):
    """A bundle's metadata."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    method: str
    direction: Direction
    translator: dict[str, Any]  # the configuration that the method builds its translator from
    in_channels: int = Field(ge=1, le=64)
    out_channels: int = Field(ge=1, le=64)
    size_multiple: int = Field(ge=1, le=2**15)  # the translator pads sides to a multiple of this; informative only
    value_range: tuple[float, float] = (-1.0, 1.0)
    style: bool = False  # does it need a style image?
    condition: AnyCondition | None = None  # what the translator takes beside the image; None in a bundle of an earlier version
    labels: Literal["auto", "yes", "no", "nearest"] = "auto"  # are its inputs label maps?
    colours: list[Annotated[str, Field(pattern=r"^#([0-9a-f]{2}){1,4}$")]] = Field([], max_length=256)  # the classes, for `nearest`
    values_in: BundleValues | None = None  # of the inputs, if they are measurements; None: pictures
    values_out: BundleValues | None = None  # of the results
    inputs: int = Field(default=1, ge=1, le=64)  # files of an input
    slices: int | None = Field(default=None, ge=1, le=63)  # neighbouring slices of an input, if inputs are slices of volumes
    resize: Resize
    statistics: Literal["image", "running"] = "image"  # what a batch normalisation uses: each image's own, or those of the training
    step: int = Field(ge=0, lt=2**53)
    begun_from: Ancestor | None = None  # the weights that the translator began with (`train.init_from`)
    scores: dict[str, float] = {}  # the scores of validation, in a bundle that was kept as the best

    @model_validator(mode="after")
    def _ranges_fit(self) -> "BundleInfo":
        for values, channels in ((self.values_in, self.in_channels), (self.values_out, self.out_channels)):
            if values is not None and len(values.ends[0]) not in (1, channels):
                raise ValueError(f"has {len(values.ends[0])} ranges for {channels} channels")
        if self.slices is not None and (self.slices % 2 == 0 or self.in_channels % self.slices or self.values_in is None):
            raise ValueError(f"inputs of {self.slices} slices do not fit {self.in_channels} channels of values")
        if self.inputs > 1 and self.values_in is None:
            raise ValueError(f"inputs of {self.inputs} files have no range of values")
        return self

    @model_serializer(mode="wrap")
    def _without_what_pictures_lack(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `values_in`, `values_out`, `inputs` and `slices` of pictures, which earlier versions do not know."""
        found: dict[str, Any] = serialise(self)
        plain = {"values_in": None, "values_out": None, "inputs": 1, "slices": None}
        return {key: value for key, value in found.items() if key not in plain or value != plain[key]}


def about(info: BundleInfo) -> str:
    """A bundle in words."""
    return f"{info.method} {info.direction}, step {info.step}"


def digest(path: Path) -> str:
    """What tells a bundle from any other."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_bundle(path: Path, info: BundleInfo, weights: Mapping[str, Tensor]) -> None:
    """Write a bundle atomically. Floating-point weights are stored as float32."""
    tensors = {
        name: (weight.detach().float() if weight.is_floating_point() else weight.detach()).cpu().contiguous()
        for name, weight in weights.items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={METADATA_KEY: info.model_dump_json()})


def load_bundle(path: Path) -> tuple[BundleInfo, dict[str, Tensor]]:
    """Read a bundle's metadata and weights. `UserError` names the file and what is wrong with it."""
    try:
        with opened(path, METADATA_KEY) as (file, metadata):
            info = BundleInfo.model_validate(metadata)
            for name in file.keys():  # noqa: SIM118
                if (dtype := file.get_slice(name).get_dtype()) not in DTYPES:
                    raise UserError(
                        f"{path}: its tensor {name} is {dtype}; a bundle has {' and '.join(sorted(DTYPES))} only: make it again"
                    )
            return info, tensors_of(file)
    except KeyError:
        raise UserError(
            f"{path}: a safetensors file, but not a gan_style bundle (no {METADATA_KEY!r} in its metadata); give a bundle"
        ) from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such bundle; check the path") from None
    except ValidationError as mistakes:
        raise UserError(f"{path}: {unreadable(mistakes)}") from None
    except OSError as problem:
        raise UserError(f"{path}: cannot be read ({problem.strerror or problem}); check the path") from None
    except (SafetensorError, ValueError, RecursionError) as problem:
        raise UserError(f"{path}: {_no_bundle(path, problem)}") from None


def _no_bundle(path: Path, problem: Exception) -> str:
    """Why a file is not a bundle, in words."""
    if path.suffix.lower() in (".pt2", ".ts"):
        return "not a gan_style bundle; networks in .pt2 and .ts are for other programs: give the bundle, or export an .onnx file"
    kind = kind_of_name(path.name)
    if kind and path.suffix != ".safetensors":
        return (
            f"is {kind.name}, not a gan_style bundle; train.py writes those (bundles/a2b.safetensors in its run folder), "
            "and gan-style convert makes bundles of other projects' weights"
        )
    return f"not a gan_style bundle ({problem})"


def unreadable(mistakes: ValidationError, place: Sequence[int | str] | None = None) -> str:
    """What is wrong with a bundle's metadata, in words. place: the keys that lead to the first mistake, if its `loc` does not."""
    first = mistakes.errors()[0]
    key = ".".join(map(str, first["loc"] if place is None else place))
    return f"its metadata is not what this version of gan_style reads: {key}: {wrong_value(dict(first))}; make the bundle again"


@contextmanager
def opened(path: Path, key: str, limit: int = MAX_HEADER_BYTES) -> Iterator[tuple[Any, Any]]:
    """An open safetensors file, and the JSON value under `key` of its metadata.

    limit: most bytes of its header
    `KeyError` if the metadata lack the key; `OSError`, `SafetensorError`, `ValueError` or `RecursionError` for a file that is not
    readable, damaged or too large.
    """
    check_header(path, limit)
    with safe_open(path, framework="pt") as file:
        yield file, json.loads((file.metadata() or {})[key])


def tensors_of(file: Any) -> dict[str, Tensor]:
    """All tensors of an open safetensors file, by name."""
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def check_header(path: Path, limit: int) -> None:
    """`ValueError` if the header of a safetensors file claims more than `limit` bytes. Reading a header takes many times its size."""
    length = int.from_bytes(read_regular(path, 8), "little")
    if length > limit:
        raise ValueError(f"its header claims {length} bytes, more than the {limit} allowed")
