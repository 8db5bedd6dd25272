"""Losses that any adversarial method can add: perceptual, style (both from a fixed network's features), total variation.

L = ... + w_p sum_l w_l |phi_l(y) - phi_l(c)|^2 + w_s sum_l |G_l(y) - G_l(s)|^2 + w_tv TV(y)     (1603.08155, section 3.2)

y is a translation, c the target of its content (the true output if there is one, else the input), s the target of its style (a fixed
picture, or the real images of the output domain), phi_l the features of layer l of a VGG, G_l their Gram matrices. w_l is 1 unless a
layer has a weight. The first distance may be absolute instead of squared (1711.11585, section 4). A mask weighs the first distance alone:
the others compare no position with its target.
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor, nn

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.schema import MethodConfig, Place
from gan_style.errors import nearest
from gan_style.losses.perceptual import GramNorm, absolute_loss, content_loss, gram_loss, gram_matrix, mmd_loss, moment_loss
from gan_style.losses.total_variation import total_variation
from gan_style.methods.fixed_vgg import VGGConfig, normalise
from gan_style.methods.style_pictures import style_picture
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.pretrained.vgg import VGGFeatures, layers
from gan_style.types import Task

STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]  # 1508.06576, section 2
CONTENT_LAYERS = ["relu4_2"]
StyleLoss = Literal["gram", "moments", "mmd"]


def _known(value: list[str]) -> list[str]:
    known = dict.fromkeys([*layers("vgg16"), *layers("vgg19")])
    for layer in value:
        if layer not in known:
            raise ValueError(f"{layer!r} is no layer of a VGG{nearest(layer, known)}; there are conv1_1, relu1_1, ... pool5")
    return value


def _known_and_weighted(value: list[str]) -> list[str]:
    _known(list(layer_weights(value)))
    return value


def layer_weights(value: list[str]) -> dict[str, float]:
    """Parse ["relu1_1=0.25", "relu2_1"] to {"relu1_1": 0.25, "relu2_1": 1.0}."""
    weights: dict[str, float] = {}
    for entry in value:
        layer, equals, text = entry.partition("=")
        try:
            weight = float(text) if equals else 1.0
        except ValueError:
            weight = -1.0
        if not 0 < weight < math.inf or layer in weights:
            raise ValueError(f"{entry!r} must be LAYER or LAYER=WEIGHT, with a weight above 0 and each layer once")
        weights[layer] = weight
    return weights


LayerList = Annotated[list[str], AfterValidator(_known)]
WeightedLayerList = Annotated[list[str], AfterValidator(_known_and_weighted)]
PerceptualLayers = Annotated[WeightedLayerList, OnlyWith({"perceptual_weight": ON})]
PerceptualDistance = Annotated[Literal["l2", "l1"], OnlyWith({"perceptual_weight": ON})]


class AuxiliaryConfig(MethodConfig):
    """The keys of losses that every adversarial method can add to its generator's."""

    perceptual_weight: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the perceptual loss, the distance to the true output if the data are pairs, else to the input. 0: off.",
    )
    perceptual_layers: PerceptualLayers = Field(
        default=CONTENT_LAYERS,
        min_length=1,
        description="VGG layers of the perceptual loss. A weight other than 1 follows the name: `relu1_1=0.25`.",
    )
    perceptual_distance: PerceptualDistance = Field(
        default="l2",
        description="Distance between the features in the perceptual loss: mean square (`l2`, 1603.08155) or mean absolute value (`l1`, "
        "1711.11585).",
    )
    style_weight: float = Field(default=0.0, ge=0, description="Weight of the style loss. 0: off.")
    style_layers: Annotated[LayerList, OnlyWith({"style_weight": ON})] = Field(
        default=STYLE_LAYERS, min_length=1, description="VGG layers of the style loss."
    )
    style_loss: Annotated[StyleLoss, OnlyWith({"style_weight": ON})] = Field(
        default="gram",
        description="Statistics of the features that the style loss compares: Gram matrices (`gram`, 1508.06576), means and standard "
        "deviations (`moments`, 1703.06868) or maximum mean discrepancy (`mmd`, 1701.01036).",
    )
    style_norm: Annotated[GramNorm, OnlyWith({"style_weight": ON}), OnlyWith({"style_loss": ("gram",)})] = Field(
        default="gatys", description="Scale of the loss `gram`: 1/(4 N^2 M^2) (`gatys`) or 1/(C H W)^2 (`johnson`)."
    )
    style_image: Annotated[Place | None, OnlyWith({"style_weight": ON})] = Field(
        default=None,
        description="The file of a picture that gives the style. null: the real images of the output's domain in the batch give it.",
    )
    style_size: Annotated[int | None, OnlyWith({"style_weight": ON})] = Field(
        default=None,
        ge=16,
        le=4096,
        description="Pixels of the shorter side to which `style_image` is resized. Smaller values give finer strokes. null: its own "
        "size, but at most `data.crop_size`.",
    )
    tv_weight: float = Field(default=0.0, ge=0, description="Weight of the total-variation loss, which smooths translations. 0: off.")
    vgg: Annotated[VGGConfig, OnlyWith({"perceptual_weight": ON, "style_weight": ON})] = Field(
        default_factory=VGGConfig, description="The fixed network that gives the features of the perceptual and the style loss."
    )

    @model_validator(mode="after")
    def _size_of_a_picture(self) -> "AuxiliaryConfig":
        if self.style_size and not self.style_image:
            raise ValueError("style_size has no effect without style_image: give style_image, or leave style_size out")
        return self

    def pictures(self) -> list[str]:
        return [self.style_image] if self.style_image else []


