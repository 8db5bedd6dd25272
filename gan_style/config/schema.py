"""Every key a run can be configured by, with its meaning, range and default.

The defaults of `method` live with each method (gan_style/methods); docs/guide/config.md is generated from here.
Sections are frozen and refuse unknown keys.
"""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class Section(BaseModel):
    """A frozen group of keys that refuses the ones it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_not_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `on` and `yes` as true, which pydantic would take for 1."""
        if isinstance(value, bool) and info.field_name and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError(
                "this is no switch, and YAML reads on, off, yes and no as true and false; give a value, in quotes if it is text"
            )
        return value


Norm = Literal["instance", "batch", "none"]
Init = Literal["normal", "xavier", "kaiming", "orthogonal"]


class GeneratorConfig(Section):
    """A generator network; keys that its architecture does not have are ignored by it and say so."""

    name: Literal["resnet", "unet", "global", "coarse-to-fine", "spade"] = Field(
        default="resnet",
        description="Architecture: `resnet` (1603.08155, 1703.10593), `unet` (1611.07004), and for large images `global`, `coarse-to-fine` "
        "(1711.11585) and `spade` (1903.07291).",
    )
    base_channels: int = Field(default=64, ge=1, le=1024, description="Channels of the first layer; deeper layers have a multiple of it.")
    num_blocks: int = Field(
        default=9,
        ge=0,
        le=64,
        description="Residual blocks (`resnet`, `global`, `coarse-to-fine`); CycleGAN takes 6 for 128 pixels and 9 from 256.",
    )
    num_downs: int = Field(
        default=8,
        ge=2,
        le=12,
        description="Halvings down to the bottleneck: `unet` 7 for 128 pixels, 8 for 256; in their papers `global` and `coarse-to-fine` 4, "
        "`spade` 6.",
    )
    num_enhancers: int = Field(
        default=1,
        ge=1,
        le=3,
        description="Local enhancers (`coarse-to-fine` only): the global generator works at 1/2**n of the image's size.",
    )
    norm: Norm = Field(default="instance", description="Normalisation after each convolution; `instance` keeps no running statistics.")
    dropout: bool = Field(default=False, description="Dropout of 0.5 in the residual blocks, or in the innermost decoder layers (`unet`).")
    upsampling: Literal["deconvolution", "resize-convolution"] = Field(
        default="deconvolution",
        description="`deconvolution` as in the papers, or `resize-convolution`, which leaves no checkerboard "
        "(distill.pub/2016/deconv-checkerboard).",
    )
    activation_checkpointing: bool = Field(
        default=False,
        description="Compute what residual blocks (`resnet`) or all stages (`global`, `coarse-to-fine`, `spade`) hold a second time in the "
        "backward instead of keeping it (1604.06174): less memory, more time, the same result.",
    )
    init: Init = Field(default="normal", description="Initial convolution weights; biases start at 0.")
    init_gain: float = Field(default=0.02, gt=0, description="Standard deviation for `init: normal`, gain for `xavier` and `orthogonal`.")


class DiscriminatorConfig(Section):
    """A discriminator network."""

    name: Literal["patchgan", "pixel", "multiscale"] = Field(
        default="patchgan",
        description="`patchgan` judges overlapping patches, `pixel` each pixel by itself (1611.07004, section 6.1.2), `multiscale` patches "
        "at several scales (1711.11585).",
    )
    base_channels: int = Field(default=64, ge=1, le=1024, description="Channels of the first layer.")
    num_layers: int = Field(
        default=3, ge=1, le=8, description="Strided layers (`patchgan`, `multiscale`): 3 sees patches of 70 x 70 pixels."
    )
    num_scales: int = Field(
        default=3, ge=1, le=5, description="Scales (`multiscale` only): one PatchGAN for the image as it is, one for half its size, ..."
    )
    norm: Norm = Field(default="instance", description="Normalisation between the layers.")
    init: Init = Field(default="normal", description="Initial convolution weights; biases start at 0.")
    init_gain: float = Field(default=0.02, gt=0, description="Standard deviation for `init: normal`, gain for `xavier` and `orthogonal`.")


