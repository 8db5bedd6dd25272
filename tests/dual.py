"""A method that exists for the tests alone: two translators, each with a contrast to its source, an encoder and a head for each domain.

L = L_GAN(G, D_B) + L_GAN(F, D_A) + L_NCE(G; A) + L_NCE(F; B) + identity. It is put together in another way than CUT: nothing is joined into
one forward, and every part can be replaced, so that the tests can make the mistakes that a new method of this kind invites.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gan_style import networks
from gan_style.losses.patch_nce import patch_nce
from gan_style.methods.base import Player
from gan_style.methods.cyclegan import CycleGAN, CycleGANConfig
from gan_style.networks.features import FeatureGenerator
from gan_style.networks.layers.patches import Positions, draw_positions
from gan_style.networks.layers.projection import ProjectionHeads
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Outputs, Task

LAYERS = ("pixels", "down1", "block1")


class DualConfig(CycleGANConfig):
    """CycleGAN's configuration, and patches."""

    name: Literal["dual"] = Field(default="dual", description="Contrast both ways.")  # type: ignore[assignment]
    num_patches: int = Field(default=6, description="Patches of each image and layer.")


class Dual(CycleGAN):
    """Two generators with a head for each domain, two discriminators."""

    Config = DualConfig

    def __init__(self, config: DualConfig, task: Task) -> None:
        super().__init__(config, task)
        self.seed = task.seed
        generator = self.networks["generator_ab"]
        assert isinstance(generator, FeatureGenerator)
        stages = {name: stage for name, stage in generator.feature_stages().items() if name in LAYERS}
        self.strides = {name: stage.stride for name, stage in stages.items()}
        for domain in "ab":
            heads = ProjectionHeads({name: stage.channels for name, stage in stages.items()}, 8)
            networks.init_weights(heads, "xavier", 1.0)
            self.networks[f"heads_{domain}"] = heads
        makers, opponents = self.players
        self.players = (Player(makers.name, (*makers.networks, "heads_a", "heads_b"), translates=True, every=makers.every), opponents)

    def translate(self, batch: Batch) -> Outputs:
        outputs: Outputs = {}
        for source, target, real in (("a", "b", batch.a), ("b", "a", batch.b)):
            at = self.drawn(source, real, batch)
            found = self.networks[f"generator_{source}{target}"](real, at)
            outputs[f"fake_{target}"] = found["translation"]
            outputs[f"identity_{source}"] = self.networks[f"generator_{target}{source}"](real)
            for layer in self.strides:
                outputs |= {f"{source}/{layer}/key": found[layer].detach(), f"{source}/{layer}/at": at[layer]}
        return outputs

    def generator_losses(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        for source, target, real in (("a", "b", batch.a), ("b", "a", batch.b)):
            losses[f"adversarial_{source}{target}"] = self.fool(self.fooled(target), batch, outputs[f"fake_{target}"])
            losses[f"nce_{source}"] = self.contrast(source, target, outputs)
            losses[f"identity_{source}"] = (outputs[f"identity_{source}"] - real).abs().mean()
        return losses

    def contrast(self, source: str, target: str, outputs: Outputs) -> Tensor:
        at = {layer: outputs[f"{source}/{layer}/at"] for layer in self.strides}
        queries = self.heads(target)(self.encoder(target)(outputs[f"fake_{target}"], at, decode=False))
        with torch.no_grad():
            keys = self.heads(source)({layer: outputs[f"{source}/{layer}/key"] for layer in self.strides})
        return torch.stack([self.distance(queries[layer], keys[layer]) for layer in self.strides]).mean()

    # The parts that a mistake replaces.

    def fooled(self, domain: str) -> str:
        return f"discriminator_{domain}"

    def heads(self, domain: str) -> torch.nn.Module:
        return self.networks[f"heads_{domain}"]

    def encoder(self, domain: str) -> torch.nn.Module:
        return self.networks["generator_ab" if domain == "a" else "generator_ba"]

    def drawn(self, domain: str, images: Tensor, batch: Batch) -> Positions:
        seeds = [derive_seed(self.seed, "dual", domain, number) for number in batch.numbers]
        return draw_positions(self.strides, images.shape[2], images.shape[3], self.config.num_patches, seeds)

    def distance(self, query: Tensor, key: Tensor) -> Tensor:
        return patch_nce(query, key)
