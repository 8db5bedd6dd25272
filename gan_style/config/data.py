"""The keys of `data`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.section import Place, Section
from gan_style.errors import short

RESIZES = ("resize_and_crop", "scale_width", "scale_width_and_crop")
CROPS = ("resize_and_crop", "crop", "scale_width_and_crop")
READS_B = OnlyWith({"method.domains": ("b",)}, words=("reads domain A alone", "reads domain B"))


def _is_colour(text: str) -> str:
    if not re.fullmatch("#([0-9a-f]{2}){1,4}", text):
        raise ValueError(f"{short(text)} is no colour; write # and two digits (0-9, a-f) for each channel, such as '#ff8000'")
    return text


Colour = Annotated[str, AfterValidator(_is_colour)]


class DomainConfig(Section):
    """How the images of one domain are read."""

    channels: int = Field(default=3, ge=1, le=4, description="Channels of the domain's images: 1 gray, 3 RGB, 4 RGB and alpha.")
    labels: Literal["auto", "yes", "no", "nearest"] = Field(
        default="auto",
        description="Are these label maps, whose classes must never be mixed by interpolation? `auto`: palette images are; `nearest`: "
        "yes, and each pixel takes the nearest of `colours`, which undoes what JPEG or blended edges did to them.",
    )
    colours: Annotated[list[Colour] | None, OnlyWith({"labels": ("nearest",)})] = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The classes' colours for `labels: nearest`, `['#000000', '#ffffff']`, two digits a channel; null: the frequent ones "
        "of the training label maps.",
    )
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="albumentations transforms of this domain alone, training only: `- {name: RandomBrightnessContrast, p: 0.5}`.",
    )

    @model_validator(mode="after")
    def _colours_fit(self) -> "DomainConfig":
        if any(len(colour) != 1 + 2 * (self.channels - (self.channels in (2, 4))) for colour in self.colours or ()):
            raise ValueError(f"colours have two digits for each channel but alpha; channels is {self.channels}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _yaml_booleans(cls, values: Any) -> Any:
        """YAML reads a bare yes or no as a boolean."""
        if isinstance(values, dict) and isinstance(values.get("labels"), bool):
            values = {**values, "labels": "yes" if values["labels"] else "no"}
        return values


class DataConfig(Section):
    """Where the images are and how they become samples."""

    root: Place = Field(
        default="data/demo/paired",
        description="Folder of the data set, a manifest file (.jsonl, .csv) or a URL of Parquet files. See data/README.md for the layouts.",
    )
    root_b: Place | None = Field(
        default=None,
        description="A folder of domain B's images where they do not lie beside domain A's, such as a folder of style pictures; "
        "`root` is then domain A's. Unpaired methods only.",
    )
    source: Literal["auto", "aligned", "folders", "unpaired", "labelled", "manifest", "parquet"] = Field(
        default="auto",
        description="Layout: `aligned` (train/: A and B side by side in one file), `folders` (trainA/ and trainB/ paired by stem), "
        "`unpaired` (trainA/ and trainB/), `labelled` (train/NAME/: a folder for each class), `manifest`, "
        "`parquet` (images in tables; pip install 'gan_style[parquet]'). "
        "`auto` looks at the root and at what the method needs.",
    )
    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"] = Field(
        default="resize_and_crop",
        description="Resize and random crop of training images; see data/README.md for what each does in validation.",
    )
    load_size: Annotated[int, OnlyWith({"preprocess": RESIZES}, refused=False)] = Field(
        default=286, ge=1, le=16384, description="Pixels that images are resized to before the crop (a width for `scale_width*`)."
    )
    crop_size: Annotated[int, OnlyWith({"preprocess": CROPS, "method.size": ON}, refused=False)] = Field(
        default=256, ge=1, le=16384, description="Pixels of the square random crop."
    )
    flip: bool = Field(default=True, description="Mirror training images left to right, half of the time.")
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Further albumentations transforms that move pixels, shared by both images of a pair, training only.",
    )
    domain_a: DomainConfig = Field(default_factory=DomainConfig, description="Domain A: the input of a2b.")
    domain_b: Annotated[DomainConfig, READS_B] = Field(default_factory=DomainConfig, description="Domain B: the output of a2b.")
    changed: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="When a run goes on and its training images are not those that it was trained on (some were added, removed, replaced): "
        "`refuse` ends the command and names the first of them, `accept` trains on the new ones from there on. A data set may move.",
    )
    workers: int = Field(
        default=2,
        ge=0,
        le=128,
        description="Processes that load images beside each training process; 0 loads in it. Does not change results.",
    )

    def with_colours(self, found: dict[str, list[str]]) -> "DataConfig":
        """The same, with the classes of these domains, "a" or "b"."""
        domains = {f"domain_{name}": getattr(self, f"domain_{name}").model_copy(update={"colours": of_it}) for name, of_it in found.items()}
        return self.model_copy(update=domains)

    @property
    def one_size(self) -> bool:
        """Are all training images squares of `crop_size`?"""
        return self.preprocess in CROPS

    @model_validator(mode="after")
    def _crop_fits(self) -> "DataConfig":
        if self.preprocess in ("resize_and_crop", "scale_width_and_crop") and self.crop_size > self.load_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than load_size {self.load_size}: lower crop_size or raise load_size")
        return self