class MethodConfig(Section):
    """What every method's configuration has; each method adds its own keys."""

    name: Any  # a Literal in each method

    def pictures(self) -> list[str]:
        """The picture files that training reads beside the data set."""
        return []

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, values: Any) -> Any:
        """A section that sets some of its keys has this method's defaults for the others.

        pydantic alone would take them from the section's class: `generator: {num_downs: 7}` would turn pix2pix's U-Net into a ResNet.
        """
        if not isinstance(values, dict):
            return values
        completed = dict(values)
        for key, field in cls.model_fields.items():
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            if isinstance(values.get(key), dict) and isinstance(default, BaseModel):
                completed[key] = {**default.model_dump(), **values[key]}
        return completed


class DomainConfig(Section):
    """How the images of one domain are read."""

    channels: int = Field(default=3, ge=1, le=4, description="Channels of the domain's images: 1 gray, 3 RGB, 4 RGB and alpha.")
    labels: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Are these label maps, whose classes must never be mixed by interpolation? `auto`: palette images are.",
    )
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="albumentations transforms of this domain alone, training only: `- {name: RandomBrightnessContrast, p: 0.5}`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _yaml_booleans(cls, values: Any) -> Any:
        """YAML reads a bare yes or no as a boolean."""
        if isinstance(values, dict) and isinstance(values.get("labels"), bool):
            values = {**values, "labels": "yes" if values["labels"] else "no"}
        return values


class DataConfig(Section):
    """Where the images are and how they become samples."""

    root: str = Field(
        default="data/demo/paired",
        description="Folder of the data set, a manifest file (.jsonl, .csv) or a URL of Parquet files. See data/README.md for the layouts.",
    )
    root_b: str | None = Field(
        default=None,
        description="A folder of domain B's images where they do not lie beside domain A's, such as a folder of style pictures; "
        "`root` is then domain A's. Unpaired methods only.",
    )
    source: Literal["auto", "aligned", "folders", "unpaired", "manifest", "parquet"] = Field(
        default="auto",
        description="Layout: `aligned` (train/: A and B side by side in one file), `folders` (trainA/ and trainB/ paired by stem), "
        "`unpaired` (trainA/ and trainB/), `manifest`, `parquet` (images in tables; pip install 'gan_style[parquet]'). "
        "`auto` looks at the root and at what the method needs.",
    )
    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"] = Field(
        default="resize_and_crop",
        description="Resize and random crop of training images; see data/README.md for what each does in validation.",
    )
    load_size: int = Field(
        default=286, ge=1, le=16384, description="Pixels that images are resized to before the crop (a width for `scale_width*`)."
    )
    crop_size: int = Field(default=256, ge=1, le=16384, description="Pixels of the square random crop.")
    flip: bool = Field(default=True, description="Mirror training images left to right, half of the time.")
    transforms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Further albumentations transforms that move pixels, shared by both images of a pair, training only.",
    )
    domain_a: DomainConfig = Field(default_factory=DomainConfig, description="Domain A: the input of a2b.")
    domain_b: DomainConfig = Field(default_factory=DomainConfig, description="Domain B: the output of a2b.")
    workers: int = Field(
        default=2,
        ge=0,
        le=128,
        description="Processes that load images beside each training process; 0 loads in it. Does not change results.",
    )

    @model_validator(mode="after")
    def _crop_fits(self) -> "DataConfig":
        if self.preprocess in ("resize_and_crop", "scale_width_and_crop") and self.crop_size > self.load_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than load_size {self.load_size}: lower crop_size or raise load_size")
        return self


class OptimConfig(Section):
    """Adam and its learning rate over time, for every player."""

    lr: float = Field(default=2e-4, gt=0, description="Learning rate of Adam at the start.")
    beta1: float = Field(
        default=0.5, ge=0, lt=1, description="Decay of Adam's first moment; 0.5 steadies adversarial training (1511.06434)."
    )
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of Adam's second moment.")
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        default="linear",
        description="`linear` and `cosine`: constant, then down to 0 from `decay_start`; `step`: times `step_gamma` at each `step_every`.",
    )
    decay_start: float = Field(default=0.5, ge=0, le=1, description="Share of the run after which `linear` and `cosine` begin to fall.")
    step_every: float = Field(default=0.25, gt=0, le=1, description="Share of the run between two drops of `step`.")
    step_gamma: float = Field(default=0.1, gt=0, le=1, description="Factor of each drop of `step`.")
    clip_norm: float | None = Field(
        default=None, gt=0, description="Largest gradient norm of a player; longer gradients are scaled down. null: no clipping."
    )


