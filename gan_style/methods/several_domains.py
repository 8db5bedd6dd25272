"""Methods over several domains: one generator leads an image of any domain of a labelled set to any other.

    fake = G(x, c)

c' is a sample's own domain, c its target domain, a function of the sample's number. A method adds its judges, their players and its terms.
"""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.conditions import Label
from gan_style.errors import UserError
from gan_style.methods.base import Method, build_generator
from gan_style.networks.layers.labelled_input import LabelledInput
from gan_style.networks.layers.transfer import sent
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Direction, Needs, Outputs, Task


class SeveralDomains(Method):
    """One generator, `networks["generator"]`, and the domains that it knows, `names`. The configuration has `generator` and `domain_names`.

    own_is_target: may a sample's target be its own domain?
    """

    needs: ClassVar[Needs] = "labelled images"
    own_is_target: ClassVar[bool] = False

    def __init__(self, config: Any, task: Task) -> None:
        """`UserError` where `domain_names` is missing: the data set gives them to a run."""
        if config.domain_names is None:
            raise UserError(f"method.domain_names: {config.name} needs the names of its domains")
        self.config, self.task, self.names = config, task, tuple(config.domain_names)
        self.networks: dict[str, nn.Module] = {"generator": self.translator(config, task.channels_a, task.channels_a)}
        self.frozen: dict[str, nn.Module] = {}
        self.translators: dict[Direction, str] = {"a2b": "generator"}

    def own(self, batch: Batch) -> list[int]:
        """c' of each sample: the place of its domain in `names`."""
        assert batch.labels is not None
        return list(batch.labels)

    def targets(self, batch: Batch) -> list[int]:
        """c of each sample: a place in `names`, drawn from all domains, or from all but the own one."""
        count = len(self.names)
        drawn = [derive_seed(self.task.seed, "target", number) for number in batch.numbers]
        if self.own_is_target:
            return [draw % count for draw in drawn]
        return [(own + 1 + draw % (count - 1)) % count for own, draw in zip(self.own(batch), drawn, strict=True)]

    def led(self, images: Tensor, labels: list[int]) -> Tensor:
        """G(images, labels): the translation of each image [B, C, H, W] to its domain."""
        return self.networks["generator"](images, self.one_hot(labels, images))

    def one_hot(self, labels: list[int], like: Tensor) -> Tensor:
        """[B, K] over the K names, in the precision and on the device of `like`."""
        return sent(F.one_hot(torch.tensor(labels), len(self.names)).to(like.dtype), like.device)

    def counts(self, labels: list[int], place: int, like: Tensor) -> Tensor:
        """[B]: 1 for the images of the domain at `place` in `names`, 0 for the others, in the precision and on the device of `like`.

        A judge of one domain gives them to `Adversary.judge` and `Adversary.fool`.
        """
        return self.one_hot(labels, like)[:, place]

    def fakes(self, batch: Batch) -> Outputs:
        return {"fake": self.led(batch.a, self.targets(batch))}  # G(x, c)

    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        return {"a2b": (batch.a, outputs["fake"])}

    @classmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        return LabelledInput(build_generator(config.generator, in_channels * (1 + len(config.domain_names)), out_channels))

    @classmethod
    def takes(cls, config: Any) -> Label:
        return Label(names=tuple(config.domain_names or ()))
