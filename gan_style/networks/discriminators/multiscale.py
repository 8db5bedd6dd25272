"""The multi-scale discriminator of pix2pixHD (1711.11585, section 3.2)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.discriminators.patchgan import PatchConfig, PatchDiscriminator
from gan_style.networks.layers.pyramid import halved


class MultiscaleConfig(PatchConfig):
    """PatchGANs on the image and on smaller copies of it."""

    name: Literal["multiscale"] = Field(  # type: ignore[assignment]
        default="multiscale", description="A PatchGAN for each of several sizes of the image (1711.11585)."
    )
    num_scales: int = Field(
        default=3,
        ge=1,
        le=5,
        description="Number of PatchGANs: the first sees the image, the second the image at half its size, and so on.",
    )


class MultiscaleDiscriminator(nn.Module):
    """`num_scales` equal PatchGANs: the first sees images [B, Cin, H, W], each further one sees them at half the size of the one before.

    receptive_field: side in the image's pixels of a patch of the coarsest scale; minimum_size: side of the smallest image that all scales
    can judge. Departure: the PatchGANs have padding 1, as in 1611.07004, the public code has 2; fewer patches reach over the border.
    """

    Config = MultiscaleConfig

    def __init__(self, in_channels: int, config: MultiscaleConfig) -> None:
        super().__init__()
        num_scales = config.num_scales
        patchgans = [PatchDiscriminator(in_channels, config) for _ in range(num_scales)]
        self.scales = nn.ModuleList(patchgans)
        step = 2 ** (num_scales - 1)  # pixels of the image between two of the coarsest scale's, each of which saw 2 step - 1
        self.receptive_field = (2 * step - 1) + (patchgans[0].receptive_field - 1) * step
        self.minimum_size = (patchgans[0].minimum_size - 1) * step + 1

    def forward(self, x: Tensor) -> list[Tensor]:
        """The scores [B, 1, h, w] of each scale, the finest first."""
        return self.judged(x)[0]

    def judged(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """The scores, and of each scale the features of every layer before them: [B, k, H/2, W/2], [B, 2k, H/4, W/4], ..."""
        height, width = x.shape[2:]
        if min(height, width) < self.minimum_size:
            raise UserError(
                f"images of {width} x {height} pixels are too small for {len(self.scales)} scales of a PatchGAN, which need "
                f"{self.minimum_size}: raise data.crop_size or lower method.discriminator.num_scales or num_layers"
            )
        scores: list[Tensor] = []
        features: list[list[Tensor]] = []
        for place, patchgan in enumerate(self.scales):
            if place:
                x = halved(x)  # [B, Cin, H/2, W/2], [B, Cin, H/4, W/4]
            own, layers = patchgan.scored(x)  # type: ignore[operator]
            scores.append(own)
            features.append(layers)
        return scores, features