class TrainConfig(Section):
    """How long, how many at once, how precisely."""

    steps: int | None = Field(
        default=None, ge=1, description="Optimizer steps after which the run ends: in a step every player that is due is updated once."
    )
    epochs: float | None = Field(
        default=None,
        gt=0,
        description="Planned passes over the data set (the larger domain, where they are unpaired): the length of the schedule, "
        "and of the run where `steps` is null. Without it `steps` is both.",
    )
    batch_size: int = Field(
        default=1, ge=1, description="GLOBAL batch: samples in one step over all processes and accumulated micro-batches."
    )
    accumulate: int = Field(
        default=1, ge=1, description="Micro-batches that each process sums before a step: the same result in less memory."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of weights, order, augmentation, dropout and replay buffers.")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(
        default="no", description="Half precision in the networks; losses stay in float32."
    )
    dtype: Literal["float32", "float64"] = Field(default="float32", description="Type of weights and images; float64 is for checks.")
    channels_last: bool = Field(default=True, description="Keep images as [B, H, W, C] in memory: faster convolutions.")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="Decay of the exponential moving average of the generators, which bundles then hold; 0: off."
    )
    checkpoint_every: int = Field(default=1000, ge=1, description="Steps between two checkpoints; one more is saved at the end.")
    keep: int = Field(default=3, ge=1, description="Checkpoints kept; older ones are deleted after a newer one is complete.")

    max_minutes: float | None = Field(
        default=None,
        gt=0,
        description="Minutes of training after which the run saves and ends with exit code 0, unfinished; the same command goes on.",
    )
    on_nonfinite: Literal["stop", "skip"] = Field(
        default="stop",
        description="When a loss or gradient is not finite no network is updated by it, and: `stop` ends the run, `skip` goes on.",
    )
    max_skips: int = Field(default=20, ge=1, description="Steps in a row that `on_nonfinite: skip` skips before it ends the run.")

    @model_validator(mode="before")
    @classmethod
    def _yaml_booleans(cls, values: Any) -> Any:
        """YAML reads a bare `no` as false."""
        if isinstance(values, dict) and values.get("mixed_precision") is False:
            values = {**values, "mixed_precision": "no"}
        return values

    @model_validator(mode="after")
    def _has_a_length(self) -> "TrainConfig":
        if self.steps is None and self.epochs is None:
            raise ValueError("the run has no length: set steps or epochs")
        if self.dtype == "float64" and self.mixed_precision != "no":
            raise ValueError("dtype float64 and mixed_precision exclude each other: set one of them back")
        return self


class LoggingConfig(Section):
    """What a run writes while it goes on."""

    every: int = Field(default=50, ge=1, description="Steps between two lines of metrics.jsonl.")
    samples_every: int = Field(default=500, ge=1, description="Steps between two sample grids; one more is drawn at the end.")
    samples: int = Field(default=4, ge=0, le=64, description="Validation images in a sample grid; 0: none.")
    alarm_after: int = Field(
        default=500,
        ge=0,
        description="Steps for which an alarm's condition must hold (adversary's loss near zero; output saturated, constant or equal to "
        "its input) before it is raised in the log and in metrics.jsonl; 0: never.",
    )
    tensorboard: bool = Field(default=False, description="Also write TensorBoard events (pip install 'gan_style[tensorboard]').")


M = TypeVar("M", bound=MethodConfig)


class RunConfig(Section, Generic[M]):
    """One training run."""

    run_dir: str = Field(description="Folder of the run: checkpoints, metrics, samples, bundles. The same command goes on from it.")
    method: M = Field(description="The method and its networks and loss weights.")
    data: DataConfig = Field(default_factory=DataConfig, description="The data set.")
    optim: OptimConfig = Field(default_factory=OptimConfig, description="The optimizer.")
    train: TrainConfig = Field(description="The length and precision of training.")
    logging: LoggingConfig = Field(default_factory=LoggingConfig, description="What is written.")
