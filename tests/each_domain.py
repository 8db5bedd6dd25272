"""A method over several domains that exists for the tests alone: least squares, a discriminator for each domain, cycles and identities.

Each discriminator scores the whole batch, and images of other domains count 0. The tests replace its parts to make mistakes.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gan_style.config.domain_names import DomainNamesConfig
from gan_style.losses.adversarial import AdversarialLoss
from gan_style.methods.adversary import AdversarialConfig, AdversarialName, Adversary
from gan_style.methods.base import Player, build_discriminator
from gan_style.methods.several_domains import SeveralDomains
from gan_style.methods.two_way import l1_loss
from gan_style.networks import GeneratorConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.types import Batch, Outputs, Task


class EachDomainConfig(AdversarialConfig, DomainNamesConfig):
    """Two networks and a loss."""

    name: Literal["each_domain"] = Field(default="each_domain", description="A discriminator for each domain.")
    generator: GeneratorConfig = Field(default=ResnetConfig(), description="The translator.")
    adversarial: AdversarialName = Field(default="lsgan", description="The loss.")


class EachDomain(SeveralDomains):
    """One generator, a discriminator for each domain."""

    Config = EachDomainConfig

    def __init__(self, config: EachDomainConfig, task: Task) -> None:
        super().__init__(config, task)
        self.adversary = Adversary(config, task)
        self.judges = {f"discriminator_{name}": place for place, name in enumerate(self.names)}
        self.networks |= {judge: build_discriminator(config.discriminator, task.channels_a) for judge in self.judges}
        self.players = (Player("discriminators", tuple(self.judges)), Player("generator", ("generator",), translates=True))
        self.domains_of_real, self.domains_of_fake, self.domains_that_fool = self.own, self.targets, self.targets

    def translate(self, batch: Batch) -> Outputs:
        own, outputs = self.own(batch), self.fakes(batch)
        return {**outputs, "reconstructed_a": self.led(outputs["fake"], own), "identity_a": self.led(batch.a, own)}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        losses, fake, real = dict[str, Tensor](), outputs["fake"], batch.a
        for judge, place in self.judges.items():
            if player.name == "generator":
                side = self.adversary.generators_side
                losses[f"adversarial_{place}"] = self.mean(judge, fake, side, True, self.domains_that_fool(batch))
            else:
                side = self.adversary.discriminators_side
                losses[f"{judge}_real"] = self.mean(judge, real, side, True, self.domains_of_real(batch))
                losses[f"{judge}_fake"] = self.mean(judge, fake, side, False, self.domains_of_fake(batch))
        if player.name == "generator":
            losses |= {"cycle_a": l1_loss(outputs["reconstructed_a"], real), "identity_a": l1_loss(outputs["identity_a"], real)}
        return losses

    def mean(self, judge: str, images: Tensor, side: AdversarialLoss, is_real: bool, labels: list[int]) -> Tensor:
        """The mean over the batch of the loss of the images that are of the judge's domain."""
        scores = self.networks[judge](images)
        each = [side(scores[place : place + 1], is_real) * (label == self.judges[judge]) for place, label in enumerate(labels)]
        return torch.stack(each).mean()
