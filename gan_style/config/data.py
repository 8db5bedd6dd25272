"""The keys of `data`."""

import re
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.section import Place, Section
from gan_style.errors import short

if TYPE_CHECKING:
    from gan_style.files.scale import Scale

RESIZES = ("resize_and_crop", "scale_width", "scale_width_and_crop")
CROPS = ("resize_and_crop", "crop", "scale_width_and_crop")
READS_B = OnlyWith({"method.domains": ("b",)}, words=("reads domain A alone", "reads domain B"))


def _is_colour(text: str) -> str:
    if not re.fullmatch("#([0-9a-f]{2}){1,4}", text):
        raise ValueError(f"{short(text)} is no colour; write # and two digits (0-9, a-f) for each channel, such as '#ff8000'")
    return text


def _is_number(value: Any) -> bool:
    with suppress(TypeError, ValueError):
        return not isinstance(value, bool) and isinstance(float(value), float)
    return False


HexColour = Annotated[str, AfterValidator(_is_colour)]


class DomainConfig(Section):
    """How the images of one domain are read."""

    channels: int = Field(
        default=3,
        ge=1,
        le=64,
        description="Channels of the domain's images: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. With `range` 1 to 64, "
        "which each file must have.",
    )
    labels: Literal["auto", "yes", "no", "nearest"] = Field(
        default="auto",
        description="Are the images label maps? Interpolation never mixes the classes of a label map. `auto`: images with a palette are. "
        "`nearest`: all are, and each pixel takes the nearest of `colours`, which removes the traces of JPEG and of blended "
        "edges.",
    )
    colours: Annotated[list[HexColour] | None, OnlyWith({"labels": ("nearest",)})] = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The colours of the classes for `labels: nearest`, such as `['#000000', '#ffffff']`, with two hexadecimal digits a "
        "channel. null: the frequent colours of the training label maps.",
    )
    range: tuple[float, float] | Annotated[list[tuple[float, float]], Field(max_length=64)] | Literal["auto", "percentiles"] | None = Field(
        default=None,
        description="The values of a file that become -1 and 1 for the network, such as `[-1024, 3071]`, for files of measurements: float, "
        "int16, 12 bits in 16. `[[0, 4000], [0, 1]]`: one range for each channel. Values beyond are cut. `auto`: the least and the "
        "greatest value of the training files, of each file by itself where an image is several. `percentiles`: those without the 0.5 % at "
        "each end. Both are found once and kept in config.yaml. null: files are pictures, whose type says what is black and white "
        "(docs/guide/measurements.md).",
    )
    slices: Annotated[int | None, OnlyWith({"range": ON})] = Field(
        default=None,
        ge=1,
        le=63,
        description="For NIfTI volumes, of which each slice is an image: the number of neighbouring slices that are its channels, odd. 1: "
        "the slice alone. 3: with one on each side; at the ends the last slice is repeated. `channels` is that of all together. Where one "
        "domain has `slices`, null counts as 1 for the other. null: a file is an image.",
    )
    missing: Annotated[float | Literal["refuse"], OnlyWith({"range": ON})] = Field(
        default="refuse",
        description="The value, in the unit of `range`, that takes the place of values that are not there: not a number, infinite, or the "
        "file's value of no data (GDAL's). `refuse`: a file with such values ends the training, by its name.",
    )
    type: Annotated[Literal["auto", "uint8", "int8", "uint16", "int16", "int32", "float32"], OnlyWith({"range": ON})] = Field(
        default="auto",
        description="The type in which infer.py writes results of this domain. `auto`: that of the training files, or float32.",
    )
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Albumentations transforms of this domain that change colours, such as `[{name: RandomBrightnessContrast, p: 0.5}]`. "
        "They apply to training images only.",
    )

    @field_validator("range", mode="before")
    @classmethod
    def _range_in_words(cls, value: Any) -> Any:
        """One message, where pydantic has one for each type that the key can have."""
        if value is None or value in ("auto", "percentiles"):
            return value
        pairs = value if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple) else [value]
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_is_number, pair)) for pair in pairs):
            raise ValueError(f"must be [low, high], or [[low, high], ...] for each channel, or auto or percentiles, not {short(value)}")
        return value

    @model_validator(mode="after")
    def _colours_fit(self) -> "DomainConfig":
        if any(len(colour) != 1 + 2 * (self.channels - (self.channels in (2, 4))) for colour in self.colours or ()):
            raise ValueError(f"colours must have two digits for each channel but alpha; channels is {self.channels}")
        return self

    @model_validator(mode="after")
    def _range_fits(self) -> "DomainConfig":
        if self.channels > 4 and self.range is None:
            raise ValueError(f"channels {self.channels} are measurements, not colours: set range too, or at most 4 channels")
        if self.range is not None and self.labels in ("yes", "nearest"):
            raise ValueError(f"range is of measurements, and labels: {self.labels} of classes; leave one of them out")
        ranges = self.range if isinstance(self.range, list) else [self.range] if isinstance(self.range, tuple) else []
        if isinstance(self.range, list) and len(ranges) != self.channels:
            raise ValueError(f"range has {len(ranges)} ranges for {self.channels} channels; give one for each, or two numbers for all")
        for each in ranges:
            if not (all(map(isfinite, each)) and each[0] < each[1]):
                raise ValueError(f"range {list(each)} must be two numbers, the smaller one first")
        if self.slices is not None and (self.slices % 2 == 0 or self.channels % self.slices):
            raise ValueError(f"slices {self.slices} must be odd, and divide channels {self.channels}, which counts those of all slices")
        if not isinstance(self.missing, str) and not isfinite(self.missing):
            raise ValueError("missing must be a number or refuse")
        return self

    @property
    def scale(self) -> "Scale | None":
        """The scale of the domain's values; None for pictures. A range that is to be found counts as one that is not known yet."""
        if self.range is None or isinstance(self.range, str):
            return None
        from gan_style.files.scale import Scale  # loads NumPy

        missing = None if isinstance(self.missing, str) else self.missing
        low, high = zip(*self.range, strict=True) if isinstance(self.range, list) else self.range
        return Scale(low, high, missing)


