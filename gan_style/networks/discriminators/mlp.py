"""The multi-layer perceptron that judges whole images in the first GAN (1406.2661)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels


class MLPDiscriminatorConfig(NetworkConfig):
    """Two hidden layers."""

    name: Literal["mlp"] = Field(default="mlp", description="A multi-layer perceptron (1406.2661).")
    base_channels: BaseChannels = 64


class MLPDiscriminator(nn.Module):
    """images [B, C, size, size] -> scores [B, 1]."""

    Config = MLPDiscriminatorConfig

    def __init__(self, in_channels: int, size: int, config: MLPDiscriminatorConfig) -> None:
        super().__init__()
        width = 8 * config.base_channels
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_channels * size * size, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width // 2),
            nn.LeakyReLU(0.2),
            nn.Linear(width // 2, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
