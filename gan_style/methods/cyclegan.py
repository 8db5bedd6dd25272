"""CycleGAN: unpaired image-to-image translation (Zhu et al., 2017, arXiv 1703.10593).

    L(G, F, D_A, D_B) = L_GAN(G, D_B) + L_GAN(F, D_A)                          adversarial, least squares   (equation 1)
                      + lambda_A E[|F(G(a)) - a|] + lambda_B E[|G(F(b)) - b|]  cycle-consistency            (equation 2)
                      + lambda_idt (lambda_B E[|G(b) - b|] + lambda_A E[|F(a) - a|])  identity              (section 5.2)

G is `generator_ab`, F `generator_ba`. The generators move first; the discriminators' objective is halved and they see
translations of the past as well as of the present (section 4). Masks weigh the cycles, the identities and `perceptual`.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from gan_style.losses.l1 import l1_loss
from gan_style.methods.keys import ReplayImages
from gan_style.methods.two_way import TwoWay, TwoWayConfig
from gan_style.types import Batch, Outputs


class CycleGANConfig(TwoWayConfig):
    """CycleGAN; the defaults are the paper's."""

    name: Literal["cyclegan"] = Field(
        default="cyclegan", description="Unpaired translation in both directions, held by cycle consistency (1703.10593)."
    )
    cycle_weight_a: float = Field(default=10.0, ge=0, description="Weight of the cycle-consistency loss of A -> B -> A.")
    cycle_weight_b: float = Field(default=10.0, ge=0, description="Weight of the cycle-consistency loss of B -> A -> B.")
    identity_weight: float = Field(
        default=0.5,
        ge=0,
        description="Weight of the identity loss, as a multiple of the cycle weights. This loss keeps colours. It needs equal channels "
        "in A and B.",
    )
    replay_buffer: ReplayImages = 50


class CycleGAN(TwoWay):
    """Two generators, two discriminators, cycles."""

    Config = CycleGANConfig

    def translate(self, batch: Batch) -> Outputs:
        outputs = super().translate(batch)
        outputs["reconstructed_a"] = self.networks["generator_ba"](outputs["fake_b"])
        outputs["reconstructed_b"] = self.networks["generator_ab"](outputs["fake_a"])
        return outputs

    @property
    def weighed(self) -> tuple[str, ...]:
        cycles = {"cycle_a": self.config.cycle_weight_a, "cycle_b": self.config.cycle_weight_b}
        return (*(name for name, weight in cycles.items() if weight), *super().weighed)

    def generator_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        weight_a, weight_b, identity = self.config.cycle_weight_a, self.config.cycle_weight_b, self.config.identity_weight
        return {
            **self.adversarial_losses(batch, outputs),  # L_GAN(G, D_B) + L_GAN(F, D_A)
            "cycle_a": weight_a * l1_loss(outputs["reconstructed_a"], batch.a, batch.mask("a")),  # lambda_A |F(G(a)) - a|
            "cycle_b": weight_b * l1_loss(outputs["reconstructed_b"], batch.b, batch.mask("b")),  # lambda_B |G(F(b)) - b|
            **self.identity_losses(batch, outputs, identity * weight_a, identity * weight_b),  # lambda_idt ...
            **self.auxiliary_losses(batch, outputs),
        }
