"""The discriminator of pix2pix that judges each pixel by itself (1611.07004, section 6.1.2)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.networks.discriminators.patchgan import layer, minimum_size, receptive_field
from gan_style.networks.keys import BaseChannels, Norm
from gan_style.networks.layers.normalisation import bias_before, norm_layer


class PixelConfig(NetworkConfig):
    """1 x 1 convolutions and a score for each pixel."""

    name: Literal["pixel"] = Field(
        default="pixel", description="A PatchGAN of 1 x 1 pixels, which judges each pixel by itself (1611.07004, section 6.1.2)."
    )
    base_channels: BaseChannels = 64
    norm: Norm = "instance"


class PixelDiscriminator(nn.Module):
    """Images [B, Cin, H, W] -> scores [B, 1, H, W]: only the normalisation sees other pixels; no sigmoid."""

    Config = PixelConfig

    def __init__(self, in_channels: int, config: PixelConfig) -> None:
        super().__init__()
        self.norm = norm = config.norm
        k = config.base_channels
        bias = bias_before(norm)
        conv = nn.Conv2d(k, 2 * k, 1, bias=bias)
        self.layers = nn.ModuleList([layer(nn.Conv2d(in_channels, k, 1)), layer(conv, norm_layer(norm, 2 * k))])
        self.head = nn.Conv2d(2 * k, 1, 1, bias=bias)

        convs = [module for module in self.modules() if isinstance(module, nn.Conv2d)]
        self.receptive_field = receptive_field(convs)
        self.minimum_size = minimum_size(convs)

    def forward(self, x: Tensor) -> Tensor:
        for each in self.layers:
            x = each(x)  # [B, k, H, W], [B, 2k, H, W]
        return self.head(x)  # [B, 1, H, W]
