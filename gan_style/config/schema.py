"""The schema of a run: every key with its meaning, range and default.

Each method (gan_style/methods) defines the keys of its own section `method`. docs/guide/config.md is generated from these schemas. Sections
are frozen and refuse unknown keys.
"""

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from gan_style.config.data import DataConfig as DataConfig
from gan_style.config.data import DomainConfig as DomainConfig
from gan_style.config.effect import ON, OnlyWith
from gan_style.config.network import NetworkConfig, completed, kinds_of
from gan_style.config.section import Place as Place
from gan_style.config.section import Section as Section
from gan_style.config.validation import ValidationConfig


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


class OptimConfig(Section):
    """Adam and its learning rate over time, for every player."""

    lr: float = Field(default=2e-4, gt=0, description="Learning rate of Adam at the start.")
    player_lr: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="Players that have another one, `{discriminators: 0.0004}` (1706.08500); `lr/<player>` in the log names them.",
    )
    beta1: float = Field(
        default=0.5, ge=0, lt=1, description="Decay of Adam's first moment; 0.5 steadies adversarial training (1511.06434)."
    )
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of Adam's second moment.")
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        default="linear",
        description="`linear` and `cosine`: constant, then down to 0 from `decay_start`; `step`: times `step_gamma` at each `step_every`.",
    )
    decay_start: Annotated[float, OnlyWith({"schedule": ("linear", "cosine")})] = Field(
        default=0.5, ge=0, le=1, description="Share of the run after which `linear` and `cosine` begin to fall."
    )
    step_every: Annotated[float, OnlyWith({"schedule": ("step",)})] = Field(
        default=0.25, gt=0, le=1, description="Share of the run between two drops of `step`."
    )
    step_gamma: Annotated[float, OnlyWith({"schedule": ("step",)})] = Field(
        default=0.1, gt=0, le=1, description="Factor of each drop of `step`."
    )
    extend: Literal["refuse", "hold", "stretch"] = Field(
        default="refuse",
        description="When a run is given more steps than its schedule has, and the rate has begun to fall: `refuse` ends the command, "
        "`hold` trains the further steps at the schedule's last rate, `stretch` makes the schedule as long as the run, and the rate jumps.",
    )
    clip_norm: float | None = Field(
        default=None, gt=0, description="Largest gradient norm of a player; longer gradients are scaled down. null: no clipping."
    )

    @field_validator("player_lr", mode="before")
    @classmethod
    def _rates_are_numbers(cls, value: Any) -> Any:
        if isinstance(value, dict) and any(isinstance(rate, bool) for rate in value.values()):
            raise ValueError("a learning rate is a number, and YAML reads on, off, yes and no as true and false")
        return value


class TrainConfig(Section):
    """How long, how many at once, how precisely."""

    steps: int | None = Field(
        default=None, ge=1, description="Optimizer steps after which the run ends: in a step every player that is due is updated once."
    )
    epochs: float | None = Field(
        default=None,
        gt=0,
        description="Planned passes over the data set (the larger domain, where they are unpaired): the length of the schedule, "
        "and of the run where `steps` is null. Without it `steps` is both. A run may be given more, see `optim.extend`.",
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        description="GLOBAL batch: samples in one step over all processes and accumulated micro-batches. How it is divided does not change "
        "the result, except with `norm: batch`: on CPUs each process normalises its own part.",
    )
    accumulate: int = Field(
        default=1,
        ge=1,
        description="Micro-batches that each process sums before a step: the same result in less memory, except with `norm: batch`, which "
        "normalises each micro-batch by itself.",
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
    ema_warmup: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Largest half-life of that average as a share of the generators' moves so far, 0.05 in 2006.06676's code: it forgets "
        "the start; 0: no limit.",
    )
    checkpoint_every: int = Field(default=1000, ge=1, description="Steps between two checkpoints; one more is saved at the end.")
    keep: int = Field(default=3, ge=1, description="Checkpoints kept; older ones are deleted after a newer one is complete.")
    validate_every: int | None = Field(
        default=None,
        ge=1,
        description="Steps between two measurements of the translations of the validation images, see `validation`; null: none. Does not "
        "change what is trained.",
    )
    max_minutes: float | None = Field(
        default=None,
        gt=0,
        description="Minutes of training after which the run saves and ends with exit code 0, unfinished; the same command goes on.",
    )
    on_nonfinite: Literal["stop", "skip"] = Field(
        default="stop",
        description="When a loss or gradient is not finite no network is updated by it, and: `stop` ends the run, `skip` goes on.",
    )
    max_skips: Annotated[int, OnlyWith({"on_nonfinite": ("skip",)})] = Field(
        default=20, ge=1, description="Steps in a row that `on_nonfinite: skip` skips before it ends the run."
    )

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
        if self.ema_warmup and not self.ema_decay:
            raise ValueError("ema_warmup without a moving average: set ema_decay too")
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

    run_dir: Place = Field(description="Folder of the run: checkpoints, metrics, samples, bundles. The same command goes on from it.")
    method: M = Field(description="The method and its networks and loss weights.")
    data: DataConfig = Field(default_factory=DataConfig, description="The data set.")
    optim: OptimConfig = Field(default_factory=OptimConfig, description="The optimizer.")
    train: TrainConfig = Field(description="The length and precision of training.")
    validation: Annotated[ValidationConfig, OnlyWith({"train.validate_every": ON})] = Field(
        default_factory=ValidationConfig, description="What validation measures."
    )
    logging: LoggingConfig = Field(default_factory=LoggingConfig, description="What is written.")
