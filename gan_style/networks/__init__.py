"""The registries of networks: the name of a network in a configuration -> its class, one line each.

A network is an `nn.Module` with the class attribute `Config`, its section: a `NetworkConfig` in the same file. Its constructor takes that
section last. A comment beside each registry gives the other arguments, and the shapes of inputs and outputs.
"""

from collections.abc import Mapping
from inspect import signature
from typing import Annotated, Any, get_args

from torch import nn

from gan_style.config.network import Kinds, NetworkConfig, OneOf
from gan_style.networks.discriminators.classifying import ClassifyingDiscriminator
from gan_style.networks.discriminators.dcgan import DCGANDiscriminator
from gan_style.networks.discriminators.mlp import MLPDiscriminator
from gan_style.networks.discriminators.multiscale import MultiscaleDiscriminator
from gan_style.networks.discriminators.patchgan import PatchDiscriminator
from gan_style.networks.discriminators.pixel import PixelDiscriminator
from gan_style.networks.features import FeatureDiscriminator, FeatureGenerator
from gan_style.networks.generators.adain import AdaINNet
from gan_style.networks.generators.coarse_to_fine import CoarseToFineGenerator, GlobalGenerator
from gan_style.networks.generators.dcgan import DCGANGenerator
from gan_style.networks.generators.mlp import MLPGenerator
from gan_style.networks.generators.resnet import ResnetGenerator
from gan_style.networks.generators.spade import SpadeGenerator
from gan_style.networks.generators.transformer_net import TransformerNet
from gan_style.networks.generators.unet import UnetGenerator
from gan_style.networks.layers.init import init_weights
from gan_style.networks.layers.normalisation import batch_independent, per_image_statistics
from gan_style.networks.layers.spectral import normalise_spectrally

Registry = Mapping[str, type[nn.Module]]

# (in_channels, out_channels, config): images [B, Cin, H, W] in [-1, 1] -> [B, Cout, H, W] in [-1, 1] for any H, W >= 1. They pad images to
# multiples of their `size_multiple`, and to `minimum_size` at least.
GENERATORS: dict[str, type[nn.Module]] = {
    "resnet": ResnetGenerator,
    "unet": UnetGenerator,
    "global": GlobalGenerator,
    "coarse-to-fine": CoarseToFineGenerator,
    "spade": SpadeGenerator,
}
# (in_channels, config): images [B, Cin, H, W] -> scores [B, 1, h, w], or a list of them, one for each scale. They have `receptive_field`
# and `minimum_size` (`AnySizeDiscriminator`).
DISCRIMINATORS: dict[str, type[nn.Module]] = {
    "patchgan": PatchDiscriminator,
    "pixel": PixelDiscriminator,
    "multiscale": MultiscaleDiscriminator,
}
# (in_channels, out_channels, config, styles): images and shares of the styles -> images without a bound.
STYLIZERS: dict[str, type[nn.Module]] = {"transformer_net": TransformerNet}
# (vgg, config, vgg_name): content and style images -> images without a bound.
STYLE_TRANSFERS: dict[str, type[nn.Module]] = {"adain": AdaINNet}
# (latent, out_channels, size, config): latents [B, Z] -> images [B, Cout, size, size] in [-1, 1].
NOISE_GENERATORS: dict[str, type[nn.Module]] = {"dcgan": DCGANGenerator, "mlp": MLPGenerator}
# (in_channels, size, config): images [B, Cin, size, size] -> scores [B, 1].
IMAGE_DISCRIMINATORS: dict[str, type[nn.Module]] = {"dcgan": DCGANDiscriminator, "mlp": MLPDiscriminator}
# (in_channels, classes, size, config): images [B, Cin, H, W] -> (scores [B, 1, h, w], logits [B, classes]).
# They have the same attributes.
CLASSIFYING_DISCRIMINATORS: dict[str, type[nn.Module]] = {"classifying": ClassifyingDiscriminator}


def configs(registry: Registry) -> Kinds:
    """The sections of a registry's networks, by name. `TypeError` if a network has no section, or a section has another name."""
    return {name: _section(name, kind) for name, kind in registry.items()}


def _section(name: str, kind: type[nn.Module]) -> type[NetworkConfig]:
    section = getattr(kind, "Config", None)
    if not (isinstance(section, type) and issubclass(section, NetworkConfig)):
        raise TypeError(f"{name}: {kind.__name__} has no section: let its class attribute Config be a NetworkConfig")
    if (called := get_args(section.model_fields["name"].annotation)) != (name,):
        raise TypeError(f"{name}: the name of {section.__name__} must be Literal[{name!r}], as in the registry, not {called}")
    if "config" not in signature(kind).parameters:
        raise TypeError(f"{name}: {kind.__name__}.__init__ must take its section as `config`, after the arguments that its registry names")
    return section


# The types of a method's keys: a section of any network of a registry, or of one that also returns features.
GeneratorConfig = Annotated[NetworkConfig, OneOf(configs(GENERATORS))]
FeatureGeneratorConfig = Annotated[
    NetworkConfig, OneOf(configs({name: kind for name, kind in GENERATORS.items() if issubclass(kind, FeatureGenerator)}), "feature_stages")
]
DiscriminatorConfig = Annotated[NetworkConfig, OneOf(configs(DISCRIMINATORS))]
FeatureDiscriminatorConfig = Annotated[
    NetworkConfig, OneOf(configs({name: kind for name, kind in DISCRIMINATORS.items() if issubclass(kind, FeatureDiscriminator)}), "judged")
]
StylizerConfig = Annotated[NetworkConfig, OneOf(configs(STYLIZERS))]
StyleTransferConfig = Annotated[NetworkConfig, OneOf(configs(STYLE_TRANSFERS))]
NoiseGeneratorConfig = Annotated[NetworkConfig, OneOf(configs(NOISE_GENERATORS))]
ClassifyingDiscriminatorConfig = Annotated[NetworkConfig, OneOf(configs(CLASSIFYING_DISCRIMINATORS))]
ImageDiscriminatorConfig = Annotated[NetworkConfig, OneOf(configs(IMAGE_DISCRIMINATORS))]

__all__ = ["batch_independent", "build", "draw", "per_image_statistics"]


def build(registry: Registry, config: NetworkConfig, **given: Any) -> nn.Module:
    """The network of `registry` that a section describes, its weights drawn from the global generator.

    given: what its constructor takes beside the section, such as in_channels and out_channels.
    """
    return draw(registry[config.name](**given, config=config), config)


def draw(network: nn.Module, config: NetworkConfig) -> nn.Module:
    """`network` with its weights drawn from the global generator and, where asked for, under spectral normalisation."""
    init_weights(network, config.init, config.init_gain)
    return normalise_spectrally(network) if config.spectral_norm else network