class Auxiliary:
    """The terms of a configuration. frozen: networks that the method must add to its own `frozen`"""

    def __init__(self, config: AuxiliaryConfig, task: Task) -> None:
        self.config = config
        self.content_weights = layer_weights(config.perceptual_layers)
        self.distance = absolute_loss if config.perceptual_distance == "l1" else content_loss
        wanted = [
            layer
            for weight, names in ((config.perceptual_weight, self.content_weights), (config.style_weight, config.style_layers))
            if weight
            for layer in names
        ]
        self.frozen: dict[str, nn.Module] = {}
        if wanted:
            vgg = VGGFeatures(config.vgg.name, wanted, config.vgg.weights, config.vgg.pooling)
            self.frozen["vgg"] = normalise(vgg, config.vgg, task, "b")
        self.picture: Tensor | None = None  # [1, 3, H, W]
        if config.style_weight and config.style_image:
            self.picture = style_picture(task.kept, "method.style_image", config.style_image, config.style_size, task.size)
        self._picture_style: dict[str, Tensor] = {}  # layer -> what `_style` gives, of batch 1

    def weighed(self, *suffixes: str) -> tuple[str, ...]:
        """The terms that masks weigh. suffixes: as in `losses`, of each call"""
        return tuple(f"perceptual{suffix}" for suffix in suffixes) if self.config.perceptual_weight else ()

    def losses(
        self,
        output: Tensor,
        content: Tensor,
        style: Tensor,
        suffix: str = "",
        mask: Tensor | None = None,
        placed: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Weighted terms by name.

        output: translations [B, C, H, W]; content: the target of their content; style: real images
        mask: weights [B, 1, H, W] of the perceptual distances
        placed: the translations at the places of `content`, where the two do not align; None: they are `output`
        """
        config, terms = self.config, {}
        placed = output if placed is None else placed
        if vgg := self.frozen.get("vgg"):
            features = vgg(to_rgb(placed))
            contents, styles = self._targets(vgg, content, style)
            if config.perceptual_weight:
                distances = [w * self.distance(features[layer], contents[layer], mask=mask) for layer, w in self.content_weights.items()]
                terms[f"perceptual{suffix}"] = config.perceptual_weight * torch.stack(distances).sum()  # sum_l w_l |phi_l(y) - phi_l(c)|^2
            if config.style_weight and placed is not output:
                features = vgg(to_rgb(output), config.style_layers)
            if config.style_weight:
                distances = [self._style_distance(features[layer], styles[layer]) for layer in config.style_layers]
                terms[f"style{suffix}"] = config.style_weight * torch.stack(distances).sum()  # sum_l |G_l(y) - G_l(s)|^2
        if config.tv_weight:
            terms[f"tv{suffix}"] = config.tv_weight * total_variation(output)
        return terms

    @torch.no_grad()
    def _targets(self, vgg: nn.Module, content: Tensor, style: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(features of the content's target, `_style` of the style's target), by layer, as far as the configuration needs them.

        If both targets are one picture, there is one forward. The features of a fixed picture are computed once in a run.
        """
        config = self.config
        contents = list(self.content_weights) if config.perceptual_weight else []
        styles = config.style_layers if config.style_weight else []
        if content is style and self.picture is None:
            both = vgg(to_rgb(content), list(dict.fromkeys([*contents, *styles])))
            return both, {layer: self._style(both[layer]) for layer in styles}
        found = vgg(to_rgb(content), contents) if contents else {}
        if not styles:
            return found, {}
        if self.picture is None:
            return found, {layer: self._style(features) for layer, features in vgg(to_rgb(style), styles).items()}
        if not self._picture_style:  # computed at the first call, when device and precision are known
            self._picture_style = {layer: self._style(features) for layer, features in vgg(self.picture.to(style), styles).items()}
        return found, self._picture_style

    def _style(self, features: Tensor) -> Tensor:
        """The part of features [B, C, H, W] that the style loss compares: Gram matrices [B, C, C], or the features themselves."""
        return gram_matrix(features, self.config.style_norm) if self.config.style_loss == "gram" else features

    def _style_distance(self, features: Tensor, target: Tensor) -> Tensor:
        """The style loss of one layer. target: `_style` of the same batch or of one picture"""
        if self.config.style_loss == "moments":
            return moment_loss(features, target)
        if self.config.style_loss == "mmd":
            return mmd_loss(features, target)
        return gram_loss(self._style(features), target, self.config.style_norm)
