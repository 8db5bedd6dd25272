"""Projection heads: MLPs that map features of several layers to the vectors that a contrastive loss compares (2007.15651, section 3)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gan_style.networks.layers.moments import outside_autocast
from gan_style.networks.layers.patches import Patches


class ProjectionHeads(nn.Module):
    """One MLP of two layers for each layer of features: {layer: [B, P, C]} -> {layer: [B, P, width]}, vectors of length 1.

    channels: layer -> C. The heads compute in float32 or finer, also under autocast: their initial weights are so small that half
    precision loses their outputs, of which only the direction counts.
    """

    def __init__(self, channels: Mapping[str, int], width: int = 256) -> None:
        super().__init__()
        self.mlps = nn.ModuleDict(
            {layer: nn.Sequential(nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width)) for layer, count in channels.items()}
        )

    def forward(self, patches: Patches) -> Patches:
        return {layer: project(patches[layer], mlp) for layer, mlp in self.mlps.items()}


@outside_autocast
def project(features: Tensor, mlp: nn.Module) -> Tensor:
    """`mlp(features)`, each vector divided by its length; a vector of zeros stays a vector of zeros and has a gradient."""
    vectors = mlp(features)
    return vectors / (torch.linalg.vector_norm(vectors, dim=-1, keepdim=True) + 1e-7)
