"""Feed-forward style transfer (Johnson et al., 2016, arXiv 1603.08155), of one style or several (Dumoulin et al., 2016, 1610.07629).

L = w_c |phi_c(y) - phi_c(x)|^2 + w_s sum_l |G_l(y) - G_l(s)|^2 + w_tv TV(y)         (1603.08155, equations 2 to 5)

y = T(x, s) is the picture x in style s, phi_c the features of a content layer, G_l the Gram matrices of the style layers. With several
styles, each sample gets one at random. The styles share all convolutions; each has its own scales and shifts.
"""

from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Mix
from gan_style.config.effect import ON, OnlyWith
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import MethodConfig, Place
from gan_style.errors import UserError
from gan_style.losses.perceptual import content_loss, gram_matrix, squared_distance, style_moments
from gan_style.losses.total_variation import total_variation
from gan_style.methods.auxiliary import LayerList
from gan_style.methods.base import Method, Player
from gan_style.methods.fixed_vgg import IMAGES, VGGConfig, normalise
from gan_style.methods.style_pictures import style_picture
from gan_style.methods.trained import open_trained
from gan_style.methods.unchanged import Unchanged, measured
from gan_style.networks import STYLIZERS, StylizerConfig
from gan_style.networks.generators.transformer_net import TransformerNet, TransformerNetConfig
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.transfer import sent
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Direction, Needs, Outputs, Task


class FastStyleConfig(MethodConfig):
    """Feed-forward style transfer."""

    domains: ClassVar[tuple[str, ...]] = ("a",)
    name: Literal["fast_style"] = Field(
        default="fast_style", description="Pictures (domain A) in one of a few styles, by one forward pass (1603.08155, 1610.07629)."
    )
    styles: dict[str, Place] = Field(
        default_factory=dict,
        max_length=1024,
        description="Names of the styles and the files of their pictures, such as `{starry: starry_night.jpg}`; at least one.",
    )
    add_to: Place | None = Field(
        default=None,
        description="A bundle or run folder of fast_style whose network learns further styles, those of `styles`. Training changes the "
        "scales and shifts of the new styles alone (1610.07629, section 3.2). null: train a new network.",
    )
    generator: StylizerConfig = Field(default=TransformerNetConfig(), description="The stylizer.")
    content_weight: float = Field(default=1.0, ge=0, description="Weight of the content loss, the mean square distance of features.")
    content_layers: Annotated[LayerList, OnlyWith({"content_weight": ON})] = Field(
        default=["relu2_2"], min_length=1, description="VGG layers of the content loss."
    )
    style_weight: float = Field(default=5.0, ge=0, description="Weight of the style loss, whose Gram matrices are divided by C H W.")
    style_layers: Annotated[LayerList, OnlyWith({"style_weight": ON})] = Field(
        default=["relu1_2", "relu2_2", "relu3_3", "relu4_3"], min_length=1, description="VGG layers of the style loss."
    )
    relative: bool = Field(
        default=False,
        description="Divide the style loss of each layer and style by that of unchanged training images, and the content loss of each "
        "layer by that of an image without features; both are means over the first 32 images, which checkpoints keep. Then styles of high "
        "and of low contrast are learned alike, and the weights mean the same for every VGG and layer.",
    )
    tv_weight: float = Field(default=1e-4, ge=0, description="Weight of the total-variation loss, which smooths translations. 0: off.")
    style_loss: Annotated[Literal["gram", "moments"], OnlyWith({"style_weight": ON})] = Field(
        default="gram",
        description="What the style loss compares: Gram matrices, as in the paper, or `moments`, the mean and standard deviation of each "
        "channel (1701.01036, equation 15).",
    )
    style_size: Annotated[int | None, OnlyWith({"style_weight": ON})] = Field(
        default=256,
        ge=16,
        le=4096,
        description="Pixels of the shorter side to which the style pictures are resized. Smaller values give finer strokes. null: their "
        "own size.",
    )
    vgg: Annotated[VGGConfig, OnlyWith({"content_weight": ON, "style_weight": ON})] = Field(
        default_factory=lambda: VGGConfig(name="vgg16"),
        description="The fixed network that gives the features of the losses.",
    )

    def pictures(self) -> list[str]:
        return list(self.styles.values())


