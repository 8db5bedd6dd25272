"""Conversion of weights from and to the PyTorch examples' fast-neural-style (`TransformerNet`).

That network takes RGB values of 0 to 255, ours takes [-1, 1]. The first convolution's weights absorb the scale of the input, the last
one's the scale of the output, so both networks are the same function. It is exact at the edges too, because reflection padding pads
with values of the image.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.networks.generators.transformer_net import TransformerNet

_HALF = 127.5  # 255 = (1 + 1) * 127.5
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # in old checkpoints; instance normalisation never used them


def from_reference(state: Mapping[str, Tensor], network: TransformerNet) -> dict[str, Tensor]:
    """Convert the reference's state dict to ours, for one style. `UserError` names what does not fit.

    network: one of ours with the same settings; only its names and shapes are read
    """
    theirs = {name: value for name, value in state.items() if not name.endswith(_STATISTICS)}
    converted = {}
    for key, expected in network.state_dict().items():
        layer, _, part = key.rpartition(".")
        name = f"{dict(_layers(network))[layer]}.{part}"
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
    weight, bias = converted["conv1.conv.weight"], converted["conv1.conv.bias"]
    converted["conv1.conv.bias"] = bias + _HALF * weight.sum(dim=(1, 2, 3))  # w (127.5 x + 127.5) + b
    converted["conv1.conv.weight"] = _HALF * weight
    converted["head.weight"] = converted["head.weight"] / _HALF  # (w x + b) / 127.5 - 1
    converted["head.bias"] = converted["head.bias"] / _HALF - 1
    return converted


def to_reference(network: TransformerNet, style: int = 0) -> dict[str, Tensor]:
    """The state dict of one style with the reference's names and value range."""
    names = dict(_layers(network))
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    weights["conv1.conv.weight"] /= _HALF
    weights["conv1.conv.bias"] -= _HALF * weights["conv1.conv.weight"].sum(dim=(1, 2, 3))
    weights["head.weight"] *= _HALF
    weights["head.bias"] = (weights["head.bias"] + 1) * _HALF
    theirs = {}
    for key, value in weights.items():
        layer, _, part = key.rpartition(".")
        theirs[f"{names[layer]}.{part}"] = torch.clone(value[style]) if layer.endswith("norm") else value
    return theirs


def _layers(network: TransformerNet) -> Iterator[tuple[str, str]]:
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
    for number in range(len(network.blocks)):
        for half in (1, 2):
            yield f"blocks.{number}.conv{half}.conv", f"res{number + 1}.conv{half}.conv2d"
            yield f"blocks.{number}.conv{half}.norm", f"res{number + 1}.in{half}"
    yield "head", "deconv3.conv2d"
