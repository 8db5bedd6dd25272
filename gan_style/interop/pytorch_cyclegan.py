"""Conversion of weights from and to pytorch-CycleGAN-and-pix2pix and CUT's code, which is derived from it.

The reference's networks are nested `nn.Sequential`s whose layers are named by position. The tables below give the position of each of
our layers. Networks with instance or batch normalisation convert both ways. The reference's networks without normalisation have fewer
biases than ours: those become 0, and such networks go back as long as they are 0. CUT's antialiased networks store their fixed filters
among the weights.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from gan_style.config.schema import MethodConfig
from gan_style.errors import UserError
from gan_style.interop.naming import Naming, into_ours, into_theirs, without_state
from gan_style.networks.discriminators.patchgan import PatchDiscriminator
from gan_style.networks.discriminators.pixel import PixelDiscriminator
from gan_style.networks.generators.resnet import ResnetGenerator
from gan_style.networks.generators.unet import UnetGenerator
from gan_style.networks.layers.downsampling import BlurPool
from gan_style.networks.layers.projection import ProjectionHeads
from gan_style.networks.layers.spectral import is_spectral
from gan_style.networks.layers.upsampling import AntialiasedConvolution, ResizeConvolution

PROJECT = "pytorch-CycleGAN-and-pix2pix"

# method -> the reference's name of a network -> ours. G_A translates A to B; D_A judges B.
NETWORK_NAMES: dict[str, dict[str, str]] = {
    "pix2pix": {"G": "generator", "D": "discriminator"},
    "cyclegan": {"G_A": "generator_ab", "G_B": "generator_ba", "D_A": "discriminator_b", "D_B": "discriminator_a"},
    "cut": {"G": "generator", "F": "heads", "D": "discriminator"},
}

# method -> the reference's name of a loss -> the terms that it sums: (factor, our name). Our terms are weighted, and a discriminator's
# terms are halved, as they enter the objective. The reference's pix2pix logs the discriminator's terms before halving, CycleGAN after.
LOSS_NAMES: dict[str, dict[str, tuple[tuple[float, str], ...]]] = {
    "pix2pix": {
        "G_GAN": ((1, "adversarial"),),
        "G_L1": ((1, "l1"),),
        "D_real": ((2, "discriminator_real"),),
        "D_fake": ((2, "discriminator_fake"),),
    },
    "cyclegan": {
        "G_A": ((1, "adversarial_ab"),),
        "G_B": ((1, "adversarial_ba"),),
        "D_A": ((1, "discriminator_b_real"), (1, "discriminator_b_fake")),
        "D_B": ((1, "discriminator_a_real"), (1, "discriminator_a_fake")),
        "cycle_A": ((1, "cycle_a"),),
        "cycle_B": ((1, "cycle_b"),),
        "idt_A": ((1, "identity_b"),),  # |G_A(B) - B|: A is the generator's letter, B the image's
        "idt_B": ((1, "identity_a"),),
    },
}

# method -> our name of a term -> the key that removes the term from the losses if it is 0.
SWITCHES: dict[str, dict[str, str]] = {
    "pix2pix": {},
    "cyclegan": {"identity_a": "identity_weight", "identity_b": "identity_weight"},
}


def reference_losses(config: MethodConfig, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert the losses of one step to those that the reference would log, under its names.

    config: of the method; a term that it switches off counts as 0, as in the reference
    A loss with another missing term is left out.
    """
    off = [name for name, key in SWITCHES[config.name].items() if getattr(config, key) == 0]
    zero = next(iter(ours.values())).new_zeros(())
    known = {**dict.fromkeys(off, zero), **ours}
    return {
        theirs: torch.stack([factor * known[name] for factor, name in parts]).sum()
        for theirs, parts in LOSS_NAMES[config.name].items()
        if all(name in known for _, name in parts)
    }


