"""CUT and FastCUT: contrastive learning for unpaired translation (Park et al., 2020, arXiv 2007.15651).

    L(G, H, D) = L_GAN(G, D) + lambda_X L_PatchNCE(G, H, X) + lambda_Y L_PatchNCE(G, H, Y)        (equation 5)
    L_PatchNCE(G, H, X) = E sum_l sum_s  l(z^_l^s, z_l^s, z_l^(S without s))                       (equations 2 and 3)

z_l = H_l(E_l(x)) are patches of the input x, z^_l = H_l(E_l(G(x))) those of its translation at the same places. E_l is the generator's
encoder up to layer l, H_l the head of that layer. The term on Y is an identity loss: G should not change a real output.
CUT: lambda_X = lambda_Y. FastCUT: lambda_X = 10, lambda_Y = 0, and flip equivariance: half of the inputs are mirrored before the
translation, and the translation is compared with the input that is not mirrored.

`contrast.py` computes PatchNCE. As in the authors' code, its terms are halved if there are two, the discriminator moves first, and its
objective is halved. Departures from that code: mirrors and patches are random for each sample, not for each batch (decision 15); layer 0 is
the image without the reflected margin that the first convolution sees. Masks weigh `perceptual` alone.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style import networks
from gan_style.errors import UserError
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import Adversary
from gan_style.methods.auxiliary import Auxiliary, AuxiliaryConfig
from gan_style.methods.base import Method, Player, build_discriminator, build_generator
from gan_style.methods.contrast import Contrast, ContrastConfig
from gan_style.methods.keys import Adversarial
from gan_style.networks import DiscriminatorConfig, FeatureGeneratorConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.networks.layers.dropout import of_samples_at
from gan_style.networks.layers.patches import Patches, Positions, mirror_positions, on_device
from gan_style.networks.layers.together import patches_together
from gan_style.types import Batch, Direction, Outputs, Task

# Layers 0, 4, 8, 12 and 16 of the authors' generator: pixels, both downsampling convolutions, blocks 1 and 5.
NCE_LAYERS = ("pixels", "down1", "down2", "block1", "block5")


class CUTConfig(AdversarialConfig, AuxiliaryConfig, ContrastConfig):
    """CUT and FastCUT; the defaults are CUT's, configs/fastcut.yaml has FastCUT's."""

    name: Literal["cut"] = Field(
        default="cut",
        description="Unpaired translation in one direction; a contrastive loss keeps each patch close to its source (2007.15651).",
    )
    direction: Direction = Field(
        default="a2b",
        description="Direction of the translation: `a2b` from domain A to B, or `b2a`. Both domains have the same number of channels.",
    )
    generator: FeatureGeneratorConfig = Field(
        default=ResnetConfig(antialias=True, init="xavier"),
        description="The generator. Its encoder gives the features of the PatchNCE loss.",
    )
    discriminator: DiscriminatorConfig = Field(
        default=PatchConfig(antialias=True, init="xavier"), description="The discriminator, which judges images of the output's domain."
    )
    adversarial: Adversarial = "lsgan"
    nce_weight: float = Field(default=1.0, gt=0, description="Weight of the PatchNCE losses. CUT takes 1, FastCUT 10.")
    nce_identity: bool = Field(
        default=True,
        description="Also feed real images of the output's domain to the generator, which should not change them. Half of `nce_weight` "
        "goes to this loss. Off in FastCUT.",
    )
    flip_equivariance: bool = Field(
        default=False,
        description="Mirror half of the inputs before the translation, and compare each translation with its input "
        "before mirroring. On in FastCUT.",
    )


class CUT(Method):
    """One generator with projection heads on its encoder, one discriminator."""

    Config = CUTConfig
    needs = "domains"

    def __init__(self, config: CUTConfig, task: Task) -> None:
        channels_in, channels_out = task.channels(config.direction)
        if channels_in != channels_out:
            raise UserError(
                f"cut sends its translations through the encoder of its inputs, but data.domain_a.channels is {task.channels_a} "
                f"and data.domain_b.channels {task.channels_b}: make them equal, or take cyclegan"
            )
        self.config, self.task = config, task
        self.adversary = Adversary(config, task)
        generator = build_generator(config.generator, channels_in, channels_out)
        if config.flip_equivariance and not networks.batch_independent(generator):
            raise UserError("method.flip_equivariance: norm batch mixes the images of a batch; set method.generator.norm=instance")
        self.contrast = Contrast(config, task.seed, generator, NCE_LAYERS)
        self.strides = self.contrast.strides
        self.networks = {
            "generator": generator,
            "heads": self.contrast.heads(generator, config.generator),
            "discriminator": build_discriminator(config.discriminator, channels_out),
            **self.adversary.state("discriminator"),
        }
        self.auxiliary = Auxiliary(config, task)
        self.frozen = self.auxiliary.frozen
        self.players = (
            Player("discriminator", ("discriminator",), bounded=self.adversary.bounded),
            Player("generator", ("generator", "heads"), translates=True, every=config.critic_steps),
        )
        self.translators: dict[Direction, str] = {config.direction: "generator"}

    @property
    def divisible(self) -> bool:
        return super().divisible and self.contrast.divisible

    @property
    def weighed(self) -> tuple[str, ...]:
        return self.auxiliary.weighed("")

    def translate(self, batch: Batch) -> Outputs:
        """`fake`: the translation of `source`, which may be mirrored; `identity`: the generator's output for a real output.

        Under both names `Contrast.kept` stores the patches of their sources and the places of these patches.
        """
        real_input, real_output = batch.oriented(self.config.direction)
        images = {"fake": real_input, "identity": real_output} if self.config.nce_identity else {"fake": real_input}
        mirrored = self._mirrored(batch)
        drawn = {name: self.contrast.draw(name, image, batch) for name, image in images.items()}
        seen = {name: _mirror(image, mirrored) for name, image in images.items()}
        at = [on_device(positions, real_input.device) for positions in drawn.values()]

        outputs: Outputs = {"source": seen["fake"]}
        found = patches_together(self.networks["generator"], list(seen.values()), at)  # G(x), G(y), E(x) and E(y) are one forward
        keys = [{layer: patches[layer].detach() for layer in self.strides} for patches in found]
        if any(mirrored):  # E(x), where it was G(mirrored x) that was computed
            keys = self._encode_again(keys, list(images.values()), at, [place for place, flip in enumerate(mirrored) if flip])
            flipped = [mirror_positions(drawn[name], self.strides, image.shape[3], mirrored) for name, image in images.items()]
            at = [on_device(positions, real_input.device) for positions in flipped]
        for name, patches, key, places in zip(images, found, keys, at, strict=True):
            outputs[name] = patches["translation"]
            outputs |= self.contrast.kept(name, key, places)
        return outputs

    def fakes(self, batch: Batch) -> Outputs:
        source = _mirror(batch.oriented(self.config.direction)[0], self._mirrored(batch))
        return {"source": source, "fake": self.networks["generator"](source)}

    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        _, real_output = batch.oriented(self.config.direction)
        discriminator = self.networks["discriminator"]
        if player.name == "discriminator":
            judged = self.adversary.judge(discriminator, batch, real=real_output, fake=outputs["fake"])
            return {
                "discriminator_fake": 0.5 * judged.fake,  # L_GAN's E[D(G(x))^2], halved
                "discriminator_real": 0.5 * judged.real,  # L_GAN's E[(1 - D(y))^2], halved
                **judged.penalties,
            }
        mask = batch.mask(self.config.direction[0])
        mask = mask if mask is None else _mirror(mask, self._mirrored(batch))  # as `source` is
        return {
            "adversarial": self.adversary.fool(discriminator, batch, outputs["fake"]),  # L_GAN's E[(1 - D(G(x)))^2]
            **self._contrastive(outputs),  # lambda_X L_PatchNCE(G, H, X) + lambda_Y L_PatchNCE(G, H, Y)
            **self.auxiliary.losses(outputs["fake"], content=outputs["source"], style=real_output, mask=mask),
        }

    def _contrastive(self, outputs: Outputs) -> dict[str, Tensor]:
        terms = {"fake": "nce", "identity": "nce_identity"} if self.config.nce_identity else {"fake": "nce"}
        weight, heads = self.config.nce_weight / len(terms), self.networks["heads"]
        at = [self.contrast.places(name, outputs) for name in terms]
        translations = [outputs[name] for name in terms]
        found = patches_together(self.networks["generator"], translations, at, decode=False)  # E(G(x)), E(G(y))
        patches = zip(terms.items(), found, strict=True)
        return {term: weight * self.contrast.loss(name, outputs, queries, heads, heads) for (name, term), queries in patches}

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {self.config.direction: (outputs["source"], outputs["fake"])}

    @classmethod
    def translator(cls, config: CUTConfig, in_channels: int, out_channels: int) -> nn.Module:
        return build_generator(config.generator, in_channels, out_channels)

    def _mirrored(self, batch: Batch) -> list[bool]:
        """For each sample: is it mirrored before the translation?"""
        return [self.config.flip_equivariance and self.contrast.lot("mirror", number) % 2 == 1 for number in batch.numbers]

    def _encode_again(
        self, keys: Sequence[Patches], images: Sequence[Tensor], at: Sequence[Positions], places: Sequence[int]
    ) -> list[Patches]:
        """`keys`, in which the samples at `places` are replaced by the encoder's features of `images`."""
        again = [{layer: _picked(positions[layer], places) for layer in self.strides} for positions in at]
        generator = self.networks["generator"]
        with torch.no_grad(), of_samples_at(generator, places):
            found = patches_together(generator, [_picked(image, places) for image in images], again, decode=False)
        return [
            {layer: _replaced(key[layer], places, patches[layer]) for layer in self.strides}
            for key, patches in zip(keys, found, strict=True)
        ]


def _mirror(images: Tensor, which: Sequence[bool]) -> Tensor:
    """Mirror some of the images [B, C, H, W] left to right."""
    if not any(which):
        return images
    return torch.cat([image.flip(3) if flip else image for image, flip in zip(images.split(1), which, strict=True)])


def _picked(values: Tensor, places: Sequence[int]) -> Tensor:
    """values[places], without sending an index to the device."""
    return torch.cat([values[place : place + 1] for place in places])


def _replaced(values: Tensor, places: Sequence[int], others: Tensor) -> Tensor:
    """`values` [B, ...] with `others` [len(places), ...] at `places`."""
    rows = list(values.split(1))
    for place, row in zip(places, others.split(1), strict=True):
        rows[place] = row
    return torch.cat(rows)
