"""The schema of a run: every key with its meaning, range and default.

Each method (gan_style/methods) defines the keys of its own section `method`. docs/guide/config.md is generated from these schemas. Sections
are frozen and refuse unknown keys.
"""

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from gan_style.config.data import DataConfig as DataConfig
from gan_style.config.data import DomainConfig as DomainConfig
from gan_style.config.effect import ON, OnlyWith
from gan_style.config.network import NetworkConfig, completed, kinds_of
from gan_style.config.optim import OptimConfig as OptimConfig
from gan_style.config.section import Place as Place
from gan_style.config.section import Section as Section
from gan_style.config.validation import ValidationConfig
from gan_style.errors import short
from gan_style.files.places import expanded


class MethodConfig(Section):
    """What every method's configuration has; each method adds its own keys."""

    domains: ClassVar[tuple[str, ...]] = ("a", "b")  # whose images training reads
    name: Any  # a Literal in each method

    def pictures(self) -> list[str]:
        """The picture files that training reads beside the data set."""
        return []

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, values: Any) -> Any:
        """A section that sets some of its keys has this method's defaults for the others.

        pydantic alone would take them from the section's class: `generator: {num_downs: 7}` would lose pix2pix's batch normalisation.
        A network that is not the method's default has the defaults of its own class.
        """
        if not isinstance(values, dict):
            return values
        result = dict(values)
        for key, field in cls.model_fields.items():
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            if isinstance(values.get(key), dict) and isinstance(default, NetworkConfig):
                result[key] = completed(kinds_of(field), default, values[key])
            elif isinstance(values.get(key), dict) and isinstance(default, BaseModel):
                result[key] = {**default.model_dump(), **values[key]}
        return result


