"""pix2pixHD: high-resolution translation from pairs (Wang et al., 2017, arXiv 1711.11585); with SPADE's generator, GauGAN (1903.07291).

    min_G  max_{D_1, D_2, D_3} sum_k L_GAN(G, D_k)  +  lambda sum_k L_FM(G, D_k)  +  lambda_VGG L_VGG(G)     (equations 2 to 5, section 4)

D_k sees the input s (label maps class by class) beside the real or translated image at 1/2^(k-1) of its size. L_FM compares its features of
the real and of the translated image. D moves first and its objective is halved, as in the public code. Departures: the least squares and
their halving as in pix2pix; no instance features (section 3.4). Scales are summed for SPADE too, as in equation 3; its public code
averages them. Masks weigh `feature_matching`, `perceptual` and `l1`.

In the generator's turn the discriminator scores the real images again, without a graph, because it has moved since its own turn: its
earlier features would differ from those of a perfect translation (docs/decisions/0017).
"""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gan_style.config.labels import LabelledConfig
from gan_style.config.schema import Place
from gan_style.errors import UserError
from gan_style.losses.feature_matching import feature_matching_loss
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.auxiliary import Auxiliary, AuxiliaryConfig, PerceptualDistance, PerceptualLayers
from gan_style.methods.base import Method, Player, build_discriminator, build_generator
from gan_style.methods.keys import Adversarial
from gan_style.methods.pairs import Pairs, PairsConfig
from gan_style.methods.trained import open_trained
from gan_style.networks import FeatureDiscriminatorConfig, GeneratorConfig
from gan_style.networks.discriminators.multiscale import MultiscaleConfig
from gan_style.networks.generators.coarse_to_fine import GlobalConfig
from gan_style.networks.layers.labels import EncodedTranslator, LabelEncoding
from gan_style.types import Batch, Direction, Outputs, Task

COARSE = "generator.coarse."  # the global generator's weights, but its last layer's, within a translator


class Pix2PixHDConfig(PairsConfig, AdversarialConfig, AuxiliaryConfig, LabelledConfig):
    """pix2pixHD; the defaults are the paper's but for the VGG loss, whose weights are a download: configs/pix2pixhd.yaml has it."""

    name: Literal["pix2pixhd"] = Field(
        default="pix2pixhd",
        description="Paired translation of large images (1711.11585). It also takes the generator of SPADE (1903.07291).",
    )
    generator: GeneratorConfig = Field(default=GlobalConfig(), description="The generator.")
    discriminator: FeatureDiscriminatorConfig = Field(
        default=MultiscaleConfig(), description="The discriminator, which judges pairs of input and output."
    )
    adversarial: Adversarial = "lsgan"
    feature_weight: float = Field(
        default=10.0,
        ge=0,
        description="Weight of the feature-matching loss, the distance between the discriminator's features of translation and truth.",
    )
    perceptual_layers: PerceptualLayers = Field(
        default=["relu1_1=0.03125", "relu2_1=0.0625", "relu3_1=0.125", "relu4_1=0.25", "relu5_1"],
        min_length=1,
        description="VGG layers of the perceptual loss and their weights. The default is that of the authors' code.",
    )
    perceptual_distance: PerceptualDistance = Field(
        default="l1",
        description="Distance between the features in the perceptual loss: mean square (`l2`) or mean absolute value (`l1`, as in the "
        "paper).",
    )
    coarse_from: Place | None = Field(
        default=None,
        description="A bundle or run folder of pix2pixhd with generator `global`, trained on images of 1/2**num_enhancers of the size. "
        "The coarse part of `coarse-to-fine` starts from its weights (section 3.1). null: random weights.",
    )
    fixed_steps: int = Field(
        default=0, ge=0, description="First steps of the run, during which the coarse part of `coarse-to-fine` is not trained."
    )

    @model_validator(mode="after")
    def _has_a_coarse_part(self) -> "Pix2PixHDConfig":
        if (self.coarse_from or self.fixed_steps) and self.generator.name != "coarse-to-fine":
            raise ValueError(f"coarse_from and fixed_steps need generator.name coarse-to-fine, not {self.generator.name}: leave them out")
        return self


