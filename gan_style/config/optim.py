"""The section `optim`: Adam, and the learning rate over time."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from gan_style.config.effect import OnlyWith
from gan_style.config.section import Section


class OptimConfig(Section):
    """Adam and its learning rate over time, for every player."""

    lr: float = Field(default=2e-4, gt=0, description="Learning rate of Adam before the schedule lowers it.")
    player_lr: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="Players with a learning rate of their own, such as `{discriminators: 0.0004}` (1706.08500). The keys `lr/<player>` "
        "of metrics.jsonl name the players.",
    )
    beta1: float = Field(
        default=0.5, ge=0, lt=1, description="Decay of Adam's first moment. 0.5 makes adversarial training more stable (1511.06434)."
    )
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of Adam's second moment.")
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        default="linear",
        description="Learning rate over time. `linear` and `cosine`: constant until `decay_start`, then down to 0. `step`: multiplied by "
        "`step_gamma` after every `step_every`.",
    )
    decay_start: Annotated[float, OnlyWith({"schedule": ("linear", "cosine")})] = Field(
        default=0.5, ge=0, le=1, description="Share of the run, 0 to 1, after which the learning rate begins to fall."
    )
    step_every: Annotated[float, OnlyWith({"schedule": ("step",)})] = Field(
        default=0.25, gt=0, le=1, description="Share of the run, 0 to 1, between two drops of the learning rate."
    )
    step_gamma: Annotated[float, OnlyWith({"schedule": ("step",)})] = Field(
        default=0.1, gt=0, le=1, description="Factor by which each drop multiplies the learning rate."
    )
    extend: Literal["refuse", "hold", "stretch"] = Field(
        default="refuse",
        description="What happens if a run gets more steps than its schedule has, after the learning rate has begun to fall. `refuse`: "
        "the command ends. `hold`: the further steps have the last learning rate of the schedule. `stretch`: the schedule "
        "becomes as long as the run, and the learning rate jumps up.",
    )
    warmup: float = Field(
        default=0.0,
        ge=0,
        lt=2**53,
        description="Warm-up: the learning rate rises linearly to that of the schedule. Below 1: a share of the schedule, which becomes "
        "a number of steps at the first start; else a whole number of steps. Step n of w has n/w of the rate. 0: no warm-up.",
    )
    clip_norm: float | None = Field(
        default=None, gt=0, description="Largest norm of a player's gradient. A longer gradient is scaled down to it. null: no clipping."
    )

    @field_validator("player_lr", mode="before")
    @classmethod
    def _rates_are_numbers(cls, value: Any) -> Any:
        if isinstance(value, dict) and any(isinstance(rate, bool) for rate in value.values()):
            raise ValueError("a learning rate must be a number, not true or false; YAML also reads on, off, yes and no so")
        return value

    @field_validator("warmup")
    @classmethod
    def _steps_are_whole(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError(f"must be a share of the schedule below 1 or a whole number of steps, not {value:g}")
        return value
