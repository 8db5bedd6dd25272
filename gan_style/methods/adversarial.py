"""The keys of a method with discriminators: its objective and all stabilisers. `adversary.py` computes what they say."""

from typing import Annotated

from pydantic import Field, model_validator

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.schema import MethodConfig
from gan_style.losses.adversarial import MIDDLE
from gan_style.methods.adaptation import HIGHEST
from gan_style.methods.keys import Adversarial
from gan_style.networks import DiscriminatorConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.layers.ada import Kind as AdaKind
from gan_style.networks.layers.diffaugment import Augmentation


class AdversarialConfig(MethodConfig):
    """The keys that every method with discriminators has."""

    discriminator: DiscriminatorConfig = Field(default=PatchConfig(), description="The discriminator.")
    adversarial: Adversarial = "vanilla"
    critic_steps: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Steps of the discriminators for each step of the generators. The paper of `wgan` takes 5 (1701.07875, algorithm 1).",
    )
    gradient_penalty_weight: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the gradient penalty, (|grad D| - 1)^2 between real and generated images (1704.00028). The paper takes 10 "
        "with `wgan`. 0: off.",
    )
    r1_weight: float = Field(
        default=0.0,
        ge=0,
        description="Weight gamma of the penalty R1, gamma/2 |grad D|^2 at real images (1801.04406). The paper takes 10. Take 0.1 with "
        "`norm: instance`, which makes discriminators steeper. 0: off.",
    )
    r1_every: Annotated[int, OnlyWith({"r1_weight": ON})] = Field(
        default=16, ge=1, description="Steps between two penalties R1. The weight is multiplied by this number (1912.04958, section 4.1)."
    )
    instance_noise: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the noise that is added to the images of discriminators, whose values are in [-1, 1] "
        "(1610.04490). 0.1 is much. 0: no noise.",
    )
    instance_noise_steps: Annotated[int | None, OnlyWith({"instance_noise": ON})] = Field(
        default=None, ge=1, description="Steps over which the noise falls linearly to 0. null: it stays."
    )
    diffaugment: list[Augmentation] = Field(
        default_factory=list,
        description="Differentiable augmentation of every image that discriminators see, for few training images: any of `color`, "
        "`translation`, `cutout` (2006.10738). A conditional discriminator sees input and output moved alike; `color` "
        "changes the output alone.",
    )

    ada: list[AdaKind] = Field(
        default_factory=list,
        description="Adaptive augmentation of every image that discriminators see, for few training images: any of `blit` (mirroring, "
        "quarter turns, shifts), `geometry` (scaling, turning, stretching), `color` (brightness, contrast, saturation) (2006.06676). Its "
        "probability follows the overfitting of the discriminator. Input and output move alike; `color` changes the output alone.",
    )
    ada_target: Annotated[float, OnlyWith({"ada": ON}), OnlyWith({"ada_images": ON})] = Field(
        default=0.6,
        ge=-1,
        le=1,
        description="Overfitting that the probability of `ada` aims at: E[sign D(real)], 0 for a discriminator that knows nothing, 1 for "
        "one that knows all real images.",
    )
    ada_images: Annotated[int | None, OnlyWith({"ada": ON})] = Field(
        default=500_000,
        ge=1,
        description="Samples in which the probability of `ada` can rise from 0 to 1. Take a fifth of the samples of a short run. null: the "
        "probability stays at `ada_p`.",
    )
    ada_p: Annotated[float, OnlyWith({"ada": ON})] = Field(
        default=0.0, ge=0, le=HIGHEST, description="Probability of each transform of `ada` at the start of the run."
    )

    @model_validator(mode="after")
    def _ada_adapts(self) -> "AdversarialConfig":
        if self.ada and self.ada_images is None and not self.ada_p:
            raise ValueError("ada has no effect with ada_p 0, which ada_images null keeps: set ada_p or ada_images")
        if self.ada and self.ada_images and self.adversarial not in MIDDLE:
            raise ValueError(
                f"ada adapts by the sign of scores, which says nothing of a critic ({self.adversarial}): set ada_images=null with ada_p, "
                "or take another adversarial"
            )
        return self

    @model_validator(mode="after")
    def _critics_slope_is_bounded(self) -> "AdversarialConfig":
        # Spectral normalisation bounds convolutions, but not the scales that batch normalisation learns after them.
        spectral = self.discriminator.spectral_norm and not self.discriminator.mixes_batch
        if self.adversarial == "wgan" and not (self.gradient_penalty_weight or self.r1_weight or spectral):
            raise ValueError(
                "adversarial wgan needs a bound on the slope of its critic: set gradient_penalty_weight (10 in 1704.00028), "
                "r1_weight, or discriminator.spectral_norm with a discriminator.norm other than batch"
            )
        return self

    @property
    def penalised(self) -> bool:
        """Are discriminators differentiated twice?"""
        return bool(self.gradient_penalty_weight or self.r1_weight)
