"""What a method is: its networks, the players that update them, a translation they share, and a loss for each player."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Alone, AnyCondition
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import MethodConfig
from gan_style.methods.auxiliary import VGGConfig
from gan_style.networks.layers.dropout import draws_by_sample
from gan_style.types import Batch, Direction, Needs, Outputs, Task


@dataclass(frozen=True)
class Player:
    """One side of the game: the networks that it updates with one optimizer, every `every` steps.

    translates: do its losses flow back through `Method.translate`? Other players get the outputs cut from their graph.
    bounded: is its loss 0 at best? A Wasserstein critic's is not, and says nothing of who is winning.
    """

    name: str
    networks: tuple[str, ...]
    translates: bool = False
    every: int = 1
    bounded: bool = True


class Method(ABC):
    """A way to train translators; one file each, found by name in `methods.METHODS`.

    The trainer calls `translate` once a step and `losses` for each due player, in the order of `players`. While a player
    has its turn `self.networks` holds what it must go through: its own networks as they were wrapped for
    distribution, and its opponents bare and frozen.
    """

    Config: ClassVar[type[MethodConfig]]
    needs: ClassVar[Needs]
    per_image_statistics: ClassVar[bool] = True  # does a served network normalise each image by itself?

    config: Any
    networks: dict[str, nn.Module]
    frozen: dict[str, nn.Module]
    players: tuple[Player, ...]
    translators: dict[Direction, str]  # the network that serves each direction

    @abstractmethod
    def __init__(self, config: Any, task: Task) -> None: ...

    @property
    def smallest_size(self) -> int:
        """The side in pixels of the smallest images that discriminators can score; generators pad what is too small."""
        judges = [network for network in self.networks.values() if hasattr(network, "receptive_field")]
        return max((int(getattr(network, "minimum_size", 1)) for network in judges), default=1)

    @property
    def adversaries(self) -> list[Player]:
        """The players that judge translations and make none, and have won where their loss is 0."""
        return [player for player in self.players if not player.translates and player.bounded]

    @property
    def divisible(self) -> bool:
        """Is the result of a step the same however its batch is divided, into micro-batches or over processes?

        Not where a network mixes the images of a batch, as batch normalisation does, or draws without regard to the sample.
        """
        return all(networks.batch_independent(network) and draws_by_sample(network) for network in self.networks.values())

    @abstractmethod
    def translate(self, batch: Batch) -> Outputs:
        """The forward pass that the players share."""

    def fakes(self, batch: Batch) -> Outputs:
        """The part of `translate` that other players and `translations` need: where only they look, and no graph is made."""
        return self.translate(batch)

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

    @classmethod
    def takes(cls, config: Any) -> AnyCondition:
        """The condition of a translator with this configuration, which is one that `served_config` gave."""
        return Alone()

    @property
    def condition(self) -> AnyCondition:
        """The condition of this run's translators."""
        return self.takes(self.Config.model_validate(self.served_config()))

    def trains(self, network: str, parameter: str) -> bool:
        """Is this parameter of `network` updated by its player? Others stay as they are."""
        return True

    def rests(self, network: str, parameter: str, step: int) -> bool:
        """Does this parameter of `network`, which is trained, stay as it is in this step (from 0)?"""
        return False

    def served_config(self) -> dict[str, Any]:
        """What a bundle keeps of the method's configuration: without the files that only training reads."""
        unused = {"vgg": VGGConfig(), "style_image": None, "style_size": None}
        known = type(self.config).model_fields
        return self.config.model_copy(update={key: value for key, value in unused.items() if key in known}).model_dump(mode="json")

    def extra_state(self) -> dict[str, Any]:
        """What beside weights the method remembers of this process's slots of the batch: tensors, numbers, strings, lists, dicts."""
        return {}

    def load_extra_state(self, state: Mapping[str, Any], slots: Collection[int]) -> None:  # noqa: B027 - most remember nothing
        """Take back what one process's `extra_state` gave; what belongs to slots outside `slots` is another process's and left out.

        Called once for each process of the run that saved, however many there are now.
        """


def build_generator(config: NetworkConfig, in_channels: int, out_channels: int) -> nn.Module:
    """The generator that a section describes, freshly initialised from the global random state."""
    return networks.build(networks.GENERATORS, config, in_channels=in_channels, out_channels=out_channels)


def build_discriminator(config: NetworkConfig, in_channels: int) -> nn.Module:
    """The discriminator that a section describes, freshly initialised from the global random state."""
    return networks.build(networks.DISCRIMINATORS, config, in_channels=in_channels)
