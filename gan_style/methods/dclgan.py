"""DCLGAN: dual contrastive learning for unpaired translation (Han et al., 2021, arXiv 2104.07689).

    L = lambda_GAN (L_GAN(G, D_B) + L_GAN(F, D_A))                                          adversarial
      + lambda_NCE (L_PatchNCE(G, H_A, H_B, A) + L_PatchNCE(F, H_B, H_A, B))                a contrast each way
      + lambda_idt (E[|G(b) - b|] + E[|F(a) - a|])                                          identity

with lambda_GAN = 1, lambda_NCE = 2, lambda_idt = 1. G is `generator_ab`, F `generator_ba`. The encoder of G reads images of domain A, real
or translated; the encoder of F reads images of domain B. H_A and H_B are the heads of the domains. Each domain thus has its own embedding,
while CUT has one for both. There is no cycle and no replay buffer. The discriminators move first.
Masks weigh the identities and `perceptual`.

From the authors' code: the hinge, the weights, the layers, the means of PatchNCE, D's halved objective. Departures from it: the generators'
hinge loss is -E[D] (1802.05957), theirs stops at a score of 1; they halve the sum of the generators' terms, a factor that does not change
Adam's steps; their heads have an optimizer of their own, with a learning rate of 0.001.
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field
from torch import Tensor

from gan_style.methods.contrast import Contrast, ContrastConfig
from gan_style.methods.keys import Adversarial
from gan_style.methods.two_way import TwoWay, TwoWayConfig
from gan_style.networks import DiscriminatorConfig, FeatureGeneratorConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers.patches import on_device
from gan_style.networks.layers.together import patches_together
from gan_style.types import Batch, Outputs, Task

# Layers 4, 8, 12 and 16 of the authors' generator: both downsampling convolutions, blocks 1 and 5.
NCE_LAYERS = ("down1", "down2", "block1", "block5")


class DCLGANConfig(TwoWayConfig, ContrastConfig):
    """DCLGAN; the defaults are those of the paper's code."""

    name: Literal["dclgan"] = Field(
        default="dclgan",
        description="Unpaired translation in both directions; a contrastive loss keeps each patch close to its source (2104.07689).",
    )
    generator: FeatureGeneratorConfig = Field(
        default=ResnetConfig(antialias=True, init="xavier"),
        description="Both generators. Their encoders give the features of the PatchNCE loss.",
    )
    discriminator: DiscriminatorConfig = Field(
        default=PatchConfig(antialias=True, init="xavier"), description="Both discriminators: one judges domain A, one domain B."
    )
    adversarial: Adversarial = "hinge"
    nce_weight: float = Field(default=2.0, gt=0, description="Weight of the PatchNCE losses.")


class DCLGAN(TwoWay):
    """Two generators with heads for each domain, two discriminators."""

    Config = DCLGANConfig

    def __init__(self, config: DCLGANConfig, task: Task) -> None:
        super().__init__(config, task)
        self.contrast = Contrast(config, task.seed, self.networks["generator_ab"], NCE_LAYERS)
        for domain, generator in (("a", "generator_ab"), ("b", "generator_ba")):
            self.networks[f"heads_{domain}"] = self.contrast.heads(self.networks[generator], config.generator)
        generators, discriminators = self.players
        self.players = (discriminators, replace(generators, networks=(*generators.networks, "heads_a", "heads_b")))

    @property
    def divisible(self) -> bool:
        return super().divisible and self.contrast.divisible

    def translate(self, batch: Batch) -> Outputs:
        """`fake_b` and `fake_a`, `identity_b` and `identity_a`, and under "a" and "b" the patches of the real images (`Contrast.kept`)."""
        outputs: Outputs = {}
        real = {"a": batch.a, "b": batch.b}
        at = {domain: on_device(self.contrast.draw(domain, image, batch), image.device) for domain, image in real.items()}
        for source, target in (("a", "b"), ("b", "a")):
            read = (source, target) if self.identity else (source,)  # G(a) and G(b) are one forward
            generator = self.networks[f"generator_{source}{target}"]
            found = patches_together(generator, [real[domain] for domain in read], [at[domain] for domain in read])
            outputs |= {f"{name}_{target}": patches["translation"] for name, patches in zip(("fake", "identity"), found, strict=False)}
            outputs |= self.contrast.kept(source, found[0], at[source])
        return outputs

    def generator_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        weight = self.config.identity_weight
        return {
            **self.adversarial_losses(batch, outputs),  # L_GAN(G, D_B) + L_GAN(F, D_A)
            "nce_ab": self.config.nce_weight * self._contrasted("a", "b", outputs),  # lambda_NCE L_PatchNCE(G, H_A, H_B, A)
            "nce_ba": self.config.nce_weight * self._contrasted("b", "a", outputs),  # lambda_NCE L_PatchNCE(F, H_B, H_A, B)
            **self.identity_losses(batch, outputs, weight, weight),  # lambda_idt (|F(a) - a| + |G(b) - b|)
            **self.auxiliary_losses(batch, outputs),
        }

    def _contrasted(self, source: str, target: str, outputs: Outputs) -> Tensor:
        """PatchNCE of the translation from `source` to `target`."""
        encoder, at = self.networks[f"generator_{target}{source}"], self.contrast.places(source, outputs)
        patches = encoder(outputs[f"fake_{target}"], at, decode=False)
        return self.contrast.loss(source, outputs, patches, self.networks[f"heads_{target}"], self.networks[f"heads_{source}"])
