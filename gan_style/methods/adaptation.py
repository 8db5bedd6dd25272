"""Adaptive discriminator augmentation: its probability follows the discriminator's overfitting (Karras et al., 2020, arXiv 2006.06676).

    r_t = E[sign(D(real) - z)]                                        (equation 1)
    p <- p + sign(r_t - target) B / images, within [0, 0.8]           (section 3.1)

r_t is 0 for a discriminator that does not know real images from generated ones, and 1 for one that has learnt all of them by heart. z is
the score halfway between the targets for real and for generated images: 0 where scores are logits or have the hinge's margins, as in the
paper; 1/2 for least squares, whose targets are 1 and 0. A score of a PatchGAN counts as one discriminator.

B is `train.batch_size`: p can go from 0 to 1 in `images` samples. The expectation is over all processes and the last 4 steps, as in the
paper. Departures: p moves in each step by its B samples, not in each fourth by all of theirs; and it ends at 0.8, above which augmentations
appear in the generator's output (section 2.2).

p and the signs of the last steps are buffers: checkpoints hold them, and a step that is skipped does not change them. All stays on the
device.
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gan_style.losses.adversarial import Scores, scales
from gan_style.networks.layers.moments import precise

HIGHEST = 0.8
_STEPS = 4  # of the expectation


class Adaptation(nn.Module):
    """The probability of each of K discriminators. Buffers: `probability` [K], and `signs` [K, 4, 2], sums and counts of 4 steps.

    names: of the discriminators; start: the first probability
    target: of r_t; change: of the probability in one step, 0 if it stays as it is
    middle: z; None for scores without a target, whose signs say nothing
    """

    probability: Tensor
    signs: Tensor

    def __init__(self, names: Sequence[str], start: float, target: float, change: float, middle: float | None) -> None:
        super().__init__()
        self.places = {name: place for place, name in enumerate(names)}
        self.target, self.change, self.middle = target, change, middle
        self.register_buffer("probability", torch.full((len(names),), start))
        self.register_buffer("signs", torch.zeros(len(names), _STEPS, 2))
        self._begun: dict[str, int] = {}

    def of(self, name: str) -> Tensor:
        """The probability of this discriminator, a scalar."""
        return self.probability[self.places[name]]

    @torch.no_grad()
    def begin(self, name: str, step: int) -> None:
        """Move the probability by the last steps, and make room for this one. All but the first call in a step do nothing."""
        if self._begun.get(name) == step:  # a further micro-batch
            return
        self._begun[name] = step
        place = self.places[name]
        known = self.signs[place, :, 1].sum() > 0
        self.probability[place] += torch.sign(self._overfitting(place) - self.target) * known * self.change
        self.probability[place].clamp_(0.0, HIGHEST)
        self.signs[place, step % _STEPS].zero_()

    @torch.no_grad()
    def note(self, name: str, step: int, scores: Scores, counts: Tensor | None) -> None:
        """Add the scores of a micro-batch's real images. counts: [B], 1 for those that this discriminator judges; None: all. Processes wait
        for each other here."""
        if self.middle is None:
            return
        each = [precise(scale.detach()).flatten(1) for scale in scales(scores)]  # [B, scores]
        counts = each[0].new_ones(len(each[0])) if counts is None else counts.to(each[0])
        signs = torch.stack([((scale - self.middle).sign().sum(dim=1) * counts).sum() for scale in each]).sum()
        seen = torch.stack([signs, counts.sum() * sum(scale.shape[1] for scale in each)]).to(self.signs)
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(seen)  # whole numbers, whose sum does not depend on the order
        self.signs[self.places[name], step % _STEPS] += seen

    def measures(self) -> dict[str, Tensor]:
        """p and r_t of each discriminator, as NAME_augmentation and NAME_overfitting."""
        found: dict[str, Tensor] = {}
        for name, place in self.places.items():
            found[f"{name}_augmentation"] = self.probability[place].float()
            if self.middle is not None:
                found[f"{name}_overfitting"] = self._overfitting(place).float()
        return found

    def _overfitting(self, place: int) -> Tensor:
        """r_t; 0 before the first step."""
        signs, count = self.signs[place].sum(dim=0)
        return signs / count.clamp(min=1)
