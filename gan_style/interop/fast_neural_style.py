"""Conversion of weights from and to the PyTorch examples' fast-neural-style (`TransformerNet`).

That network takes RGB values of 0 to 255, images here are in [-1, 1]. A network of ours with `values: bytes` scales images itself and takes
the weights as they are. In one with `values: signed` the first convolution's weights absorb the scale of the input, the last one's the
scale of the output, so both networks are the same function. It is exact at the edges too, because reflection padding pads with values of
the image.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from gan_style.config.network import NetworkConfig
from gan_style.errors import UserError
from gan_style.networks.generators.transformer_net import BYTE_HALF, TransformerNet

_SIZE = {"base_channels": 32, "num_blocks": 5, "skip": False, "resize_mode": "nearest", "spectral_norm": False}
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # in old checkpoints; instance normalisation never used them


def from_reference(state: Mapping[str, Tensor], network: TransformerNet) -> dict[str, Tensor]:
    """Convert the reference's state dict to ours, for one style. `UserError` names what does not fit.

    network: one of ours with the same settings; only its names and shapes are read
    """
    theirs = {name: value for name, value in state.items() if not name.endswith(_STATISTICS)}
    names, converted = dict(_layers(len(network.blocks))), {}
    for key, expected in network.state_dict().items():
        layer, _, part = key.rpartition(".")
        name = f"{names[layer]}.{part}"
        if name not in theirs:
            raise UserError(f"layer {name!r} is not among the weights: give those of a TransformerNet with these settings")
        value = theirs.pop(name)
        value = value[None] if layer.endswith("norm") else value  # one style
        if value.shape != expected.shape:
            raise UserError(
                f"layer {name!r} is {list(value.shape)} in the weights and {list(expected.shape)} here: take a network with their settings"
            )
        converted[key] = value
    if theirs:
        raise UserError(f"the weights hold {next(iter(theirs))!r}, for which this network has no layer: take a network with their settings")
    if network.values == "bytes":
        return converted
    weight, bias = converted["conv1.conv.weight"], converted["conv1.conv.bias"]
    converted["conv1.conv.bias"] = bias + BYTE_HALF * weight.sum(dim=(1, 2, 3))  # w (127.5 x + 127.5) + b
    converted["conv1.conv.weight"] = BYTE_HALF * weight
    converted["head.weight"] = converted["head.weight"] / BYTE_HALF  # (w x + b) / 127.5 - 1
    converted["head.bias"] = converted["head.bias"] / BYTE_HALF - 1
    return converted


def to_reference(network: TransformerNet, style: int = 0) -> dict[str, Tensor]:
    """The state dict of one style with the reference's names and value range."""
    return renamed(network.state_dict(), len(network.blocks), network.values, style)


def renamed(ours: Mapping[str, Tensor], blocks: int, values: str, style: int = 0) -> dict[str, Tensor]:
    """The same for the weights of a network with this number of residual blocks. values: of its section"""
    names = dict(_layers(blocks))
    weights = {key: value.clone() for key, value in ours.items()}
    if values == "signed":
        weights["conv1.conv.weight"] /= BYTE_HALF
        weights["conv1.conv.bias"] -= BYTE_HALF * weights["conv1.conv.weight"].sum(dim=(1, 2, 3))
        weights["head.weight"] *= BYTE_HALF
        weights["head.bias"] = (weights["head.bias"] + 1) * BYTE_HALF
    theirs = {}
    for key, value in weights.items():
        layer, _, part = key.rpartition(".")
        theirs[f"{names[layer]}.{part}"] = torch.clone(value[style]) if layer.endswith("norm") else value
    return theirs


def check_size(config: NetworkConfig) -> None:
    """`UserError` for a network of another size than the reference's, which has one alone."""
    for key, size in _SIZE.items():
        if (own := getattr(config, key)) != size:
            raise UserError(f"{key} {own}: the network of fast-neural-style has {size}, always, and cannot hold these weights")


def _layers(blocks: int) -> Iterator[tuple[str, str]]:
    """(our name, the reference's name) of every convolution and normalisation."""
    for ours, conv, norm in (
        ("conv1", "conv1", "in1"),
        ("conv2", "conv2", "in2"),
        ("conv3", "conv3", "in3"),
        ("up1", "deconv1", "in4"),
        ("up2", "deconv2", "in5"),
    ):
        yield f"{ours}.conv", f"{conv}.conv2d"
        yield f"{ours}.norm", norm
    for number in range(blocks):
        for half in (1, 2):
            yield f"blocks.{number}.conv{half}.conv", f"res{number + 1}.conv{half}.conv2d"
            yield f"blocks.{number}.conv{half}.norm", f"res{number + 1}.in{half}"
    yield "head", "deconv3.conv2d"
