"""Networks whose features can be asked for: generators with a readable encoder, discriminators with readable layers.

Methods find them with `issubclass` and `isinstance`, by the methods that they have; they need not derive from these classes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from gan_style.networks.layers.patches import Patches, Positions, at_positions


class Stage(NamedTuple):
    """A map [B, channels, ceil(H / stride), ceil(W / stride)] that an encoder computes on its way."""

    channels: int
    stride: int  # pixels of the image between two neighbouring positions


@runtime_checkable
class FeatureGenerator(Protocol):
    """A generator whose encoder compares images with their translations (2007.15651, section 3).

    All three kinds of forward go through `forward`, because DistributedDataParallel averages the gradients of what went through it.
    `run_layers` and `until` write such a forward in a few lines; `ResnetGenerator` is the model.
    """

    def feature_stages(self) -> dict[str, Stage]:
        """The encoder's stages by name, in the order in which they are computed."""
        ...

    def forward(self, x: Tensor, positions: Positions | None = None, decode: bool = True) -> Tensor | dict[str, Tensor]:
        """images [B, Cin, H, W] -> the translation [B, Cout, H, W].

        positions: {stage: [B, P, 2]}: then {"translation": the same, stage: features [B, P, channels] at its positions}.
        decode=False: the features alone; nothing behind the deepest of the stages is computed.
        """
        ...


@runtime_checkable
class FeatureDiscriminator(Protocol):
    """A discriminator whose layers judge too: feature matching compares them (1711.11585, section 3.2)."""

    def judged(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """images [B, Cin, H, W] -> the scores [B, 1, h, w] of each scale, and of each scale the maps of every layer before them."""
        ...


Layers = Sequence[tuple[str, Callable[[Tensor], Tensor]]]  # in the order in which they run; a layer that ends no stage has the name ""


def until(layers: Layers, stages: Positions) -> Layers:
    """The layers up to the deepest of the stages."""
    return layers[: max((number for number, (name, _) in enumerate(layers, 1) if name in stages), default=0)]


def run_layers(layers: Layers, x: Tensor, positions: Positions) -> tuple[Tensor, Patches]:
    """x through all layers: the last map, and the features of each stage at its positions.

    Features are read before the next layer runs, which may work in place.
    """
    found: Patches = {}
    for name, layer in layers:
        x = layer(x)
        if name in positions:
            found[name] = at_positions(x, positions[name])
    return x, found
