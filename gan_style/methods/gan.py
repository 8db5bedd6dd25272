"""GAN: images from noise (Goodfellow et al., 2014, arXiv 1406.2661), with the DCGAN's networks (1511.06434) or MLPs.

    min_G max_D  E_x[log D(x)] + E_z[log(1 - D(G(z)))]        (equation 1)

The discriminator moves first (algorithm 1, with k = 1).
"""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Noise
from gan_style.config.effect import OnlyWith
from gan_style.errors import UserError
from gan_style.losses.adversarial import minimax
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.base import Method, Player
from gan_style.networks import IMAGE_DISCRIMINATORS, NOISE_GENERATORS, ImageDiscriminatorConfig, NoiseGeneratorConfig
from gan_style.networks.discriminators.dcgan import DCGANDiscriminatorConfig
from gan_style.networks.generators.dcgan import DCGANGeneratorConfig
from gan_style.networks.layers.transfer import sent
from gan_style.types import Batch, Direction, Needs, Outputs, Task


class GANConfig(AdversarialConfig):
    """GAN."""

    domains: ClassVar[tuple[str, ...]] = ("a",)
    name: Literal["gan"] = Field(default="gan", description="Images drawn from noise (1406.2661).")
    size: int = Field(
        default=64,
        ge=8,
        le=1024,
        description="Side of the images in pixels, equal to `data.crop_size`. The networks `dcgan` need a power of two.",
    )
    latent: int = Field(default=64, ge=1, le=4096, description="Dimensions of the noise that an image is drawn from.")
    generator: NoiseGeneratorConfig = Field(default=DCGANGeneratorConfig(), description="The generator, which makes an image from noise.")
    discriminator: ImageDiscriminatorConfig = Field(
        default=DCGANDiscriminatorConfig(), description="The discriminator, which judges real and generated images."
    )
    objective: Annotated[Literal["non-saturating", "minimax"], OnlyWith({"adversarial": ("vanilla", "non-saturating")})] = Field(
        default="non-saturating",
        description="Objective of the generator. `minimax` minimises log(1 - D(G(z))) (equation 1). `non-saturating` maximises log "
        "D(G(z)), whose gradient does not vanish while the discriminator wins (section 3).",
    )

    @model_validator(mode="after")
    def _minimax_is_of_probabilities(self) -> "GANConfig":
        if self.objective == "minimax" and self.adversarial not in ("vanilla", "non-saturating"):
            raise ValueError(f"objective minimax needs adversarial vanilla, not {self.adversarial}: leave one of them out")
        return self


class GAN(Method):
    """One generator, one discriminator."""

    Config = GANConfig
    needs: ClassVar[Needs] = "images"
    per_image_statistics = False  # one image from noise has no useful statistics: running statistics are used

    def __init__(self, config: GANConfig, task: Task) -> None:
        if task.size != config.size:
            raise UserError(f"method.size is {config.size}, but data.crop_size {task.size}: make them equal")
        self.config, self.task = config, task
        self.adversary = Adversary(config, task, minimax if config.objective == "minimax" else None)
        try:
            self.networks = {
                "generator": self.translator(config, 0, task.channels_a),
                "discriminator": networks.build(IMAGE_DISCRIMINATORS, config.discriminator, in_channels=task.channels_a, size=config.size),
                **self.adversary.state("discriminator"),
            }
        except ValueError as problem:
            raise UserError(f"method.size: {problem}; or take method.generator.name=mlp and method.discriminator.name=mlp") from None
        self.frozen: dict[str, nn.Module] = {}
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator",), translates=True, every=config.critic_steps),
        )
        self.translators: dict[Direction, str] = {"a2b": "generator"}

    def translate(self, batch: Batch) -> Outputs:
        noise = self.takes(self.config)
        latents = torch.stack([noise.latent(self.task.seed, number) for number in batch.numbers])  # [B, Z]
        return {"fake": self.networks["generator"](sent(latents.to(batch.a.dtype), batch.a.device))}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        discriminator = self.networks["discriminator"]
        if player.name == "discriminator":
            judged = self.adversary.judge(discriminator, batch, real=batch.a, fake=outputs["fake"])
            return {
                "discriminator_fake": judged.fake,  # -E[log(1 - D(G(z)))]
                "discriminator_real": judged.real,  # -E[log D(x)]
                **judged.penalties,
            }
        return {"adversarial": self.adversary.fool(discriminator, batch, outputs["fake"])}  # -E[log D(G(z))], or E[log(1 - D(G(z)))]

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {"a2b": (outputs["fake"].new_zeros(0), outputs["fake"])}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        return networks.build(NOISE_GENERATORS, config.generator, latent=config.latent, out_channels=out_channels, size=config.size)

    @classmethod
    def takes(cls, config: Any) -> Noise:
        return Noise(size=config.latent)
