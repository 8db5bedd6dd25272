"""A network of ours on its way out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gan_style.config.network import NetworkConfig


@dataclass(frozen=True)
class Held:
    """The network in a bundle or in a discriminator's file.

    in_channels: of the images that it takes; network: its shapes, without values; weights: of the bare network
    method: the method's section in a bundle; direction: that a bundle translates, "" for a discriminator
    values: of a bundle of measurements, which values of its inputs and of its results are -1 and 1, in words
    """

    path: Path
    config: NetworkConfig
    in_channels: int
    network: nn.Module
    weights: dict[str, Tensor]
    method: Any = None
    direction: str = ""
    values: tuple[str, ...] = ()
