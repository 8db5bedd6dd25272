"""StarGAN: one generator for all domains of a labelled set (Choi et al., 2018, arXiv 1711.09020).

    L_D = -L_adv + lambda_cls L_cls(real)                               (equation 5)
    L_G =  L_adv + lambda_cls L_cls(fake) + lambda_rec L_rec            (equation 6)
    L_adv = E[D_src(x)] - E[D_src(G(x, c))] - lambda_gp E[(|grad D_src(x^)| - 1)^2]      (equation 8)

c is the target domain of a sample, a function of its number, and c' its own domain. The discriminator moves first. Departures: the
generator is a network of the registry, whose convolutions of stride 2 have a kernel of 3 where the paper has 4; it sees the label as
`LabelledInput` says; domains exclude one another, so L_cls is the cross-entropy of one class.
"""

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Label
from gan_style.config.domain_names import DomainNamesConfig
from gan_style.errors import UserError
from gan_style.methods.adversary import LOSSES, AdversarialConfig, AdversarialName, Adversary
from gan_style.methods.base import Method, Player, build_generator
from gan_style.networks import CLASSIFYING_DISCRIMINATORS, ClassifyingDiscriminatorConfig, GeneratorConfig
from gan_style.networks.discriminators.classifying import ClassifyingConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers.labelled_input import LabelledInput
from gan_style.networks.layers.transfer import sent
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Direction, Needs, Outputs, Task


class StarGANConfig(AdversarialConfig, DomainNamesConfig):
    """StarGAN; the defaults are the paper's."""

    name: Literal["stargan"] = Field(
        default="stargan", description="Images of several domains, each led to any other by one generator (1711.09020)."
    )
    generator: GeneratorConfig = Field(default=ResnetConfig(num_blocks=6), description="The translator.")
    discriminator: ClassifyingDiscriminatorConfig = Field(default=ClassifyingConfig(), description="The judge and classifier.")
    adversarial: AdversarialName = Field(default="wgan", description=LOSSES)
    critic_steps: int = Field(default=5, ge=1, le=1000, description="Steps in which the discriminator moves for one of the generator.")
    gradient_penalty_weight: float = Field(
        default=10.0, ge=0, description="Weight of (|grad D| - 1)^2 between real and made images (1704.00028)."
    )
    classification_weight: float = Field(default=1.0, ge=0, description="Weight of the cross-entropy of the domain.")
    reconstruction_weight: float = Field(default=10.0, ge=0, description="Weight of the L1 distance after the way there and back.")


class StarGAN(Method):
    """One generator, one discriminator with a classifier."""

    Config = StarGANConfig
    needs: ClassVar[Needs] = "labelled images"

    def __init__(self, config: StarGANConfig, task: Task) -> None:
        if config.domain_names is None:
            raise UserError("method.domain_names: stargan needs the names of its domains")
        self.config, self.task, self.count = config, task, len(config.domain_names)
        self.adversary = Adversary(config, task)
        self.networks = {
            "generator": self.translator(config, task.channels_a, task.channels_a),
            "discriminator": networks.build(
                CLASSIFYING_DISCRIMINATORS, config.discriminator, in_channels=task.channels_a, classes=self.count, size=task.size
            ),
        }
        self.frozen: dict[str, nn.Module] = {}
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator",), translates=True, every=config.critic_steps),
        )
        self.translators: dict[Direction, str] = {"a2b": "generator"}

    def translate(self, batch: Batch) -> Outputs:
        outputs = self.fakes(batch)
        own = self._one_hot(self._own(batch), batch.a)
        return {**outputs, "reconstructed_a": self.networks["generator"](outputs["fake"], own)}  # G(G(x, c), c')

    def fakes(self, batch: Batch) -> Outputs:
        return {"fake": self.networks["generator"](batch.a, self._one_hot(self._targets(batch), batch.a))}  # G(x, c)

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        config, adversary, discriminator = self.config, self.adversary, self.networks["discriminator"]
        if player.name == "discriminator":
            judged = adversary.judge(discriminator, batch, real=batch.a, fake=outputs["fake"])
            logits = discriminator(adversary.shown(batch, batch.a, kind="real"), classify=True)
            return {
                "discriminator_fake": judged.fake,  # E[D_src(G(x, c))]
                "discriminator_real": judged.real,  # -E[D_src(x)]
                "discriminator_class": config.classification_weight * self._cross_entropy(logits, self._own(batch)),  # -log D_cls(c' | x)
                **judged.penalties,
            }
        logits = discriminator(adversary.shown(batch, outputs["fake"]), classify=True)
        return {
            "adversarial": adversary.fool(discriminator, batch, outputs["fake"]),  # -E[D_src(G(x, c))]
            "class": config.classification_weight * self._cross_entropy(logits, self._targets(batch)),  # -log D_cls(c | G(x, c))
            "cycle_a": config.reconstruction_weight * F.l1_loss(outputs["reconstructed_a"].to(batch.a), batch.a),  # |x - G(G(x, c), c')|
        }

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {"a2b": (batch.a, outputs["fake"])}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        return LabelledInput(build_generator(config.generator, in_channels * (1 + len(config.domain_names)), out_channels))

    @classmethod
    def takes(cls, config: Any) -> Label:
        return Label(names=tuple(config.domain_names or ()))

    def _own(self, batch: Batch) -> list[int]:
        assert batch.labels is not None
        return list(batch.labels)

    def _targets(self, batch: Batch) -> list[int]:
        """c of each sample: any domain, its own too."""
        return [derive_seed(self.task.seed, "target", number) % self.count for number in batch.numbers]

    def _one_hot(self, labels: list[int], like: Tensor) -> Tensor:
        return sent(F.one_hot(torch.tensor(labels), self.count).to(like.dtype), like.device)

    def _cross_entropy(self, logits: Tensor, labels: list[int]) -> Tensor:
        return F.cross_entropy(logits, sent(torch.tensor(labels), logits.device))