class FastStyle(Method):
    """One stylizer; no adversary."""

    Config = FastStyleConfig
    needs: ClassVar[Needs] = "images"

    def __init__(self, config: FastStyleConfig, task: Task) -> None:
        if not config.styles:
            raise UserError("method.styles: name at least one style and its picture, such as method.styles='{starry: starry_night.jpg}'")
        if task.channels_a != 3:
            raise UserError("fast_style reads RGB: set data.domain_a.channels to 3")
        self.config, self.seed = config, task.seed
        self.pictures = [style_picture(task.kept, f"method.styles.{name}", path, config.style_size) for name, path in config.styles.items()]
        known, weights = task.kept.get("method.add_to") or [], {}
        if config.add_to:
            if not known:  # the first start; later starts load the weights from checkpoints
                known, weights = _trained(Path(config.add_to), config)
            task.kept.keep("method.add_to", known)
        self.names = [*known, *config.styles]
        self.kept = len(known)
        network = _stylizer(config.generator, len(self.names))
        if isinstance(network, TransformerNet) and network.skip:
            nn.init.zeros_(network.head.weight)  # training begins at the photograph
        _keep_styles(network, self.kept)
        if weights:
            _take_over(network, weights)
        self.networks = {"generator": network}
        wanted = [*config.content_layers, *config.style_layers]
        vgg = VGGFeatures(config.vgg.name, wanted, config.vgg.weights, config.vgg.pooling)
        self.frozen: dict[str, nn.Module] = {"vgg": normalise(vgg, config.vgg, task, "a")}
        self.unchanged = self._unchanged(vgg, task) if config.relative else Unchanged()
        self.players = (Player("generator", ("generator",), translates=True),)
        self.translators: dict[Direction, str] = {"a2b": "generator"}
        self._known: dict[str, tuple[Tensor, Tensor]] = {}  # layer -> statistics of the S styles that are trained, and their factors [S]

    def trains(self, network: str, parameter: str) -> bool:
        return not self.kept or ".norm." in parameter

    def translate(self, batch: Batch) -> Outputs:
        shares = torch.stack([self._one_hot(self._drawn(number)) for number in batch.numbers])  # [B, S]
        shares = sent(shares.to(batch.a.dtype), batch.a.device)
        return {"fake": self.networks["generator"](batch.a, shares), "shares": shares}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        config, vgg = self.config, self.frozen["vgg"]
        features = vgg(outputs["fake"])
        with torch.no_grad():
            content = vgg(batch.a, config.content_layers)
            shares = outputs["shares"][:, self.kept :]
            mixed = {layer: (mix(table, shares), mix(factors, shares)) for layer, (table, factors) in self._targets(batch.a).items()}
        contents = [
            content_loss(features[layer], content[layer]) / self.unchanged.content.get(layer, 1.0) for layer in config.content_layers
        ]
        styles = []
        for layer, (target, factor) in mixed.items():
            factor = factor[:, None, None]
            styles.append(squared_distance(self._statistics(features[layer]) * factor, target * factor))
        losses = {
            "content": config.content_weight * torch.stack(contents).sum(),  # w_c |phi_c(y) - phi_c(x)|^2
            "style": config.style_weight * torch.stack(styles).sum(),  # w_s sum_l |G_l(y) - G_l(s)|^2
        }
        if config.tv_weight:
            losses["tv"] = config.tv_weight * total_variation(outputs["fake"])  # w_tv TV(y)
        return losses

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {"a2b": (batch.a, outputs["fake"])}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        return _stylizer(config.generator, len(config.styles))

    @classmethod
    def takes(cls, config: Any) -> Mix:
        return Mix(names=tuple(config.styles))

    @property
    def condition(self) -> Mix:
        return Mix(names=tuple(self.names), first=self.kept)

    def served_config(self) -> dict[str, Any]:
        """As in `Method`, with the names of the styles but not their files, which only training reads."""
        bare = self.config.model_copy(update={"styles": dict.fromkeys(self.names, ""), "add_to": None, "vgg": VGGConfig()})
        return bare.model_dump(mode="json")

    def _drawn(self, number: int) -> int:
        """The style of training sample `number`."""
        return self.kept + derive_seed(self.seed, "style", number) % (len(self.names) - self.kept)

    def _one_hot(self, style: int) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(style), len(self.names)).float()

    def _targets(self, like: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """The styles' statistics and factors, computed once, at the first call, when device and precision are known."""
        if not self._known:
            for layer, table in self._of_styles(self.frozen["vgg"], like).items():
                divisors = self.unchanged.style.get(layer, torch.ones(len(table)))
                self._known[layer] = table, divisors.to(table).rsqrt()  # the loss squares the statistics
        return self._known

    def _of_styles(self, vgg: nn.Module, like: Tensor) -> dict[str, Tensor]:
        """{layer: [S, C, C] or [S, 2, C]}: the statistics of the styles' pictures."""
        features = [vgg(picture.to(like), self.config.style_layers) for picture in self.pictures]
        return {layer: torch.cat([self._statistics(f[layer]) for f in features]) for layer in self.config.style_layers}

    def _statistics(self, features: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, C] or [B, 2, C], whose squared distances are the style loss."""
        return gram_matrix(features, "johnson") if self.config.style_loss == "gram" else style_moments(features)

    def _unchanged(self, vgg: nn.Module, task: Task) -> Unchanged:
        """Losses of the first training images as they are, from the checkpoint of a run that goes on."""
        kept = task.kept.get("method.relative")
        if kept is None:
            kept = measured(
                vgg,
                (batch.a for batch in islice(task.samples(), IMAGES)),
                self.config.content_layers,
                self._of_styles(vgg, torch.zeros(())),
                self._statistics,
            )
        task.kept.keep("method.relative", kept)
        return Unchanged(**kept)


def mix(table: Tensor, shares: Tensor) -> Tensor:
    """table [S, ...], shares [B, S] -> [B, ...]: for each sample the sum of the rows by its shares."""
    return torch.einsum("bs,s...->b...", shares.to(table), table)


def _stylizer(config: NetworkConfig, styles: int) -> nn.Module:
    return networks.build(STYLIZERS, config, in_channels=3, out_channels=3, styles=styles)


def _trained(path: Path, config: FastStyleConfig) -> tuple[list[str], dict[str, Tensor]]:
    """The names of a bundle's styles, and its weights."""
    _, trained, weights = open_trained("method.add_to", path, FastStyle)
    if not trained.styles:
        raise UserError(f"method.add_to {path}: knows no style; give a bundle that training has made")
    if trained.generator != config.generator:
        raise UserError(f"method.add_to {path}: its generator has other settings; take {trained.generator.model_dump(mode='json')}")
    if both := sorted(trained.styles.keys() & config.styles.keys()):
        raise UserError(f"method.styles: {path} knows {', '.join(both)} already; give the new styles other names")
    return list(trained.styles), weights


def _keep_styles(network: nn.Module, kept: int) -> None:
    """Exclude the first `kept` styles from training."""
    for module in network.modules():
        if isinstance(module, ConditionalInstanceNorm2d):
            module.kept = kept


def _take_over(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load a trained network's weights. Known styles do not change; new styles begin as their mean."""
    grown = {}
    for key, own in network.state_dict().items():
        value = weights[key]
        new = len(own) - len(value) if ".norm." in key else 0
        grown[key] = torch.cat([value, value.mean(dim=0, keepdim=True).expand(new, -1)]) if new else value
    network.load_state_dict(grown)