class Pix2PixHD(Method):
    """One generator, one conditional discriminator of several scales."""

    Config = Pix2PixHDConfig
    needs = "pairs"

    def __init__(self, config: Pix2PixHDConfig, task: Task) -> None:
        channels_in, channels_out = task.channels(config.direction)
        check_labels(config, channels_in)
        self.config = config
        self.adversary = Adversary(config, task)
        generator = self.translator(config, channels_in, channels_out)
        if config.coarse_from:
            if not task.kept.get("method.coarse_from"):  # the first start: later ones have the weights from their checkpoints
                take_over(generator, Path(config.coarse_from), config, channels_in)
            task.kept.keep("method.coarse_from", True)
        self.encoding = generator.encoding
        seen = self.encoding.channels(channels_in) + channels_out
        self.networks = {
            "generator": generator,
            "discriminator": build_discriminator(config.discriminator, seen),
            **self.adversary.state("discriminator"),
        }
        self.pairs = Pairs(config, channels_out)
        self.networks |= self.pairs.networks
        self.auxiliary = Auxiliary(config, task)
        self.frozen = self.auxiliary.frozen
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator", *self.pairs.networks), translates=True, every=config.critic_steps),
        )
        self.translators: dict[Direction, str] = {config.direction: "generator"}

    def field(self, output: Tensor, truth: Tensor) -> Tensor | None:
        return self.pairs.field(output, truth)

    @property
    def weighed(self) -> tuple[str, ...]:
        matched = ("feature_matching",) if self.config.feature_weight else ()
        return (*self.pairs.weighed, *matched, *self.auxiliary.weighed(""))

    def rests(self, network: str, parameter: str, step: int) -> bool:
        return step < self.config.fixed_steps and network == "generator" and parameter.startswith(COARSE)

    def translate(self, batch: Batch) -> Outputs:
        encoded = self.encoding(batch.oriented(self.config.direction)[0])  # s [B, K, H, W]
        return {"fake": self.networks["generator"](None, encoded=encoded), "encoded": encoded}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        real, fake, encoded = batch.oriented(self.config.direction)[1], outputs["fake"], outputs["encoded"]
        discriminator: Any = self.networks["discriminator"]
        registered, smoothness = self.pairs.registered(self.networks, fake, real)  # G(s), or where the truth has it
        if player.name == "discriminator":
            judged = self.adversary.judge(discriminator, batch, real=real, fake=registered, beside=encoded)
            return {
                "discriminator_fake": 0.5 * judged.fake,  # sum_k E[D_k(s, G(s))^2], halved
                "discriminator_real": 0.5 * judged.real,  # sum_k E[(D_k(s, x) - 1)^2], halved
                **judged.penalties,
            }
        scores, fake_features = discriminator.judged(self.adversary.shown(batch, registered, encoded))
        losses = {"adversarial": self.adversary.generators_side(scores, True), **smoothness}  # sum_k E[(D_k(s, G(s)) - 1)^2]
        mask = batch.mask(self.config.direction[-1])
        if self.config.l1_weight:
            losses["l1"] = self.pairs.l1(registered, real, mask)
        if self.config.feature_weight:
            with torch.no_grad():
                _, real_features = discriminator.judged(self.adversary.shown(batch, real, encoded, kind="real"))
            matched = feature_matching_loss(fake_features, real_features, self.adversary.moved(batch, mask))
            losses["feature_matching"] = self.config.feature_weight * matched  # lambda L_FM
        return losses | self.auxiliary.losses(fake, content=real, style=real, mask=mask, placed=registered)  # lambda_VGG L_VGG

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {self.config.direction: (batch.oriented(self.config.direction)[0], outputs["fake"])}

    @classmethod
    def translator(cls, config: Pix2PixHDConfig, in_channels: int, out_channels: int) -> EncodedTranslator:
        encoding = LabelEncoding(config.labels.values(), config.labels.edges)
        return EncodedTranslator(encoding, build_generator(config.generator, encoding.channels(in_channels), out_channels))

    def served_config(self) -> dict[str, Any]:
        return {**super().served_config(), "coarse_from": None, "fixed_steps": 0}


def check_labels(config: Pix2PixHDConfig, channels: int) -> None:
    """`UserError` if the colours and edges do not fit inputs with this number of channels."""
    labels, domain = config.labels, f"data.domain_{config.direction[0]}"
    if labels.colours is None:
        if labels.edges != "none":
            raise UserError(
                f"method.labels.edges: the inputs are not shown as label maps; set {domain}.labels=yes and method.labels.one_hot=true"
            )
        return
    if labels.edges == "alpha" and channels not in (2, 4):
        raise UserError(f"method.labels.edges: needs an alpha channel, but {domain}.channels is {channels}; set {domain}.channels=4")
    wanted = channels - (labels.edges == "alpha")
    for colour in labels.colours:
        if len(colour) != 1 + 2 * wanted:
            raise UserError(f"method.labels.colours: {colour} is no colour of {wanted} channels, two digits each (see {domain}.channels)")


def take_over(translator: EncodedTranslator, path: Path, config: Pix2PixHDConfig, channels: int) -> None:
    """Load the weights of a trained global generator into the coarse part."""
    info, trained, weights = open_trained("method.coarse_from", path, Pix2PixHD)
    if trained.generator.name != "global":
        raise UserError(f"method.coarse_from {path}: its generator is {trained.generator.name}; give a bundle of generator.name=global")
    for key in ("base_channels", "num_blocks", "num_downs", "norm", "upsampling"):
        theirs, ours = getattr(trained.generator, key), getattr(config.generator, key)
        if theirs != ours:
            raise UserError(f"method.coarse_from {path}: its generator.{key} is {theirs}, not {ours}; take the same")
    if (trained.labels.colours, trained.labels.edges, info.in_channels) != (config.labels.colours, config.labels.edges, channels):
        raise UserError(f"method.coarse_from {path}: its inputs have other channels, classes or edges; train it on the same label maps")
    try:
        coarse = translator.get_submodule(COARSE.rstrip("."))
        coarse.load_state_dict({key.removeprefix(COARSE): weight for key, weight in weights.items() if key.startswith(COARSE)})
    except RuntimeError as mismatch:
        raise UserError(
            f"method.coarse_from {path}: its weights do not fit ({' '.join(str(mismatch).split())}); give another bundle"
        ) from None