class DataConfig(Section):
    """Where the images are and how they become samples."""

    root: Place = Field(
        default="data/demo/paired",
        description="The data set: a folder, a manifest file (.jsonl, .csv) or a URL of Parquet files. data/README.md shows the layouts.",
    )
    root_b: Place | None = Field(
        default=None,
        description="Folder of domain B's images, such as style pictures. `root` is then the folder of domain A's images. For unpaired "
        "methods only. null: `root` holds both domains.",
    )
    source: Literal["auto", "aligned", "folders", "unpaired", "labelled", "manifest", "parquet"] = Field(
        default="auto",
        description="Layout of the data set. `aligned`: files in train/, each with A and B side by side. `folders`: trainA/ and trainB/, "
        "paired by stem. `unpaired`: trainA/ and trainB/. `labelled`: train/NAME/, a folder for each class. `manifest`: a "
        ".jsonl or .csv file. `parquet`: images in tables (`pip install 'gan_style[parquet]'`). `auto`: the layout that fits "
        "the root and the method.",
    )
    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"] = Field(
        default="resize_and_crop",
        description="How training images are resized and cropped. data/README.md says what each choice does, in validation too.",
    )
    load_size: Annotated[int, OnlyWith({"preprocess": RESIZES}, refused=False)] = Field(
        default=286,
        ge=1,
        le=16384,
        description="Pixels of both sides to which images are resized before the crop; of the width alone for `scale_width` and "
        "`scale_width_and_crop`.",
    )
    crop_size: Annotated[int, OnlyWith({"preprocess": CROPS, "method.size": ON}, refused=False)] = Field(
        default=256, ge=1, le=16384, description="Pixels of a side of the random square crop."
    )
    sampler: Annotated[Literal["uniform", "foreground"], OnlyWith({"preprocess": CROPS})] = Field(
        default="uniform",
        description="Where the crop lies. `uniform`: anywhere. `foreground`: at the first of at most 16 random places where a quarter of "
        "domain A's pixels, or of the only domain's, are neither nearly white nor nearly black nor transparent; of an image with a mask "
        "where a quarter of its pixels are inside.",
    )
    mask: Literal["auto", "off"] = Field(
        default="auto",
        description="Are masks used? `auto`: if the data set has them, in `trainMask/` or under `mask` in a manifest. Losses are weighed, "
        "metrics measured and ranges found inside them (docs/guide/measurements.md). `off`: no.",
    )
    flip: bool = Field(default=True, description="Mirror half of the training images left to right, chosen at random.")
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Further albumentations transforms that move pixels. Both images of a pair are moved alike. They apply to training "
        "images only.",
    )
    domain_a: DomainConfig = Field(default_factory=DomainConfig, description="Domain A, the input of direction a2b.")
    domain_b: Annotated[DomainConfig, READS_B] = Field(default_factory=DomainConfig, description="Domain B, the output of direction a2b.")
    hold_out: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="For a data set without validation images: how many pairs, or images of each domain, are kept out of training to serve "
        "validation. A hash of their names chooses them. 0: none.",
    )
    changed: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="What happens if a run goes on and training images were added, removed or replaced. `refuse`: the command ends and "
        "names the first change. `accept`: the run goes on with the changed data set. A data set may move to another folder.",
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=0, le=128)] = Field(
        default="auto",
        description="Processes that load images for each training process, at most 128. 0: the training process loads them itself. "
        "`auto`: as many as the cores of a training process but one, at most 8. The number does not change results.",
    )
    cache: Literal["off", "memory", "disk"] = Field(
        default="off",
        description="Where decoded and resized training images are kept, so that an image is not decoded in every epoch. `memory`: in each "
        "loading process. `disk`: in a folder that all processes and runs share, `$GAN_STYLE_CACHE/images` or "
        "`~/.cache/gan_style/images`, which may be deleted. Results do not change.",
    )
    cache_gb: Annotated[float, OnlyWith({"cache": ("memory", "disk")})] = Field(
        default=4.0,
        gt=0,
        le=1_000_000,
        description="Most gigabytes of cached images: in the memory of the loading processes of one training process together, or in the "
        "folder. A full cache keeps what it has.",
    )

    def with_domains(self, found: Mapping[str, Mapping[str, Any]]) -> "DataConfig":
        """The same, with other keys of these domains, "a" or "b"."""
        domains = {f"domain_{name}": getattr(self, f"domain_{name}").model_copy(update=dict(keys)) for name, keys in found.items()}
        return self.model_copy(update=domains)

    def with_colours(self, found: dict[str, list[str]]) -> "DataConfig":
        """The same, with the classes of these domains, "a" or "b"."""
        return self.with_domains({name: {"colours": of_it} for name, of_it in found.items()})

    @property
    def one_size(self) -> bool:
        """Are all training images squares of `crop_size`?"""
        return self.preprocess in CROPS

    @model_validator(mode="after")
    def _sampler_has_effect(self) -> "DataConfig":
        if self.sampler != "uniform" and self.transforms:
            raise ValueError("sampler: foreground chooses the crop before data.transforms could move it; leave one of them out")
        return self

    @model_validator(mode="after")
    def _crop_fits(self) -> "DataConfig":
        if self.preprocess in ("resize_and_crop", "scale_width_and_crop") and self.crop_size > self.load_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than load_size {self.load_size}: lower crop_size or raise load_size")
        return self