class TrainConfig(Section):
    """How long, how many at once, how precisely."""

    steps: int | None = Field(
        default=None,
        ge=1,
        description="Optimizer steps after which the run ends. A step updates every player that is due once. null: `epochs` or "
        "`minutes` set the length.",
    )
    epochs: float | None = Field(
        default=None,
        gt=0,
        description="Passes over the data set (over the larger domain if the data are unpaired) that the learning rate's schedule takes. "
        "If `steps` is null, they are the length of the run too. null: the schedule takes `steps`. `optim.extend` says what "
        "happens to a run that gets more steps later.",
    )
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="Minutes that the run takes, in place of `steps` or `epochs`. In their first tenth its speed is measured, with "
        "validations, sample grids and checkpoints, at the first learning rate. Then the number of steps that fits is fixed, for the "
        "learning rate's schedule too, and a run that goes on keeps it. null: `steps` or `epochs` set the length.",
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        description="Samples of one step, over all processes and accumulated micro-batches (the global batch). Its division does not "
        "change the result, except with `norm: batch`: on CPUs each process normalises its own part.",
    )
    accumulate: int = Field(
        default=1,
        ge=1,
        description="Micro-batches into which each process divides its part of the batch. More of them take less memory. The result is "
        "the same, except with `norm: batch`, which normalises each micro-batch by itself.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Seed of the initial weights, the order of samples, augmentation, dropout, noise and replay buffers.",
    )
    init_from: str | dict[str, str] | None = Field(
        default=None,
        description="Weights with which the networks begin: a bundle, a run folder, a checkpoint, or one network of another project "
        "(docs/guide/weights.md). Or a mapping from the name of a network, or the beginning of several names, to one of them: "
        "`{generator: runs/old}`. Optimizers and moving average begin anew. It is read at the first start alone. null: random weights.",
    )
    init_partial: Annotated[bool, OnlyWith({"init_from": ON})] = Field(
        default=False,
        description="Take from `init_from` the tensors whose names and shapes fit, and list the others, which keep their random values. "
        "false: refuse files that do not fit.",
    )
    freeze: list[str] = Field(
        default_factory=list,
        description="Parameters that are not trained, by name or by the beginning of names up to a dot: `[generator.stem, "
        "discriminator_a]`. Buffers below such a name, such as running statistics, do not change either.",
    )
    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = Field(
        default="no",
        description="Half precision in the networks: `bf16` or `fp16`. Losses stay in float32. `no`: `dtype` everywhere. `auto`: `bf16` "
        "where the hardware multiplies it (NVIDIA from compute capability 8.0, CPUs with AMX or AVX512-BF16), else `no`. A run keeps "
        "the choice of its first start.",
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="Type of weights and images. `float64` is slow and serves checks."
    )
    channels_last: Literal["auto"] | bool = Field(
        default="auto",
        description="Store images and weights channels last, [B, H, W, C]. `auto`: yes, except where it was slower: with a U-Net "
        "on a CPU, and on a GPU with networks that pad by reflection, such as a ResNet, and are not compiled.",
    )
    compile: Literal["auto", "on", "graphs", "off"] = Field(
        default="auto",
        description="Compile the networks with torch.compile, which takes minutes at the start. `graphs`: compiled, and run as CUDA "
        "graphs, which saves the time between kernels. `auto`: `graphs` for one process on a CUDA GPU that trains for 5000 steps or "
        "more, else `off`. A network that cannot be compiled runs as it is, with a warning. The result is the same up to rounding.",
    )
    tf32: bool = Field(
        default=True,
        description="On NVIDIA GPUs from compute capability 8.0: multiply float32 in TF32, with 10 bits of mantissa instead of 23. "
        "Other devices and half precision do not use it.",
    )
    cudnn_benchmark: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="On NVIDIA GPUs: measure at the start which kernel is the fastest for each size. `auto`: where all images have one "
        "size. Another run may choose other kernels, which changes rounding.",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average (EMA) of the generators' weights, at each of their steps. Bundles then hold "
        "the average. 0: no average.",
    )
    ema_warmup: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Largest half-life of the moving average, as a share of the generators' steps so far. It makes the average forget "
        "the first steps. The code of 2006.06676 takes 0.05. 0: no limit.",
    )
    checkpoint_every: int = Field(
        default=1000, ge=1, description="Steps between two training checkpoints. The end of the run saves one more."
    )
    keep: int = Field(
        default=3, ge=1, description="Training checkpoints that stay on the disk. An older one is deleted when a newer one is complete."
    )
    validate_every: int | None = Field(
        default=None,
        ge=1,
        description="Steps between two validations, which measure the translations of the validation images (see `validation`). Training "
        "gives the same weights with and without them. null: none.",
    )
    max_minutes: float | None = Field(
        default=None,
        gt=0,
        description="Minutes of training after which the command saves a checkpoint and ends with exit code 0. The same command goes on. "
        "null: no limit.",
    )
    on_nonfinite: Literal["stop", "skip"] = Field(
        default="stop",
        description="What happens if a loss or gradient is not finite. No network is updated with it. `stop`: the run ends. `skip`: the "
        "run goes on with the next step.",
    )
    max_skips: Annotated[int, OnlyWith({"on_nonfinite": ("skip",)})] = Field(
        default=20, ge=1, description="Steps in a row that are skipped before the run ends."
    )

    @field_validator("init_from", mode="before")
    @classmethod
    def _names_files(cls, value: Any) -> Any:
        if value is None:
            return None
        places = value if isinstance(value, dict) else {"": value}
        if not places or not all(isinstance(place, str) and place for place in places.values()):
            raise ValueError(f"must be a path, or a mapping from networks to paths such as {{generator: runs/old}}, not {short(value)}")
        if isinstance(value, str):
            return expanded(value)
        given: dict[str, str] = {}
        for network, place in value.items():
            try:
                given[network] = expanded(place)
            except ValueError as problem:
                raise ValueError(f"{network}: {problem}") from None
        return given

    @model_validator(mode="after")
    def _has_a_length(self) -> "TrainConfig":
        counted = [key for key in ("steps", "epochs") if getattr(self, key) is not None]
        if not counted and self.minutes is None:
            raise ValueError("the run has no length: set steps, epochs or minutes")
        if counted and self.minutes is not None:
            raise ValueError(f"minutes and {' and '.join(counted)} set the length twice: leave minutes out, or set {counted[0]} to null")
        if self.ema_warmup and not self.ema_decay:
            raise ValueError("ema_warmup without a moving average: set ema_decay too")
        if self.dtype == "float64" and self.mixed_precision in ("bf16", "fp16"):
            raise ValueError("dtype float64 excludes mixed_precision: set mixed_precision to no, or dtype to float32")
        return self


