"""The multi-layer perceptron that makes images from noise in the first GAN (1406.2661)."""

import math
from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels


class MLPGeneratorConfig(NetworkConfig):
    """Three hidden layers."""

    name: Literal["mlp"] = Field(default="mlp", description="A multi-layer perceptron (1406.2661).")
    base_channels: BaseChannels = 64


class MLPGenerator(nn.Module):
    """latents [B, Z] -> images [B, C, size, size] in [-1, 1] through three hidden layers of 4k, 8k and 16k units."""

    Config = MLPGeneratorConfig

    def __init__(self, latent: int, out_channels: int, size: int, config: MLPGeneratorConfig) -> None:
        super().__init__()
        self.shape = (out_channels, size, size)
        widths = (latent, *(4 * config.base_channels * factor for factor in (1, 2, 4)))
        hidden: list[nn.Module] = []
        for before, after in pairwise(widths):
            hidden += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], math.prod(self.shape)), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).unflatten(1, self.shape)
