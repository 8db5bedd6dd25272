"""Arbitrary style transfer by adaptive instance normalisation (Huang and Belongie, 2017, arXiv 1703.06868, section 5)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.network import Init, NetworkConfig
from gan_style.networks.keys import BaseChannels, ResizeMode
from gan_style.networks.layers.moments import adain
from gan_style.networks.layers.padding import grown, run_padded
from gan_style.networks.pretrained.vgg import BLOCKS, VGGFeatures, layers
from gan_style.networks.pretrained.vgg_normalised import NormalisedVGG

DEPTHS = ("relu2_1", "relu3_1", "relu4_1")


class AdaINNetConfig(NetworkConfig):
    """A fixed VGG and a decoder that mirrors it."""

    name: Literal["adain"] = Field(default="adain", description="A fixed VGG, `method.vgg`, and a decoder that mirrors it.")
    base_channels: BaseChannels = Field(
        default=64, description="Channels of the decoder's last layers. Earlier layers have a multiple of them."
    )
    depth: Literal["relu2_1", "relu3_1", "relu4_1"] = Field(
        default="relu4_1",
        description="VGG layer at which content and style meet. The paper takes `relu4_1`. Earlier layers are faster and keep more of "
        "the content.",
    )
    encoder: Literal["torchvision", "normalised"] = Field(
        default="torchvision",
        description="The fixed VGG: `torchvision`, or the authors' `normalised` VGG-19 (images in [0, 1], reflection padding, deviations "
        "with Bessel's correction), whose file `method.vgg.weights` then names: vgg_normalised.pth. The authors' decoder fits behind it.",
    )
    padding: Literal["zeros", "reflect"] = Field(
        default="zeros",
        description="What the `torchvision` encoder sees beyond the border: `zeros`, as in its training, or the image again, reflected. "
        "Zeros leave a frame in the translations.",
    )
    resize_mode: ResizeMode = "nearest"
    init: Init = Field(
        default="kaiming",
        description="Initial weights of the decoder. It has no normalisation, so its weights must keep the scale of the features.",
    )


class AdaINNet(nn.Module):
    """A fixed VGG up to `depth`, AdaIN, and a trained decoder that mirrors it.

    vgg: the encoder's weights, as `VGGFeatures` takes them; None leaves them to a state dict.
    vgg_name: "vgg16" or "vgg19", the encoder
    """

    Config = AdaINNetConfig

    def __init__(self, vgg: str | None, config: AdaINNetConfig, vgg_name: str = "vgg19") -> None:
        super().__init__()
        self.depth = depth = config.depth
        self.loss_layers = ("relu1_1", *DEPTHS[: DEPTHS.index(depth) + 1])
        self.normalised = config.encoder == "normalised"
        self.correction = int(self.normalised)  # of variances
        self.encoder = (
            NormalisedVGG(self.loss_layers, vgg)
            if self.normalised
            else VGGFeatures(vgg_name, self.loss_layers, vgg, padding=config.padding)
        )
        self.decoder = Decoder(vgg_name, depth, config.base_channels, config.resize_mode)
        self.size_multiple = 2 ** DEPTHS.index(depth) * 2  # as many halvings as poolings
        self.minimum_size = 2 * self.size_multiple  # so that the decoder has 2 pixels to reflect

    def encode(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [-1, 1] -> features of `depth`: [B, 512, H/8, W/8] at relu4_1; H, W >= 8."""
        return self.encoder(images)[self.depth]

    def grown(self, content: Tensor) -> Tensor:
        """content [B, 3, H, W] padded at the right and below to a size that `forward` need not pad."""
        return grown(content, self.size_multiple, self.minimum_size)

    def forward(
        self,
        content: Tensor | None,
        style: Tensor | None = None,
        shares: Tensor | None = None,
        alpha: float = 1.0,
        features: Sequence[Tensor] | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """content [B, 3, H, W] in the style of style [S, 3, h, w] -> [B, 3, H, W]; the output is not bounded.

        features: instead of `style`, the result of `encode` for each of S style pictures, whose sizes may differ.
        target: instead of all others, the features after AdaIN, which training computes itself; the decoder alone runs.

        shares [1 or B, S]: the share of each style (section 7.3); [1 or B, S, H, W]: the share at each pixel. None: content i takes
        style i. alpha in [0, 1]: 0 gives the content's own features, 1 those after AdaIN (equation 14).
        """
        if target is not None:
            return self._decoded(target)
        assert content is not None
        if features is None:
            assert style is not None
            features = [self.encode(style)] if shares is None else self.encode(style).split(1)
        maps = shares if shares is not None and shares.dim() == 4 else None
        joined = content if maps is None else torch.cat([content, maps.to(content).expand(len(content), -1, -1, -1)], dim=1)

        def stylize(both: Tensor) -> Tensor:  # the maps are padded with their images
            own = self.encode(both[:, :3])
            stylized = (
                self.met(own, features[0])
                if shares is None
                else mixed(own, features, shares if maps is None else both[:, 3:], self.correction)
            )
            return self._decoded(alpha * stylized + (1 - alpha) * own)

        return run_padded(stylize, joined, self.size_multiple, self.minimum_size)

    def met(self, content: Tensor, style: Tensor) -> Tensor:
        """AdaIN(content, style): features [B, C, h, w] with the style's moments."""
        return adain(content, style, correction=self.correction)

    def _decoded(self, features: Tensor) -> Tensor:
        """features -> [B, 3, H, W] in about [-1, 1]; behind the normalised encoder the decoder makes values in about [0, 1]."""
        y = self.decoder(features)
        return 2 * y - 1 if self.normalised else y


def mixed(features: Tensor, styles: Sequence[Tensor], shares: Tensor, correction: int = 0) -> Tensor:
    """sum_s share_s AdaIN(features, style_s): features [B, C, h, w], each style [1, C, ...], shares [B, S] or [B, S, H, W]."""
    if shares.dim() == 4:
        shares = F.adaptive_avg_pool2d(shares.to(features), (features.shape[2], features.shape[3]))  # [B, S, h, w]
    else:
        shares = shares.to(features)[:, :, None, None]  # [B, S, 1, 1]
    parts = [shares[:, place : place + 1] * adain(features, style, correction=correction) for place, style in enumerate(styles)]
    return torch.stack(parts).sum(dim=0)


class Decoder(nn.Module):
    """The mirror of the encoder, with reflection padding, upsampling in `mode` and no normalisation: [B, C, h, w] -> [B, 3, H, W]."""

    def __init__(self, name: str, depth: str, base_channels: int, mode: ResizeMode = "nearest") -> None:
        super().__init__()
        order = layers(name)
        mirrored = [layer for layer in order[: order.index(depth) + 1] if not layer.startswith("relu")]  # conv1_1, conv1_2, pool1, ...
        read, channels = dict[str, int](), 3  # what each convolution reads; its mirror makes as many channels of what it wrote
        for layer in mirrored:
            if layer.startswith("conv"):
                read[layer], channels = channels, BLOCKS[name][int(layer[4]) - 1][0] * base_channels // 64
        steps: list[nn.Module] = []
        width = BLOCKS[name][int(depth[4]) - 1][0]  # the encoder's own
        for layer in reversed(mirrored):
            if layer in read:
                steps += [nn.Conv2d(width, read[layer], 3, padding=1, padding_mode="reflect"), nn.ReLU()]
                width = read[layer]
            else:
                steps.append(nn.Upsample(scale_factor=2, mode=mode))
        self.steps = nn.Sequential(*steps[:-1])  # no ReLU behind the last

    def forward(self, features: Tensor) -> Tensor:
        return self.steps(features)
