"""The generator of DCGAN: images from noise by strided deconvolutions (Radford et al., 2015, arXiv 1511.06434)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.keys import BaseChannels, Norm
from gan_style.networks.layers.normalisation import bias_before, norm_layer


class DCGANGeneratorConfig(NetworkConfig):
    """Deconvolutions from 4 x 4 pixels to the image."""

    name: Literal["dcgan"] = Field(default="dcgan", description="Deconvolutions with stride 2 (1511.06434).")
    base_channels: BaseChannels = 64
    norm: Norm = "batch"


class DCGANGenerator(nn.Module):
    """latents [B, Z] -> images [B, C, size, size] in [-1, 1]: 4 x 4, then doubled by strided deconvolutions; `size` is 8, 16, 32, ..."""

    Config = DCGANGeneratorConfig
    one_position = True  # its first map

    def __init__(self, latent: int, out_channels: int, size: int, config: DCGANGeneratorConfig) -> None:
        super().__init__()
        norm = config.norm
        doublings = doublings_of(size)
        width = config.base_channels * 2 ** (doublings - 1)
        steps: list[nn.Module] = [nn.ConvTranspose2d(latent, width, 4, bias=bias_before(norm)), norm_layer(norm, width), nn.ReLU()]  # 4 x 4
        for _ in range(doublings - 1):
            deconvolution = nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=bias_before(norm))
            steps += [deconvolution, norm_layer(norm, width // 2), nn.ReLU()]
            width //= 2
        self.layers = nn.Sequential(*steps, nn.ConvTranspose2d(width, out_channels, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents[:, :, None, None])


def doublings_of(size: int) -> int:
    """The doublings from 4 pixels to `size`; ValueError unless they are a whole number >= 1."""
    doublings = (size // 4).bit_length() - 1
    if size != 4 * 2**doublings or doublings < 1:
        raise ValueError(f"a DCGAN makes images of 8, 16, 32, 64, ... pixels, not {size}")
    return doublings
