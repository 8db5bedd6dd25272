"""The metadata of an exported network: JSON under the key `gan_style` in the file's own metadata."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gan_style.bundles.file import BundleInfo
from gan_style.conditions import AnyCondition

Door = Literal["uint8", "float"]
EXPORT_FORMAT = 1
EXTRA = "export"  # of pyproject.toml: onnx, onnxruntime, onnxscript


class Port(BaseModel):
    """One input or output of an exported network. Every first dimension is the batch.

    type: `uint8` or `float32`; shape: numbers, and names of the dimensions that are free; meaning: the values, in words
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=64)
    type: Literal["uint8", "float32"]
    shape: list[Annotated[int, Field(ge=1, le=2**20)] | Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=4)
    meaning: str = Field(max_length=4096)


class Accuracy(BaseModel):
    """How far the file's results were from torch's when it was written.

    error: the largest distance beyond the rounding to `uint8`, as a share of the range; allowed: the largest that is accepted;
    images: batch, height and width of each comparison
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: float
    allowed: float
    images: list[tuple[int, int, int]] = Field(max_length=64)


class ExportInfo(BaseModel):
    """All that is needed to run an exported network, and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = EXPORT_FORMAT
    version: str = Field(max_length=64)  # of gan_style
    bundle: BundleInfo
    sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of the bundle's file
    condition: AnyCondition
    input: Door
    value_range: tuple[float, float]  # of the pictures in and out
    precision: Literal["fp32", "fp16"]
    opset: int | None = Field(ge=1, le=1000)  # of ONNX; None in other formats
    size_multiple: int = Field(ge=1, le=2**15)  # the graph pads sides to a multiple of this
    minimum_size: int = Field(ge=1, le=2**16)  # and to this at least
    inputs: list[Port] = Field(min_length=1, max_length=4)
    outputs: list[Port] = Field(min_length=1, max_length=1)
    accuracy: Accuracy | None = None  # None until the file was compared
