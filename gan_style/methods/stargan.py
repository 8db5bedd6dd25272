"""StarGAN: one generator for all domains of a labelled set (Choi et al., 2018, arXiv 1711.09020).

    L_D = -L_adv + lambda_cls L_cls(real)                               (equation 5)
    L_G =  L_adv + lambda_cls L_cls(fake) + lambda_rec L_rec            (equation 6)
    L_adv = E[D_src(x)] - E[D_src(G(x, c))] - lambda_gp E[(|grad D_src(x^)| - 1)^2]      (equation 8)

c is the target domain of a sample, a function of the sample's number. c' is the sample's own domain. The discriminator moves first.
Departures: the generator is a network of the registry, whose convolutions of stride 2 have kernels of 3 pixels, not 4. `LabelledInput`
gives it the label. An image belongs to one domain only, so L_cls is the cross-entropy of one class.
"""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from gan_style import networks
from gan_style.config.domain_names import DomainNamesConfig
from gan_style.losses.l1 import l1_loss
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.base import Player
from gan_style.methods.keys import Adversarial
from gan_style.methods.several_domains import SeveralDomains
from gan_style.networks import CLASSIFYING_DISCRIMINATORS, ClassifyingDiscriminatorConfig, GeneratorConfig
from gan_style.networks.discriminators.classifying import ClassifyingConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers.transfer import sent
from gan_style.types import Batch, Outputs, Task


class StarGANConfig(AdversarialConfig, DomainNamesConfig):
    """StarGAN. The defaults are those of the paper."""

    name: Literal["stargan"] = Field(
        default="stargan", description="One generator that translates images of several domains into any of them (1711.09020)."
    )
    generator: GeneratorConfig = Field(default=ResnetConfig(num_blocks=6), description="The generator.")
    discriminator: ClassifyingDiscriminatorConfig = Field(
        default=ClassifyingConfig(), description="The discriminator, which judges images and names their domain."
    )
    adversarial: Adversarial = "wgan"
    critic_steps: int = Field(default=5, ge=1, le=1000, description="Steps of the discriminator for each step of the generator.")
    gradient_penalty_weight: float = Field(
        default=10.0,
        ge=0,
        description="Weight of the gradient penalty, (|grad D| - 1)^2 between real and generated images (1704.00028). 0: off.",
    )
    classification_weight: float = Field(default=1.0, ge=0, description="Weight of the domain classification loss (cross-entropy).")
    reconstruction_weight: float = Field(
        default=10.0, ge=0, description="Weight of the L1 distance between an image and its translation back (reconstruction loss)."
    )


class StarGAN(SeveralDomains):
    """One generator, and one discriminator that also classifies domains."""

    Config = StarGANConfig
    own_is_target: ClassVar[bool] = True

    def __init__(self, config: StarGANConfig, task: Task) -> None:
        super().__init__(config, task)
        self.adversary = Adversary(config, task)
        self.networks["discriminator"] = networks.build(
            CLASSIFYING_DISCRIMINATORS, config.discriminator, in_channels=task.channels_a, classes=len(self.names), size=task.size
        )
        self.networks |= self.adversary.state("discriminator")
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator",), translates=True, every=config.critic_steps),
        )

    def translate(self, batch: Batch) -> Outputs:
        outputs = self.fakes(batch)
        return {**outputs, "reconstructed_a": self.led(outputs["fake"], self.own(batch))}  # G(G(x, c), c')

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        config, adversary, discriminator = self.config, self.adversary, self.networks["discriminator"]
        if player.name == "discriminator":
            judged = adversary.judge(discriminator, batch, real=batch.a, fake=outputs["fake"], scores_of=_scores)
            _, logits = judged.on_real
            return {
                "discriminator_fake": judged.fake,  # E[D_src(G(x, c))]
                "discriminator_real": judged.real,  # -E[D_src(x)]
                "discriminator_class": config.classification_weight * self._cross_entropy(logits, self.own(batch)),  # -log D_cls(c' | x)
                **judged.penalties,
            }
        scores, logits = discriminator(adversary.shown(batch, outputs["fake"]))
        return {
            "adversarial": adversary.generators_side(scores, True),  # -E[D_src(G(x, c))]
            "class": config.classification_weight * self._cross_entropy(logits, self.targets(batch)),  # -log D_cls(c | G(x, c))
            "cycle_a": config.reconstruction_weight * l1_loss(outputs["reconstructed_a"], batch.a),  # |x - G(G(x, c), c')|
        }

    def _cross_entropy(self, logits: Tensor, labels: list[int]) -> Tensor:
        return F.cross_entropy(logits, sent(torch.tensor(labels), logits.device))


def _scores(output: tuple[Tensor, Tensor]) -> Tensor:
    """D_src of (D_src, D_cls)."""
    return output[0]
