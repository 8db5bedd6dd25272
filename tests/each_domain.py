"""A method over several domains that exists for the tests alone: least squares, a discriminator for each domain, cycles and identities.

Each discriminator scores the whole batch, and images of other domains count 0, in its losses and its penalties. The tests replace its
parts to make mistakes.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from gan_style.config.domain_names import DomainNamesConfig
from gan_style.losses.l1 import l1_loss
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.base import Player, build_discriminator
from gan_style.methods.keys import Adversarial
from gan_style.methods.several_domains import SeveralDomains
from gan_style.networks import GeneratorConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.types import Batch, Outputs, Task


class EachDomainConfig(AdversarialConfig, DomainNamesConfig):
    """Two networks and a loss."""

    name: Literal["each_domain"] = Field(default="each_domain", description="A discriminator for each domain.")
    generator: GeneratorConfig = Field(default=ResnetConfig(), description="The translator.")
    adversarial: Adversarial = "lsgan"


class EachDomain(SeveralDomains):
    """One generator, a discriminator for each domain."""

    Config = EachDomainConfig

    def __init__(self, config: EachDomainConfig, task: Task) -> None:
        super().__init__(config, task)
        self.adversary = Adversary(config, task)
        self.judges = {f"discriminator_{name}": place for place, name in enumerate(self.names)}
        self.networks |= {judge: build_discriminator(config.discriminator, task.channels_a) for judge in self.judges}
        self.networks |= self.adversary.state(*self.judges)
        self.players = (
            Player("discriminators", tuple(self.judges), bounded=self.adversary.bounded),
            Player("generator", ("generator",), translates=True, every=config.critic_steps),
        )
        self.domains_of_real, self.domains_of_fake, self.domains_that_fool = self.own, self.targets, self.targets
        self.domains_back = self.domains_kept = self.own

    def translate(self, batch: Batch) -> Outputs:
        outputs = self.fakes(batch)
        outputs["reconstructed_a"] = self.led(outputs["fake"], self.domains_back(batch))
        outputs["identity_a"] = self.led(batch.a, self.domains_kept(batch))
        return outputs

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        losses, fake, real = dict[str, Tensor](), outputs["fake"], batch.a
        for judge, place in self.judges.items():
            network = self.networks[judge]
            if player.name == "generator":
                counts = self.counts(self.domains_that_fool(batch), place, fake)
                losses[f"adversarial_{self.names[place]}"] = self.adversary.fool(network, batch, fake, name=judge, counts=counts)
            else:
                counts = (self.counts(self.domains_of_real(batch), place, real), self.counts(self.domains_of_fake(batch), place, fake))
                judged = self.adversary.judge(network, batch, real=real, fake=fake, name=judge, counts=counts)
                losses |= {f"{judge}_real": judged.real, f"{judge}_fake": judged.fake, **judged.penalties}
        if player.name == "generator":
            losses |= {"cycle_a": l1_loss(outputs["reconstructed_a"], real), "identity_a": l1_loss(outputs["identity_a"], real)}
        return losses
