"""Generators from noise and the discriminators of whole images that go with them: MLP (1406.2661) and DCGAN (1511.06434)."""

import math
from itertools import pairwise

from torch import Tensor, nn

from gan_style.networks.layers.normalisation import bias_before, norm_layer


class MLPGenerator(nn.Module):
    """latents [B, Z] -> images [B, C, size, size] in [-1, 1] through three hidden layers of k, 2k and 4k units."""

    def __init__(self, latent: int, out_channels: int, size: int, base_channels: int = 64) -> None:
        super().__init__()
        self.shape = (out_channels, size, size)
        widths = (latent, *(4 * base_channels * factor for factor in (1, 2, 4)))
        hidden: list[nn.Module] = []
        for before, after in pairwise(widths):
            hidden += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], math.prod(self.shape)), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).unflatten(1, self.shape)


class DCGANGenerator(nn.Module):
    """latents [B, Z] -> images [B, C, size, size] in [-1, 1]: 4 x 4, then doubled by strided deconvolutions; `size` is 8, 16, 32, ..."""

    def __init__(self, latent: int, out_channels: int, size: int, base_channels: int = 64, norm: str = "batch") -> None:
        super().__init__()
        doublings = doublings_of(size)
        width = base_channels * 2 ** (doublings - 1)
        steps: list[nn.Module] = [nn.ConvTranspose2d(latent, width, 4, bias=bias_before(norm)), norm_layer(norm, width), nn.ReLU()]  # 4 x 4
        for _ in range(doublings - 1):
            deconvolution = nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=bias_before(norm))
            steps += [deconvolution, norm_layer(norm, width // 2), nn.ReLU()]
            width //= 2
        self.layers = nn.Sequential(*steps, nn.ConvTranspose2d(width, out_channels, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents[:, :, None, None])


class MLPDiscriminator(nn.Module):
    """images [B, C, size, size] -> scores [B, 1]."""

    def __init__(self, in_channels: int, size: int, base_channels: int = 64) -> None:
        super().__init__()
        width = 8 * base_channels
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


class DCGANDiscriminator(nn.Module):
    """images [B, C, size, size] -> scores [B, 1]: strided convolutions down to 4 x 4, no normalisation in the first and last."""

    def __init__(self, in_channels: int, size: int, base_channels: int = 64, norm: str = "batch") -> None:
        super().__init__()
        width = base_channels
        steps: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(doublings_of(size) - 1):
            convolution = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=bias_before(norm))
            steps += [convolution, norm_layer(norm, 2 * width), nn.LeakyReLU(0.2)]
            width *= 2
        self.layers = nn.Sequential(*steps, nn.Conv2d(width, 1, 4), nn.Flatten())  # 4 x 4 -> 1 x 1

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def doublings_of(size: int) -> int:
    """From 4 pixels to `size`; ValueError where that is no whole number of at least 1."""
    doublings = (size // 4).bit_length() - 1
    if size != 4 * 2**doublings or doublings < 1:
        raise ValueError(f"a DCGAN makes images of 8, 16, 32, 64, ... pixels, not {size}")
    return doublings


NOISE_GENERATORS: dict[str, type[nn.Module]] = {"mlp": MLPGenerator, "dcgan": DCGANGenerator}
IMAGE_DISCRIMINATORS: dict[str, type[nn.Module]] = {"mlp": MLPDiscriminator, "dcgan": DCGANDiscriminator}
