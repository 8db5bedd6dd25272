"""Arbitrary style transfer by adaptive instance normalisation (Huang and Belongie, 2017, arXiv 1703.06868, section 5)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks.moments import adain
from gan_style.networks.padding import run_padded
from gan_style.networks.vgg import VGGFeatures

DEPTH = "relu4_1"
LOSS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", DEPTH)


class AdaINNet(nn.Module):
    """A fixed VGG-19 up to relu4_1, AdaIN, and a trained decoder that mirrors it.

    vgg: the encoder's weights, as `VGGFeatures` takes them; None leaves them to a state dict.
    base_channels: of the decoder's last layers, 64 in the paper.
    """

    size_multiple = 8  # three halvings
    minimum_size = 16  # so that the decoder has 2 pixels to reflect

    def __init__(self, vgg: str | None, base_channels: int = 64) -> None:
        super().__init__()
        self.encoder = VGGFeatures("vgg19", LOSS_LAYERS, vgg)
        self.decoder = Decoder(512, base_channels)

    def encode(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [-1, 1] -> relu4_1 [B, 512, H/8, W/8]; H, W >= 8."""
        return self.encoder(images)[DEPTH]

    def forward(
        self,
        content: Tensor,
        style: Tensor | None = None,
        shares: Tensor | None = None,
        alpha: float = 1.0,
        features: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """content [B, 3, H, W] in the style of style [S, 3, h, w] -> [B, 3, H, W]; nothing bounds the output.

        features: instead of `style`, what `encode` gave for each of S style pictures, whose sizes may differ.

        shares [1 or B, S]: how much of each style (section 7.3); [1 or B, S, H, W]: the same at each pixel. None: content i takes
        style i. alpha in [0, 1]: how far from the content's features to the style's (equation 14).
        """
        if features is None:
            assert style is not None
            features = [self.encode(style)] if shares is None else self.encode(style).split(1)
        maps = shares if shares is not None and shares.dim() == 4 else None
        joined = content if maps is None else torch.cat([content, maps.to(content).expand(len(content), -1, -1, -1)], dim=1)

        def stylize(both: Tensor) -> Tensor:  # the maps are padded with their images
            own = self.encode(both[:, :3])
            target = adain(own, features[0]) if shares is None else mixed(own, features, shares if maps is None else both[:, 3:])
            return self.decoder(alpha * target + (1 - alpha) * own)

        return run_padded(stylize, joined, self.size_multiple, self.minimum_size)


def mixed(features: Tensor, styles: Sequence[Tensor], shares: Tensor) -> Tensor:
    """sum_s share_s AdaIN(features, style_s): features [B, C, h, w], each style [1, C, ...], shares [B, S] or [B, S, H, W]."""
    if shares.dim() == 4:
        shares = F.adaptive_avg_pool2d(shares.to(features), (features.shape[2], features.shape[3]))  # [B, S, h, w]
    else:
        shares = shares.to(features)[:, :, None, None]  # [B, S, 1, 1]
    parts = [shares[:, place : place + 1] * adain(features, style) for place, style in enumerate(styles)]
    return torch.stack(parts).sum(dim=0)


class Decoder(nn.Module):
    """Mirrors the encoder with reflection padding, nearest upsampling and no normalisation: [B, C, h, w] -> [B, 3, 8h, 8w]."""

    def __init__(self, in_channels: int, base_channels: int) -> None:
        super().__init__()
        k = base_channels
        plan = (
            (in_channels, 4 * k),
            "up",
            (4 * k, 4 * k),
            (4 * k, 4 * k),
            (4 * k, 4 * k),
            (4 * k, 2 * k),
            "up",
            (2 * k, 2 * k),
            (2 * k, k),
            "up",
            (k, k),
        )
        steps: list[nn.Module] = []
        for step in plan:
            if isinstance(step, str):
                steps.append(nn.Upsample(scale_factor=2, mode="nearest"))
            else:
                steps += [nn.Conv2d(*step, 3, padding=1, padding_mode="reflect"), nn.ReLU()]
        self.steps = nn.Sequential(*steps, nn.Conv2d(k, 3, 3, padding=1, padding_mode="reflect"))

    def forward(self, features: Tensor) -> Tensor:
        return self.steps(features)