def to_reference(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of `network` with the reference's names. A reference network with the same settings loads it strictly."""
    return into_theirs(network.state_dict(), naming(network))


def from_reference(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Convert a reference network's state dict to our names; `network.load_state_dict` loads the result strictly.

    network: one of ours with the same settings; only its names and shapes are read
    Running statistics of instance normalisations, which checkpoints from before PyTorch 0.4 hold, are dropped: training never used
    them. `UserError` names a layer that is missing, left over or of another shape.
    """
    return into_ours(state, network, naming(network))


def naming(network: nn.Module) -> Naming:
    """The reference's names for `network`. `UserError` names a setting that the reference does not have."""
    if is_spectral(network):
        raise UserError(f"spectral_norm: {PROJECT} has none, so these weights do not convert; take spectral_norm false")
    for module in network.modules():
        if isinstance(module, ResizeConvolution):
            name = "bilinear-convolution" if module.mode == "bilinear" else "resize-convolution"
            raise UserError(f"upsampling {name}: {PROJECT} has deconvolutions only and cannot hold these weights")
    layers = list(_positions(network))
    norm = getattr(network, "norm", "instance")
    return Naming(PROJECT, dict(layers), norm, _biased(network), _filters(network, layers), without_state(layers, norm))


def _biased(network: nn.Module) -> frozenset[str]:
    """Our names of the layers that have a bias in the reference's networks without normalisation."""
    if isinstance(network, UnetGenerator):
        return frozenset({f"ups.{len(network.downs) - 1}.conv"})
    if isinstance(network, PatchDiscriminator):
        return frozenset({"layers.0.conv", "head"})
    return frozenset({"layers.0.conv"} if isinstance(network, PixelDiscriminator) else {"head"})


def _filters(network: nn.Module, layers: Iterable[tuple[str, str]]) -> dict[str, Tensor]:
    """The reference's names and values of the fixed filters, one for each channel. Our networks do not store them as weights."""
    filters: dict[str, Tensor] = {}
    for ours, theirs in layers:
        module = network.get_submodule(ours)
        if isinstance(module, BlurPool):
            filters[f"{theirs}.filt"] = module.weight.clone()
        elif isinstance(module, AntialiasedConvolution):  # in the reference, the layer before it holds the filter of our interpolation
            row = torch.tensor([1.0, 3.0, 3.0, 1.0], device="cpu") / 4
            start, place = theirs.rsplit(".", 1)
            filters[f"{start}.{int(place) - 1}.filt"] = torch.outer(row, row).repeat(module.in_channels, 1, 1, 1)
    return filters


def _positions(network: nn.Module) -> Iterator[tuple[str, str]]:
    """(our name, the reference's name) of every convolution and normalisation."""
    if isinstance(network, ResnetGenerator):
        dropout = any(module.p > 0 for module in network.modules() if isinstance(module, nn.Dropout))
        return _resnet(len(network.blocks), dropout, _blurred(network))
    if isinstance(network, UnetGenerator):
        return _unet(len(network.downs))
    if isinstance(network, PatchDiscriminator):
        return _patchgan(len(network.layers), _blurred(network))
    if isinstance(network, PixelDiscriminator):
        return _pixel()
    if isinstance(network, ProjectionHeads):
        return _heads(list(network.mlps))
    raise UserError(f"{PROJECT} has no network that is a {type(network).__name__}")


def _blurred(network: nn.Module) -> bool:
    return any(isinstance(module, BlurPool) for module in network.modules())


def _resnet(num_blocks: int, dropout: bool, blurred: bool) -> Iterator[tuple[str, str]]:
    """pad, conv, norm, relu; 2 x (conv, norm, relu, (blur)); the blocks; 2 x ((resize), conv, norm, relu); pad, conv, tanh."""
    step = 4 if blurred else 3
    yield "stem.conv", "model.1"
    yield "stem.norm", "model.2"
    for i in range(2):
        yield f"downs.{i}.conv", f"model.{4 + step * i}"
        yield f"downs.{i}.norm", f"model.{5 + step * i}"
        if blurred:
            yield f"downs.{i}.pool", f"model.{7 + step * i}"
    second = 6 if dropout else 5  # a block: pad, conv, norm, relu, (dropout), pad, conv, norm
    first = 4 + 2 * step
    for i in range(num_blocks):
        block = f"model.{first + i}.conv_block"
        yield f"blocks.{i}.conv1", f"{block}.1"
        yield f"blocks.{i}.norm1", f"{block}.2"
        yield f"blocks.{i}.conv2", f"{block}.{second}"
        yield f"blocks.{i}.norm2", f"{block}.{second + 1}"
    after = first + num_blocks
    for i in range(2):
        conv = after + step * i + (1 if blurred else 0)
        yield f"ups.{i}.conv", f"model.{conv}"
        yield f"ups.{i}.norm", f"model.{conv + 1}"
    yield "head", f"model.{after + 2 * step + 1}"


def _unet(num_downs: int) -> Iterator[tuple[str, str]]:
    """Each level holds the next.

    Outermost: conv, LEVEL, relu, deconv, tanh. Then: lrelu, conv, norm, LEVEL, relu, deconv, norm, (dropout).
    Innermost: lrelu, conv, relu, deconv, norm.
    """
    level = "model.model"
    for i in range(num_downs):
        up = f"ups.{num_downs - 1 - i}"
        if i == 0:
            down_conv, up_conv, inner = 0, 3, 1
        elif i < num_downs - 1:
            down_conv, up_conv, inner = 1, 5, 3
            yield f"downs.{i}.norm", f"{level}.2"
        else:
            down_conv, up_conv, inner = 1, 3, None
        yield f"downs.{i}.conv", f"{level}.{down_conv}"
        yield f"{up}.conv", f"{level}.{up_conv}"
        if i > 0:
            yield f"{up}.norm", f"{level}.{up_conv + 1}"
        level = f"{level}.{inner}.model"


def _patchgan(layers: int, blurred: bool) -> Iterator[tuple[str, str]]:
    """conv, lrelu, (blur); (conv, norm, lrelu, (blur)) for each further layer, the last without a blur; conv."""
    step = 4 if blurred else 3
    yield "layers.0.conv", "model.0"
    if blurred:
        yield "layers.0.pool", "model.2"
    for i in range(1, layers):
        yield f"layers.{i}.conv", f"model.{step * i - 1}"
        yield f"layers.{i}.norm", f"model.{step * i}"
        if blurred and i < layers - 1:
            yield f"layers.{i}.pool", f"model.{step * i + 2}"
    yield "head", f"model.{step * layers - (2 if blurred else 1)}"


def _pixel() -> Iterator[tuple[str, str]]:
    """conv, lrelu, conv, norm, lrelu, conv."""
    yield "layers.0.conv", "net.0"
    yield "layers.1.conv", "net.2"
    yield "layers.1.norm", "net.3"
    yield "head", "net.5"


def _heads(layers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """linear, relu, linear for each layer, in the generator's order."""
    for number, layer in enumerate(layers):
        for place in (0, 2):
            yield f"mlps.{layer}.{place}", f"mlp_{number}.{place}"
