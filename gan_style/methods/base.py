"""The base of all methods: networks, the players that update them, a translation that the players share, and a loss for each player."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from gan_style import networks
from gan_style.conditions import Alone, AnyCondition
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import MethodConfig
from gan_style.methods.adaptation import Adaptation
from gan_style.methods.adversarial import AdversarialConfig
from gan_style.methods.adversary import AUGMENTATION
from gan_style.methods.fixed_vgg import VGGConfig
from gan_style.networks.discriminator import AnySizeDiscriminator
from gan_style.networks.layers.dropout import draws_by_sample
from gan_style.types import Batch, Direction, Needs, Outputs, Task


@dataclass(frozen=True)
class Player:
    """A player updates its networks with one optimizer, every `every` steps.

    translates: do its losses flow back through `Method.translate`? Other players get detached outputs.
    bounded: is its loss 0 at best? A Wasserstein critic's loss is not, and does not tell who is winning.
    """

    name: str
    networks: tuple[str, ...]
    translates: bool = False
    every: int = 1
    bounded: bool = True


class Method(ABC):
    """A way to train translators. Each method is one file and one entry of `methods.METHODS`.

    The trainer calls `translate` once a step, and `losses` for each player that is due, in the order of `players`. In a player's turn
    `self.networks` holds its own networks, wrapped for distribution, and its opponents, bare and frozen.
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
        """The side in pixels of the smallest images that the discriminators can score. Generators pad smaller images."""
        return max((network.minimum_size for network in self.networks.values() if isinstance(network, AnySizeDiscriminator)), default=1)

    @property
    def adversaries(self) -> list[Player]:
        """The players that judge translations and have won if their loss is 0."""
        return [player for player in self.players if not player.translates and player.bounded]

    @property
    def differentiated_twice(self) -> frozenset[str]:
        """The networks with a penalty on their slope, whose gradient is a backward pass through another one."""
        if not (isinstance(self.config, AdversarialConfig) and self.config.penalised):
            return frozenset()
        return frozenset(name for player in self.players if not player.translates for name in player.networks)

    @property
    def divisible(self) -> bool:
        """Is the result of a step independent of the division of its batch into micro-batches or over processes?

        It is not if a network mixes the images of a batch (batch normalisation), or if its random numbers do not depend on the sample.
        """
        return all(networks.batch_independent(network) and draws_by_sample(network) for network in self.networks.values())

    @abstractmethod
    def translate(self, batch: Batch) -> Outputs:
        """The forward pass that the players share."""

    def fakes(self, batch: Batch) -> Outputs:
        """The part of `translate` that the other players and `translations` need. Called without a graph."""
        return self.translate(batch)

    @abstractmethod
    def losses(self, player: Player, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """The weighted terms by name; `player` minimises their sum."""

    @abstractmethod
    def translations(self, batch: Batch, outputs: Outputs) -> dict[Direction, tuple[Tensor, Tensor]]:
        """direction -> (input, output). outputs: of `translate`"""

    @classmethod
    @abstractmethod
    def translator(cls, config: Any, in_channels: int, out_channels: int) -> nn.Module:
        """The bare network that inference runs: image -> image. Its `size_multiple` goes into the bundle."""

    @classmethod
    def takes(cls, config: Any) -> AnyCondition:
        """The condition of a translator. config: as `served_config` returns it"""
        return Alone()

    @property
    def condition(self) -> AnyCondition:
        """The condition of this run's translators."""
        return self.takes(self.Config.model_validate(self.served_config()))

    def field(self, output: Tensor, truth: Tensor) -> Tensor | None:
        """The displacement field [B, 2, H, W] in pixels by which training moves translations before it compares them with their truth.

        None: training moves none. output, truth: images [B, C, H, W] in [-1, 1]. Called without a graph, by one process alone.
        """
        return None

    @property
    def weighed(self) -> tuple[str, ...]:
        """The names of the losses that masks weigh (`Batch.masks`): those that compare each place of an image with its target."""
        return ()

    def trains(self, network: str, parameter: str) -> bool:
        """Is this parameter of `network` trained? Other parameters never change."""
        return True

    def rests(self, network: str, parameter: str, step: int) -> bool:
        """Is this trained parameter of `network` fixed in this step (from 0)?"""
        return False

    def served_config(self) -> dict[str, Any]:
        """The method's configuration for a bundle, without the files that only training reads."""
        unused = {"vgg": VGGConfig(), "style_image": None, "style_size": None}
        known = type(self.config).model_fields
        return self.config.model_copy(update={key: value for key, value in unused.items() if key in known}).model_dump(mode="json")

    def extra_state(self) -> dict[str, Any]:
        """The state beside weights for this process's slots of the batch: tensors, numbers, strings, lists, dicts."""
        return {}

    def measures(self) -> dict[str, Tensor]:
        """Scalars of the state that the log shows, as health/NAME. Read without waiting for the device."""
        adaptation = self.networks.get(AUGMENTATION)
        return adaptation.measures() if isinstance(adaptation, Adaptation) else {}

    def load_extra_state(self, state: Mapping[str, Any], slots: Collection[int]) -> None:  # noqa: B027 - most remember nothing
        """Restore the part of one process's `extra_state` that belongs to `slots`.

        Called once for each process that took part in saving, whose number may differ from the present one.
        """


def build_generator(config: NetworkConfig, in_channels: int, out_channels: int) -> nn.Module:
    """The generator that a section describes, initialised from torch's global generator."""
    return networks.build(networks.GENERATORS, config, in_channels=in_channels, out_channels=out_channels)


def build_discriminator(config: NetworkConfig, in_channels: int) -> nn.Module:
    """The discriminator that a section describes, initialised from torch's global generator."""
    return networks.build(networks.DISCRIMINATORS, config, in_channels=in_channels)
