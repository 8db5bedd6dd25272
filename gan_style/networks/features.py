"""Networks that return features: generators those of their encoder, discriminators those of their layers.

A network has the methods of one of these protocols and need not derive from it. `issubclass` and `isinstance` recognise it.
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

        positions: {stage: [B, P, 2]}. The result is {"translation": the translation, stage: features [B, P, channels] at its positions}.
        decode: False computes the features alone, and no layer after the deepest stage.
        """
        ...


@runtime_checkable
class FeatureDiscriminator(Protocol):
    """A discriminator that also returns the features of its layers, for feature matching (1711.11585, section 3.2)."""

    def judged(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """images [B, Cin, H, W] -> the scores [B, 1, h, w] of each scale, and for each scale the maps of all layers before them."""
        ...


Layers = Sequence[tuple[str, Callable[[Tensor], Tensor]]]  # in the order in which they run; a layer that ends no stage has the name ""


def until(layers: Layers, stages: Positions) -> Layers:
    """The layers up to the deepest of the stages."""
    return layers[: max((number for number, (name, _) in enumerate(layers, 1) if name in stages), default=0)]


def run_layers(layers: Layers, x: Tensor, positions: Positions) -> tuple[Tensor, Patches]:
    """Run all layers on x. Returns the last map, and the features of each stage at its positions.

    Features are read before the next layer runs, which may work in place.
    """
    found: Patches = {}
    for name, layer in layers:
        x = layer(x)
        if name in positions:
            found[name] = at_positions(x, positions[name])
    return x, found
