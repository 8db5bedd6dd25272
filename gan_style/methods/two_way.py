"""Two-way methods: a translator each way, a discriminator for each domain, and what CycleGAN, DCLGAN and their relatives share.

    adversarial_ab = L_GAN(G, D_B)      adversarial_ba = L_GAN(F, D_A)
    identity_a = w_A E[|F(a) - a|]      identity_b = w_B E[|G(b) - b|]

G is `generator_ab`, F `generator_ba`; D_A judges images of domain A. The discriminators' objective is halved, and they see translations of
the past as well as of the present (`replay_buffer`). Masks weigh the identities and `perceptual`. A method adds its own terms, and says in
which order the players move.
"""

import warnings
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from gan_style.losses.l1 import l1_loss
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.auxiliary import Auxiliary, AuxiliaryConfig
from gan_style.methods.base import Method, Player, build_discriminator, build_generator
from gan_style.methods.keys import Adversarial, ReplayImages
from gan_style.methods.replay import ReplayBuffer
from gan_style.networks import DiscriminatorConfig, GeneratorConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers.together import forward_together
from gan_style.types import Batch, Direction, Outputs, Task


class TwoWayConfig(AdversarialConfig, AuxiliaryConfig):
    """The keys of every two-way method."""

    generator: GeneratorConfig = Field(default=ResnetConfig(), description="Both generators: A to B, and B to A.")
    discriminator: DiscriminatorConfig = Field(default=PatchConfig(), description="Both discriminators: one judges domain A, one domain B.")
    adversarial: Adversarial = "lsgan"
    identity_weight: float = Field(
        default=1.0, ge=0, description="Weight of the identity loss. This loss keeps colours. It needs equal channels in A and B."
    )
    replay_buffer: ReplayImages = 0


class TwoWay(Method):
    """Two generators, two discriminators. The generators move first, unless a method orders `players` otherwise."""

    needs = "domains"

    def __init__(self, config: Any, task: Task) -> None:
        self.config = config
        self.adversary = Adversary(config, task)
        self.networks = {
            "generator_ab": build_generator(config.generator, task.channels_a, task.channels_b),
            "generator_ba": build_generator(config.generator, task.channels_b, task.channels_a),
            "discriminator_a": build_discriminator(config.discriminator, task.channels_a),
            "discriminator_b": build_discriminator(config.discriminator, task.channels_b),
            **self.adversary.state("discriminator_a", "discriminator_b"),
        }
        self.auxiliary = Auxiliary(config, task)
        self.frozen = self.auxiliary.frozen
        self.players = (
            Player("generators", ("generator_ab", "generator_ba"), translates=True, every=config.critic_steps),
            Player("discriminators", ("discriminator_a", "discriminator_b"), bounded=self.adversary.bounded),
        )
        self.translators: dict[Direction, str] = {"a2b": "generator_ab", "b2a": "generator_ba"}
        self.identity = config.identity_weight > 0 and task.channels_a == task.channels_b
        if config.identity_weight > 0 and not self.identity:
            warnings.warn(
                f"method.identity_weight: the identity loss needs equal channels, but domain A has {task.channels_a} and domain B "
                f"{task.channels_b}, so it is off; set method.identity_weight=0",
                stacklevel=2,
            )
        self.replay_a = ReplayBuffer(config.replay_buffer, task.batch_size, task.seed, "a")
        self.replay_b = ReplayBuffer(config.replay_buffer, task.batch_size, task.seed, "b")

    @property
    def weighed(self) -> tuple[str, ...]:
        return (*(("identity_a", "identity_b") if self.identity else ()), *self.auxiliary.weighed("_ab", "_ba"))

    def translate(self, batch: Batch) -> Outputs:
        """`fake_b` and `fake_a`; with the identity loss also `identity_b` and `identity_a`, G(b) and F(a)."""
        if not self.identity:
            return self.fakes(batch)
        outputs: Outputs = {}
        # G(a) and G(b) are one forward.
        outputs["fake_b"], outputs["identity_b"] = forward_together(self.networks["generator_ab"], batch.a, batch.b)
        outputs["fake_a"], outputs["identity_a"] = forward_together(self.networks["generator_ba"], batch.b, batch.a)
        return outputs

    def fakes(self, batch: Batch) -> Outputs:
        return {"fake_b": self.networks["generator_ab"](batch.a), "fake_a": self.networks["generator_ba"](batch.b)}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        return self.generator_losses(batch, outputs) if player.name == "generators" else self.discriminator_losses(batch, outputs)

    @abstractmethod
    def generator_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """The terms of both generators."""

    def discriminator_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """The terms of both discriminators."""
        losses = {}
        for domain, real, replay in (("a", batch.a, self.replay_a), ("b", batch.b, self.replay_b)):
            name, fake = f"discriminator_{domain}", replay.exchange(outputs[f"fake_{domain}"], batch.slots)
            judged = self.adversary.judge(self.networks[name], batch, real=real, fake=fake, name=name, real_first=True)
            losses |= {f"{name}_real": 0.5 * judged.real, f"{name}_fake": 0.5 * judged.fake, **judged.penalties}
        return losses

    def adversarial_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        return {
            "adversarial_ab": self.fool("discriminator_b", batch, outputs["fake_b"]),  # L_GAN(G, D_B)
            "adversarial_ba": self.fool("discriminator_a", batch, outputs["fake_a"]),  # L_GAN(F, D_A)
        }

    def identity_losses(self, batch: Batch, outputs: Outputs, weight_a: float, weight_b: float) -> dict[str, Tensor]:
        if not self.identity:
            return {}
        return {
            "identity_a": weight_a * l1_loss(outputs["identity_a"], batch.a, batch.mask("a")),  # |F(a) - a|
            "identity_b": weight_b * l1_loss(outputs["identity_b"], batch.b, batch.mask("b")),  # |G(b) - b|
        }

    def auxiliary_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        losses = self.auxiliary.losses(outputs["fake_b"], content=batch.a, style=batch.b, suffix="_ab", mask=batch.mask("a"))
        return losses | self.auxiliary.losses(outputs["fake_a"], content=batch.b, style=batch.a, suffix="_ba", mask=batch.mask("b"))

    def fool(self, name: str, batch: Batch, fake: Tensor) -> Tensor:
        return self.adversary.fool(self.networks[name], batch, fake, name=name)

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {"a2b": (batch.a, outputs["fake_b"]), "b2a": (batch.b, outputs["fake_a"])}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        return build_generator(config.generator, in_channels, out_channels)

    def extra_state(self) -> dict[str, Any]:
        return {"replay_a": self.replay_a.state(), "replay_b": self.replay_b.state()}

    def load_extra_state(self, state: Mapping[str, Any], slots: Collection[int]) -> None:
        device = next(self.networks["discriminator_a"].parameters()).device
        self.replay_a.load_state(state["replay_a"], slots, device)
        self.replay_b.load_state(state["replay_b"], slots, device)
