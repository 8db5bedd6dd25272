"""Contrast: a patch of a translation must be recognisable by its source among the input's patches (2007.15651, section 3).

    L_PatchNCE = mean over layers l and places s of  l(z^_l^s, z_l^s, z_l^(S without s))        (equations 2 and 3)

z_l = H_l(E_l(x)) are patches of the input, z^_l = H'_l(E'_l(G(x))) those of its translation at the same places. E_l and E'_l are encoders
up to layer l, H_l and H'_l are heads. In CUT E = E' and H = H'; in DCLGAN each domain has an encoder and heads of its own.

As in the authors' code, the losses are means over layers and patches (the paper has sums), and z_l is a constant. Patches are random for
each sample, not for each batch, so that they do not depend on the number of processes (decision 15).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style import networks
from gan_style.config.effect import OnlyWith
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import MethodConfig
from gan_style.errors import UserError, nearest
from gan_style.losses.patch_nce import Negatives, Weighting, patch_nce
from gan_style.networks.features import FeatureGenerator, Stage
from gan_style.networks.layers.patches import Patches, Positions, draw_positions
from gan_style.networks.layers.projection import ProjectionHeads
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Outputs


class ContrastConfig(MethodConfig):
    """The keys of every method with a PatchNCE loss."""

    nce_weight: float = Field(default=1.0, gt=0, description="Weight of the PatchNCE losses.")
    nce_layers: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Layers of the encoder whose patches are compared: `pixels`, `stem`, `down1`, `down2`, `block1`, `block2`, ... null: "
        "`down1`, `down2`, `block1` and `block5`, and in CUT `pixels`, if the generator has them.",
    )
    num_patches: int = Field(
        default=256,
        ge=2,
        le=4096,
        description="Patches that are drawn from each image and layer. A layer with fewer positions gives all of them.",
    )
    temperature: float = Field(
        default=0.07, gt=0, description="Temperature of the softmax over the patches. Smaller values weigh the hardest negatives more."
    )
    negatives: Negatives = Field(
        default="image",
        description="Where the negatives of a patch come from: the other patches of its `image`, or those of all images that a process "
        "holds at once (`batch`). Take `batch` for crops of one picture. With `batch` the result depends on the number of "
        "processes and on `train.accumulate`.",
    )
    nce_weighting: Weighting = Field(
        default="none",
        description="Weights of the negatives. `none`: all alike (2007.15651). `monce`: negatives that resemble the patch weigh more, by a "
        "plan of optimal transport over all patches (2203.09333).",
    )
    nce_weighting_temperature: Annotated[float, OnlyWith({"nce_weighting": ("monce",)})] = Field(
        default=1.0,
        ge=0.05,
        description="Temperature beta of the weights of `monce`. Smaller values give more of the weight to the most similar negatives. "
        "MoNCE's code has 1 by default and 0.1 for horses and zebras.",
    )
    projection_channels: int = Field(default=256, ge=1, le=4096, description="Channels of each of the two layers of a projection head.")


class Contrast:
    """The patches of a method, their heads and their loss. A sample's patches are a function of the seed and the sample's number."""

    def __init__(self, config: ContrastConfig, seed: int, generator: nn.Module, layers: Sequence[str]) -> None:
        """generator: one of the method's `FeatureGenerator`s; layers: the default of `nce_layers`"""
        self.config, self.seed = config, seed
        self.layers = config.nce_layers or layers
        self.strides = {name: stage.stride for name, stage in self._stages(generator).items()}

    @property
    def divisible(self) -> bool:
        """Is the loss of a batch the mean of its images' losses?"""
        return self.config.negatives == "image"

    def heads(self, generator: nn.Module, begin: NetworkConfig) -> ProjectionHeads:
        """Heads for the patches of this generator's encoder. begin: the section with the initialisation of weights"""
        channels = {name: stage.channels for name, stage in self._stages(generator).items()}
        heads = ProjectionHeads(channels, self.config.projection_channels)
        networks.init_weights(heads, begin.init, begin.init_gain)
        return heads

    def lot(self, purpose: str, number: int) -> int:
        """The seed for one purpose and the sample of this number."""
        return derive_seed(self.seed, self.config.name, purpose, number)

    def draw(self, purpose: str, image: Tensor, batch: Batch) -> Positions:
        """Random places of patches in images [B, C, H, W], on the CPU."""
        lots = [self.lot(purpose, number) for number in batch.numbers]
        return draw_positions(self.strides, image.shape[2], image.shape[3], self.config.num_patches, lots)

    def kept(self, name: str, keys: Patches, places: Positions) -> Outputs:
        """The source's features [B, P, C], detached, and the places [B, P, 2] of its translation's patches, for the outputs of a method."""
        at = {f"{name}/{layer}/at": places[layer] for layer in self.strides}
        return {f"{name}/{layer}/key": keys[layer].detach() for layer in self.strides} | at

    def places(self, name: str, outputs: Outputs) -> Positions:
        """The places that were kept under this name."""
        return {layer: outputs[f"{name}/{layer}/at"] for layer in self.strides}

    def loss(self, name: str, outputs: Outputs, patches: Patches, heads: nn.Module, heads_of_source: nn.Module) -> Tensor:
        """PatchNCE between a translation's patches, layer -> [B, P, C], and the features that were kept under this name."""
        queries = heads(patches)  # z^
        with torch.no_grad():
            keys = heads_of_source({layer: outputs[f"{name}/{layer}/key"] for layer in self.strides})  # z
        config = self.config
        losses = [
            patch_nce(
                queries[layer],
                keys[layer],
                config.temperature,
                config.negatives,
                weighting=config.nce_weighting,
                weighting_temperature=config.nce_weighting_temperature,
            )
            for layer in self.strides
        ]
        return torch.stack(losses).mean()

    def _stages(self, generator: nn.Module) -> Mapping[str, Stage]:
        """The stages that are compared, in the encoder's order."""
        assert isinstance(generator, FeatureGenerator)
        known = generator.feature_stages()
        for name in self.config.nce_layers or ():
            if name not in known:
                raise UserError(
                    f"method.nce_layers: {name!r} is no layer of this generator{nearest(name, known)}; it has {', '.join(known)}"
                )
        return {name: stage for name, stage in known.items() if name in self.layers}
