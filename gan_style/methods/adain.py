"""AdaIN: any content in any style (Huang and Belongie, 2017, arXiv 1703.06868).

    t = AdaIN(f(c), f(s)),  g(t) the translation                                        (equations 8 to 10)
    L = |f(g(t)) - t|^2  +  lambda sum_l |mu_l(g(t)) - mu_l(s)|^2 + |sigma_l(g(t)) - sigma_l(s)|^2     (equations 11 to 13)

f is a fixed VGG up to relu4_1 (the paper's is VGG-19), g the decoder; only the decoder is trained. Departure: squared distances, averaged
over the entries, as in the authors' code; the paper writes norms. Content whose sides are not multiples of 8 is padded to the next
multiples by reflection.
"""

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Exemplar
from gan_style.config.schema import MethodConfig
from gan_style.errors import UserError
from gan_style.losses.perceptual import content_loss, moment_loss
from gan_style.losses.total_variation import total_variation
from gan_style.methods.base import Method, Player
from gan_style.methods.fixed_vgg import VGGConfig, normalise
from gan_style.networks import StyleTransferConfig
from gan_style.networks.generators.adain import AdaINNet, AdaINNetConfig
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.types import Batch, Direction, Needs, Outputs, Task


class AdaINConfig(MethodConfig):
    """AdaIN; the defaults are the paper's."""

    name: Literal["adain"] = Field(
        default="adain", description="Content images (domain A) in the style of any picture (domain B) (1703.06868)."
    )
    generator: StyleTransferConfig = Field(default=AdaINNetConfig(), description="The stylizer.")
    content_weight: float = Field(default=1.0, ge=0, description="Weight of the content loss.")
    style_weight: float = Field(default=10.0, ge=0, description="Weight of the style loss. 0: off.")
    tv_weight: float = Field(default=0.0, ge=0, description="Weight of the total-variation loss, which smooths translations. 0: off.")
    vgg: VGGConfig = Field(default_factory=VGGConfig, description="The encoder, with max pooling.")


class AdaIN(Method):
    """One decoder behind a fixed encoder; the bundle holds both."""

    Config = AdaINConfig
    needs: ClassVar[Needs] = "domains"

    def __init__(self, config: AdaINConfig, task: Task) -> None:
        if (task.channels_a, task.channels_b) != (3, 3):
            raise UserError("adain reads RGB: set data.domain_a.channels and data.domain_b.channels to 3")
        if config.vgg.pooling != "max":
            raise UserError("adain needs method.vgg.pooling max, which its decoder mirrors: leave it out")
        if (
            isinstance(config.generator, AdaINNetConfig)
            and config.generator.encoder == "normalised"
            and (config.vgg.name, config.vgg.normalised) != ("vgg19", False)
        ):
            raise UserError(
                "method.generator.encoder normalised is the authors' VGG-19: leave method.vgg.name and method.vgg.normalised out"
            )
        self.config = config
        network = self.translator(config, 3, 3, config.vgg.weights)
        if isinstance(network.encoder, VGGFeatures):
            normalise(network.encoder, config.vgg, task, "a")
        self.networks = {"generator": network}
        self.frozen: dict[str, nn.Module] = {}
        self.players = (Player("generator", ("generator",), translates=True),)
        self.translators: dict[Direction, str] = {"a2b": "generator"}
        self.network: AdaINNet = network  # the bare one, for its encoder

    def trains(self, network: str, parameter: str) -> bool:
        return parameter.startswith("decoder.")

    def translate(self, batch: Batch) -> Outputs:
        network, content = self.network, self.network.grown(batch.a)
        with torch.no_grad():
            style = network.encoder(batch.b)  # {layer: [B, C, h, w]}
            target = network.met(network.encode(content), style[network.depth])  # t
        fake = self.networks["generator"](None, target=target)  # g(t), [B, 3, H, W]
        return {"fake": fake, "target": target, **{f"style_{layer}": style[layer] for layer in network.loss_layers}}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        network = self.network
        features = network.encoder(outputs["fake"])
        distances = [moment_loss(features[layer], outputs[f"style_{layer}"]) for layer in network.loss_layers]
        losses = {
            "content": self.config.content_weight * content_loss(features[network.depth], outputs["target"]),  # |f(g(t)) - t|^2
            "style": self.config.style_weight * torch.stack(distances).sum(),  # lambda sum_l |mu - mu'|^2 + |sigma - sigma'|^2
        }
        if self.config.tv_weight:
            losses["tv"] = self.config.tv_weight * total_variation(outputs["fake"])
        return losses

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        height, width = batch.a.shape[2:]
        return {"a2b": (batch.a, outputs["fake"][:, :, :height, :width])}

    def served_config(self) -> dict[str, Any]:
        """As in `Method`, with the name of the VGG, whose layers the bundle holds."""
        served = super().served_config()
        return {**served, "vgg": {**served["vgg"], "name": self.config.vgg.name}}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int, vgg: str | None = None) -> AdaINNet:
        """The encoder and the decoder as one network. vgg: the encoder's weights; None if a bundle will provide them"""
        network = AdaINNet(vgg, config.generator, config.vgg.name)
        networks.draw(network.decoder, config.generator)
        return network

    @classmethod
    def takes(cls, config: Any) -> Exemplar:
        return Exemplar()