def _one_or_three(channels: list[int]) -> list[int]:
    if len(channels) not in (1, 3):
        raise ValueError(f"must be one channel or three, not {short(channels)}")
    return channels


Composite = Annotated[list[Annotated[int, Field(ge=1, le=64)]], AfterValidator(_one_or_three)]


class LoggingConfig(Section):
    """What a run writes while it goes on."""

    every: int = Field(default=50, ge=1, description="Steps between two lines of metrics.jsonl.")
    samples_every: int = Field(default=500, ge=1, description="Steps between two sample grids. The end of the run draws one more.")
    samples: int = Field(default=4, ge=0, le=64, description="Validation images in a sample grid. 0: no sample grids.")
    composite_a: Annotated[Composite | None, OnlyWith({"data.domain_a.range": ON})] = Field(
        default=None,
        description="Which channels of domain A, counted from 1, are red, green and blue in sample grids, such as `[4, 3, 2]`; one channel "
        "is gray. null: the first 8 side by side.",
    )
    composite_b: Annotated[Composite | None, OnlyWith({"data.domain_b.range": ON})] = Field(
        default=None, description="The same for domain B."
    )
    alarm_after: int = Field(
        default=500,
        ge=0,
        description="Steps for which a symptom must last before an alarm appears in the log and in metrics.jsonl. Symptoms: a "
        "discriminator's loss near zero; translations that are saturated, constant or equal to their inputs. 0: no alarms.",
    )
    trackers: list[Literal["tensorboard", "wandb", "mlflow", "trackio"]] = Field(
        default=[],
        max_length=4,
        description="Where else metrics and sample grids go: `tensorboard`, `wandb`, `mlflow`, `trackio`. Each is an extra of that name "
        "([trackers.md](trackers.md)). A tracker that fails is left out with a warning.",
    )
    project: Annotated[str, OnlyWith({"trackers": ("wandb", "mlflow", "trackio")})] = Field(
        default="gan_style", min_length=1, max_length=128, description="Project, or experiment, of the run in wandb, mlflow and trackio."
    )

    @model_validator(mode="before")
    @classmethod
    def _tensorboard_is_a_tracker(cls, given: Any) -> Any:
        """Drop `tensorboard: false`, which config.yaml of earlier runs holds."""
        if not isinstance(given, dict) or "tensorboard" not in given:
            return given
        if given["tensorboard"] is not False:
            raise ValueError("tensorboard has become one of several trackers: write trackers: [tensorboard] in its place")
        return {key: value for key, value in given.items() if key != "tensorboard"}

    @field_validator("trackers")
    @classmethod
    def _once_each(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("a tracker is named twice; name each once")
        return names


M = TypeVar("M", bound=MethodConfig)


class RunConfig(Section, Generic[M]):
    """One training run."""

    run_dir: Place = Field(
        description="Folder of the run, for checkpoints, metrics, sample grids, bundles and the report. If it holds a run with this "
        "configuration, the command goes on with that run."
    )
    method: M = Field(description="The method, its networks and its loss weights.")
    data: DataConfig = Field(default_factory=DataConfig, description="The data set.")
    optim: OptimConfig = Field(default_factory=OptimConfig, description="The optimizer.")
    train: TrainConfig = Field(description="Length, batch and precision of training.")
    validation: Annotated[ValidationConfig, OnlyWith({"train.validate_every": ON})] = Field(
        default_factory=ValidationConfig, description="What validation measures."
    )
    logging: LoggingConfig = Field(default_factory=LoggingConfig, description="What the run writes.")
