"""pix2pix: image-to-image translation from pairs (Isola et al., 2017, arXiv 1611.07004).

    G* = arg min_G max_D  E[log D(x, y)] + E[log(1 - D(x, G(x)))]  +  lambda E[|y - G(x)|]        (equations 1 to 4)

A conditional discriminator sees the input beside the real or the translated output. It moves first, and its objective is halved
(section 3.3). Masks weigh `l1` and `perceptual`. Departure: dropout is the noise z in training only, so inference is deterministic.
`pairs.py` has the L1 term and its forms for pairs that do not align.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.labels import DirectedConfig
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.auxiliary import Auxiliary, AuxiliaryConfig
from gan_style.methods.base import Method, Player, build_discriminator, build_generator
from gan_style.methods.pairs import Pairs, PairsConfig
from gan_style.networks import DiscriminatorConfig, GeneratorConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.generators.unet import UnetConfig
from gan_style.types import Batch, Direction, Outputs, Task


class Pix2PixConfig(PairsConfig, AdversarialConfig, AuxiliaryConfig, DirectedConfig):
    """pix2pix. The defaults are those of the paper."""

    name: Literal["pix2pix"] = Field(
        default="pix2pix", description="Paired translation with a conditional PatchGAN and an L1 loss (1611.07004)."
    )
    generator: GeneratorConfig = Field(default=UnetConfig(norm="batch", dropout=True), description="The generator.")
    discriminator: DiscriminatorConfig = Field(
        default=PatchConfig(norm="batch"), description="The discriminator, which judges pairs of input and output."
    )
    l1_weight: float = Field(default=100.0, ge=0, description="Weight of the L1 distance to the true output.")


class Pix2Pix(Method):
    """One generator, one conditional discriminator."""

    Config = Pix2PixConfig
    needs = "pairs"

    def __init__(self, config: Pix2PixConfig, task: Task) -> None:
        channels_in, channels_out = task.channels(config.direction)
        self.config = config
        self.adversary = Adversary(config, task)
        self.networks = {
            "generator": build_generator(config.generator, channels_in, channels_out),
            "discriminator": build_discriminator(config.discriminator, channels_in + channels_out),
            **self.adversary.state("discriminator"),
        }
        self.pairs = Pairs(config, channels_out)
        self.networks |= self.pairs.networks
        self.auxiliary = Auxiliary(config, task)
        self.frozen = self.auxiliary.frozen
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator", *self.pairs.networks), translates=True, every=config.critic_steps),
        )
        self.translators: dict[Direction, str] = {config.direction: "generator"}

    def field(self, output: Tensor, truth: Tensor) -> Tensor | None:
        return self.pairs.field(output, truth)

    @property
    def weighed(self) -> tuple[str, ...]:
        return (*self.pairs.weighed, *self.auxiliary.weighed(""))

    def translate(self, batch: Batch) -> Outputs:
        real_input, _ = batch.oriented(self.config.direction)
        return {"fake": self.networks["generator"](real_input)}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        real_input, real_output = batch.oriented(self.config.direction)
        discriminator = self.networks["discriminator"]
        registered, smoothness = self.pairs.registered(self.networks, outputs["fake"], real_output)  # G(x), or where the truth has it
        if player.name == "discriminator":
            judged = self.adversary.judge(discriminator, batch, real=real_output, fake=registered, beside=real_input)
            return {
                "discriminator_fake": 0.5 * judged.fake,  # E[log(1 - D(x, G(x)))], halved
                "discriminator_real": 0.5 * judged.real,  # E[log D(x, y)], halved
                **judged.penalties,
            }
        mask = batch.mask(self.config.direction[-1])
        return {
            "adversarial": self.adversary.fool(discriminator, batch, registered, real_input),  # -E[log D(x, G(x))], non-saturating
            "l1": self.pairs.l1(registered, real_output, mask),  # lambda E[|y - G(x)|]
            **smoothness,
            **self.auxiliary.losses(outputs["fake"], content=real_output, style=real_output, mask=mask, placed=registered),
        }

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {self.config.direction: (batch.oriented(self.config.direction)[0], outputs["fake"])}

    @classmethod
    def translator(cls, config: Pix2PixConfig, in_channels: int, out_channels: int) -> nn.Module:
        return build_generator(config.generator, in_channels, out_channels)
