"""The adversarial losses of a method: the images that discriminators see, the losses of both players, and all stabilisers.

    L_D = E[f(D(T(y)), real)] + E[f(D(T(G(x))), fake)]  +  gamma/2 E[|grad D|^2]  +  lambda E[(|grad D| - 1)^2]
    L_G = E[g(D(T(G(x))), real)]

f and g are the discriminator's and the generator's side of `adversarial`. E is the mean over the batch; a judge of one domain counts the
images of other domains 0, in the losses and in the penalties. T is DiffAugment (2006.10738), ADA (2006.06676) and instance noise
(1610.04490), if configured, alike for both players. The third term is R1 (1801.04406), the last one the gradient penalty (1704.00028).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.losses.adversarial import ADVERSARIAL, GENERATORS_SIDE, MIDDLE, AdversarialLoss, Scores, counted, scales
from gan_style.losses.penalties import between, gradient_penalty, r1
from gan_style.methods.adaptation import Adaptation
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.networks.layers.ada import LOTS as ADA_LOTS
from gan_style.networks.layers.ada import augmented
from gan_style.networks.layers.diffaugment import LOTS, diffaugment
from gan_style.networks.layers.together import forward_together
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Task

AUGMENTATION = "augmentation"  # the name among a method's networks of what holds the probabilities of ADA
PENALTIES = ("_r1", "_gradient_penalty")  # suffixes of their names; a player that has won may still have penalties


@dataclass(frozen=True)
class Judgement:
    """A discriminator's losses in its own turn: for real images, for generated images, and weighted penalties by their full names.

    on_real: what the discriminator returned for the real images
    """

    real: Tensor
    fake: Tensor
    penalties: dict[str, Tensor]
    on_real: Any


class Adversary:
    """The adversarial terms of both players.

    generators_side: a loss of the generator in place of the one that belongs to `adversarial`
    The random numbers of a sample are a function of the seed, the purpose and the sample's number, so a run does not depend on the
    number of processes or on interruptions.
    """

    def __init__(self, config: AdversarialConfig, task: Task, generators_side: AdversarialLoss | None = None) -> None:
        self.config, self.task = config, task
        self.discriminators_side = ADVERSARIAL[config.adversarial]
        self.generators_side = generators_side or GENERATORS_SIDE[config.adversarial]
        self.adaptation: Adaptation | None = None
        if config.discriminator.mixes_batch and config.penalised:
            warnings.warn(
                "gradient_penalty_weight and r1_weight penalise the slope at each image alone, but batch normalisation mixes the images "
                "of a batch (1704.00028, section 4): set method.discriminator.norm=instance",
                stacklevel=3,
            )

    @property
    def bounded(self) -> bool:
        """Is the discriminator's loss 0 at best?"""
        return self.config.adversarial != "wgan"

    def state(self, *names: str) -> dict[str, nn.Module]:
        """What the discriminators of these names need beside their weights, for the method's networks: with ADA its probabilities."""
        config = self.config
        if not config.ada:
            return {}
        change = self.task.batch_size / config.ada_images if config.ada_images else 0.0
        self.adaptation = Adaptation(names, config.ada_p, config.ada_target, change, MIDDLE.get(config.adversarial))
        return {AUGMENTATION: self.adaptation}

    def judge(
        self,
        discriminator: nn.Module,
        batch: Batch,
        *,
        real: Tensor,
        fake: Tensor,
        beside: Tensor | None = None,
        name: str = "discriminator",
        real_first: bool = False,
        scores_of: Callable[[Any], Scores] = lambda output: output,
        counts: tuple[Tensor, Tensor] | None = None,
    ) -> Judgement:
        """The terms of the discriminator's turn. real, fake: images [B, C, H, W]

        beside: the condition that a conditional discriminator sees beside both
        name: of the discriminator; distinguishes the random numbers and the penalties of several discriminators
        real_first: score the real images first, which matters to the statistics of batch normalisation
        scores_of: the scores in what the discriminator returns
        counts: [B] for the real images and [B] for the fake ones, 1 for those that this discriminator judges, 0 for the others; None: it
        judges all. A point between two images counts as the mean of both.
        """
        config = self.config
        turn = f"{name} judges"
        if self.adaptation:
            self.adaptation.begin(name, self._step(batch))
        change = self._change(batch, real, name, turn)
        beside = beside if beside is None else change(beside, False)
        real, fake = (self._shown(change(images, True), batch, turn, kind) for images, kind in ((real, "real"), (fake, "fake")))
        r1_due = config.r1_weight > 0 and self._step(batch) % config.r1_every == 0
        if r1_due:
            real = real.detach().requires_grad_()
        pair = [_joined(beside, images) for images in ((real, fake) if real_first else (fake, real))]
        # For R1 the real images are scored alone, so that the backward pass to them does not run through the generated ones.
        outputs = [discriminator(images) for images in pair] if r1_due else forward_together(discriminator, *pair)
        on_real, on_fake = outputs if real_first else reversed(outputs)
        real_scores, fake_scores = scores_of(on_real), scores_of(on_fake)
        penalties = {}
        of_real, of_fake = counts or (None, None)
        if self.adaptation:
            self.adaptation.note(name, self._step(batch), real_scores, of_real)
        if r1_due:  # gamma/2 E[|grad D(x)|^2]
            penalty = r1(real_scores, real, self._signs(real_scores, batch, turn), of_real)
            penalties[f"{name}_r1"] = config.r1_weight * config.r1_every * penalty
        if config.gradient_penalty_weight:  # lambda E[(|grad D(x)| - 1)^2]
            points = self._between(real.detach(), fake.detach(), batch, turn).requires_grad_()
            on_points = scores_of(discriminator(_joined(beside, points)))
            penalty = gradient_penalty(on_points, points, 0.5 * (counts[0] + counts[1]) if counts else None)
            penalties[f"{name}_gradient_penalty"] = config.gradient_penalty_weight * penalty
        side = self.discriminators_side
        return Judgement(counted(side, real_scores, True, of_real), counted(side, fake_scores, False, of_fake), penalties, on_real)

    def fool(
        self,
        discriminator: nn.Module,
        batch: Batch,
        fake: Tensor,
        beside: Tensor | None = None,
        name: str = "discriminator",
        counts: Tensor | None = None,
    ) -> Tensor:
        """The generator's term. fake: its images [B, C, H, W]; beside, name: as in `judge`; counts: [B] as there"""
        return counted(self.generators_side, discriminator(self.shown(batch, fake, beside, name)), True, counts)

    def shown(
        self,
        batch: Batch,
        images: Tensor,
        beside: Tensor | None = None,
        name: str = "discriminator",
        kind: Literal["fake", "real"] = "fake",
    ) -> Tensor:
        """The discriminator's input in the generator's turn. kind: `real` for real images whose features are compared"""
        turn = f"{name} is fooled"
        change = self._change(batch, images, name, turn)
        return _joined(beside if beside is None else change(beside, False), self._shown(change(images, True), batch, turn, kind))

    def moved(self, batch: Batch, mask: Tensor | None, name: str = "discriminator") -> Tensor | None:
        """The masks [B, 1, H, W] of images, moved as `shown` moves the images; None if there are none."""
        return None if mask is None else self._change(batch, mask, name, f"{name} is fooled")(mask, False)

    def _change(self, batch: Batch, like: Tensor, name: str, turn: str) -> Callable[[Tensor, bool], Tensor]:
        """The augmentation of this turn, (images, is it their colours too?) -> images.

        In one turn, a sample's real and generated image are moved and recoloured alike. The condition moves along, but its colours do not
        change, because they may be the classes of a label map.
        """
        config, adaptation = self.config, self.adaptation
        lots = self._drawn(torch.rand, batch, like, turn, "augmentation", shape=(LOTS,)) if config.diffaugment else None
        more = self._drawn(torch.rand, batch, like, turn, "ada", shape=(ADA_LOTS,)) if adaptation else None

        def changed(images: Tensor, recoloured: bool) -> Tensor:
            if lots is not None:
                images = diffaugment(images, [kind for kind in config.diffaugment if recoloured or kind != "color"], lots)
            if adaptation and more is not None:
                images = augmented(images, [kind for kind in config.ada if recoloured or kind != "color"], adaptation.of(name), more)
            return images

        return changed

    def _shown(self, images: Tensor, batch: Batch, turn: str, kind: str) -> Tensor:
        """The images with noise, which is another for the real and the generated image of a sample."""
        if deviation := self._noise(self._step(batch)):
            images = images + deviation * self._drawn(torch.randn, batch, images, turn, kind)
        return images

    def _signs(self, scores: Scores, batch: Batch, turn: str) -> list[Tensor]:
        """A random sign, 1 or -1, for each score of each scale."""
        shares = (self._drawn(torch.rand, batch, each, turn, f"signs {place}") for place, each in enumerate(scales(scores)))
        return [2 * share.round() - 1 for share in shares]

    def _between(self, real: Tensor, fake: Tensor, batch: Batch, turn: str) -> Tensor:
        """A random point on the line between each generated image and its real one."""
        if real.shape != fake.shape:
            raise UserError(
                "method.gradient_penalty_weight: needs real and generated images of one size; crop them "
                "(data.preprocess=resize_and_crop), or take method.r1_weight"
            )
        return between(real, fake, self._drawn(torch.rand, batch, real, turn, "shares", shape=()))

    def _noise(self, step: int) -> float:
        """The standard deviation of instance noise in this step."""
        steps = self.config.instance_noise_steps
        return self.config.instance_noise * (max(0.0, 1 - step / steps) if steps else 1.0)

    def _step(self, batch: Batch) -> int:
        return batch.numbers[0] // self.task.batch_size

    def _drawn(
        self, draw: Callable[..., Tensor], batch: Batch, like: Tensor, *purpose: str, shape: tuple[int, ...] | None = None
    ) -> Tensor:
        """Random numbers [B, *shape] on the device of `like`; by default in its shape."""
        shape = tuple(like.shape[1:]) if shape is None else shape
        seeds = (derive_seed(self.task.seed, "adversary", *purpose, number) for number in batch.numbers)
        generators = (torch.Generator(like.device).manual_seed(seed) for seed in seeds)
        return torch.stack([draw(shape, generator=generator, device=like.device, dtype=like.dtype) for generator in generators])


def _joined(beside: Tensor | None, images: Tensor) -> Tensor:
    """The input of a discriminator: condition and images [B, Cin + C, H, W], or the images alone."""
    return images if beside is None else torch.cat([beside, images], dim=1)
