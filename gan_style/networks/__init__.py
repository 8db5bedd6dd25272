"""Generators, stylizers and discriminators: plain modules from keyword arguments, found by name.

Generators map images [B, Cin, H, W] in [-1, 1] to [B, Cout, H, W] in [-1, 1] for any H, W >= 1; they run on padded sizes that are
multiples of their `size_multiple`. Stylizers are the same, but nothing bounds their output, and they take a style beside the
images. Discriminators map images to scores [B, 1, h, w], or to a list of them, one for each scale, and have `receptive_field` and
`minimum_size`.
"""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from gan_style.errors import UserError
from gan_style.networks.discriminators.multiscale import MultiscaleDiscriminator
from gan_style.networks.discriminators.patchgan import PatchDiscriminator, PixelDiscriminator
from gan_style.networks.generators.coarse_to_fine import CoarseToFineGenerator, GlobalGenerator
from gan_style.networks.generators.resnet import ResnetGenerator
from gan_style.networks.generators.spade import SpadeGenerator
from gan_style.networks.generators.transformer_net import TransformerNet
from gan_style.networks.generators.unet import UnetGenerator
from gan_style.networks.layers.init import init_weights
from gan_style.networks.layers.normalisation import batch_independent, per_image_statistics
from gan_style.networks.layers.spectral import normalise_spectrally

GENERATORS: dict[str, type[nn.Module]] = {
    "resnet": ResnetGenerator,
    "unet": UnetGenerator,
    "global": GlobalGenerator,
    "coarse-to-fine": CoarseToFineGenerator,
    "spade": SpadeGenerator,
}
DISCRIMINATORS: dict[str, type[nn.Module]] = {
    "patchgan": PatchDiscriminator,
    "pixel": PixelDiscriminator,
    "multiscale": MultiscaleDiscriminator,
}
STYLIZERS: dict[str, type[nn.Module]] = {"transformer_net": TransformerNet}

__all__ = ["DISCRIMINATORS", "GENERATORS", "STYLIZERS", "batch_independent", "build", "per_image_statistics"]


def build(
    registry: Mapping[str, type[nn.Module]],
    name: str,
    *,
    init: str = "normal",
    init_gain: float = 0.02,
    spectral_norm: bool = False,
    **keywords: Any,
) -> nn.Module:
    """The network that `name` names in `registry`, with weights drawn from the global generator.

    spectral_norm: put all its layers under spectral normalisation.
    Of `keywords` it takes those that its class knows, so that a whole config section can be passed:
    `build(GENERATORS, in_channels=3, out_channels=3, **config.generator.model_dump())`.
    """
    if name not in registry:
        near = difflib.get_close_matches(name, registry, n=1)
        raise UserError(f"no network is called {name!r}: {f'did you mean {near[0]!r}?' if near else 'choose from ' + ', '.join(registry)}")
    known = inspect.signature(registry[name]).parameters
    network = registry[name](**{key: value for key, value in keywords.items() if key in known})
    init_weights(network, init, init_gain)
    return normalise_spectrally(network) if spectral_norm else network
