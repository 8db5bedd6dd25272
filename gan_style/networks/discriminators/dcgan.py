"""The discriminator of DCGAN: whole images by strided convolutions (Radford et al., 2015, arXiv 1511.06434)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.generators.dcgan import doublings_of
from gan_style.networks.keys import BaseChannels, Norm
from gan_style.networks.layers.normalisation import bias_before, norm_layer


class DCGANDiscriminatorConfig(NetworkConfig):
    """Convolutions from the image to 4 x 4 pixels."""

    name: Literal["dcgan"] = Field(default="dcgan", description="Convolutions with stride 2 (1511.06434).")
    base_channels: BaseChannels = 64
    norm: Norm = "batch"


class DCGANDiscriminator(nn.Module):
    """images [B, C, size, size] -> scores [B, 1]: strided convolutions down to 4 x 4, no normalisation in the first and last."""

    Config = DCGANDiscriminatorConfig
    one_position = True  # its last map

    def __init__(self, in_channels: int, size: int, config: DCGANDiscriminatorConfig) -> None:
        super().__init__()
        width, norm = config.base_channels, config.norm
        steps: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(doublings_of(size) - 1):
            convolution = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=bias_before(norm))
            steps += [convolution, norm_layer(norm, 2 * width), nn.LeakyReLU(0.2)]
            width *= 2
        self.layers = nn.Sequential(*steps, nn.Conv2d(width, 1, 4), nn.Flatten())  # 4 x 4 -> 1 x 1

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
