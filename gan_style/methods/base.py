"""What a method is: its networks, the players that update them, a translation they share, and a loss for each player."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from gan_style import networks
from gan_style.config.schema import DiscriminatorConfig, GeneratorConfig, MethodConfig
from gan_style.types import Batch, Direction, Outputs, Task


@dataclass(frozen=True)
class Player:
    """One side of the game: the networks that it updates with one optimizer, every `every` steps.

    translates: do its losses flow back through `Method.translate`? Other players get the outputs cut from their graph.
    """

    name: str
    networks: tuple[str, ...]
    translates: bool = False
    every: int = 1


class Method(ABC):
    """A way to train translators; one file each, found by name in `methods.METHODS`.

    The trainer calls `translate` once a step and `losses` for each due player, in the order of `players`. While a player
    has its turn `self.networks` holds what it must go through: its own networks as they were wrapped for
    distribution, and its opponents bare and frozen.
    """

    Config: ClassVar[type[MethodConfig]]
    paired: ClassVar[bool]

    networks: dict[str, nn.Module]
    frozen: dict[str, nn.Module]
    players: tuple[Player, ...]
    translators: dict[Direction, str]  # the network that serves each direction

    @abstractmethod
    def __init__(self, config: Any, task: Task) -> None: ...

    @property
    def adversaries(self) -> list[Player]:
        """The players that judge translations and make none."""
        return [player for player in self.players if not player.translates]

    @abstractmethod
    def translate(self, batch: Batch) -> Outputs:
        """The forward pass that the players share."""

    @abstractmethod
    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """The weighted terms that `player` minimises the sum of, by name."""

    @abstractmethod
    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        """(input, output) of each direction among what `translate` gave."""

    @classmethod
    @abstractmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        """The bare network that inference runs: image -> image. Its `size_multiple` goes into the bundle."""

    def extra_state(self) -> dict[str, Any]:
        """What beside weights the method remembers of this process's slots of the batch: tensors, numbers, strings, lists, dicts."""
        return {}

    def load_extra_state(self, state: Mapping[str, Any], slots: Collection[int]) -> None:  # noqa: B027 - most remember nothing
        """Take back what one process's `extra_state` gave; what belongs to slots outside `slots` is another process's and left out.

        Called once for each process of the run that saved, however many there are now.
        """


def build_generator(config: GeneratorConfig, in_channels: int, out_channels: int) -> nn.Module:
    """The generator that a configuration describes, freshly initialised from the global random state."""
    keywords = config.model_dump()
    return networks.build(networks.GENERATORS, **keywords, in_channels=in_channels, out_channels=out_channels)


def build_discriminator(config: DiscriminatorConfig, in_channels: int) -> nn.Module:
    """The discriminator that a configuration describes, freshly initialised from the global random state."""
    return networks.build(networks.DISCRIMINATORS, **config.model_dump(), in_channels=in_channels)
