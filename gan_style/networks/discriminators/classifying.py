"""The discriminator of StarGAN (1711.09020, table 5): scores for patches and, from the same features, the class of the image."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import NetworkConfig
from gan_style.errors import UserError
from gan_style.networks.discriminators.patchgan import receptive_field
from gan_style.networks.keys import BaseChannels


class ClassifyingConfig(NetworkConfig):
    """Strided convolutions without normalisation, patch scores and a class."""

    name: Literal["classifying"] = Field(
        default="classifying", description="A PatchGAN that also names the domain of the image (1711.09020)."
    )
    base_channels: BaseChannels = 64
    num_layers: Annotated[
        int, Field(ge=1, le=8, description="Layers with stride 2, each with twice the channels of the layer before it.")
    ] = 6
    init: Literal["normal", "xavier", "kaiming", "orthogonal"] = Field(
        default="kaiming",
        description="Initial weights of convolutions. The layers have no normalisation, so their weights must keep the scale of the "
        "features.",
    )


class ClassifyingDiscriminator(nn.Module):
    """Images [B, Cin, H, W] -> scores [B, 1, h, w] with h = H / 2**num_layers, and logits [B, classes].

    size: side of the training images. The classifier's kernel covers the features of such an image. The logits of a larger image are
    the mean over the kernel's positions.
    """

    Config = ClassifyingConfig

    def __init__(self, in_channels: int, classes: int, size: int, config: ClassifyingConfig) -> None:
        super().__init__()
        stride = 2**config.num_layers
        self.minimum_size = max(size, stride)
        layers: list[nn.Module] = []
        channels = in_channels
        for level in range(config.num_layers):
            width = config.base_channels * 2**level
            layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.01)]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        self.classifier = nn.Conv2d(channels, classes, self.minimum_size // stride, bias=False)
        self.receptive_field = receptive_field([each for each in (*layers, self.head) if isinstance(each, nn.Conv2d)])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        if min(height, width) < self.minimum_size:
            raise UserError(
                f"images of {width} x {height} pixels are smaller than the {self.minimum_size} of data.crop_size, which the classifier "
                "of the discriminator is made for: set data.preprocess to resize_and_crop"
            )
        x = self.layers(x)  # [B, 2**(n-1) k, H/2**n, W/2**n]
        return self.head(x), self.classifier(x).mean(dim=(2, 3))
