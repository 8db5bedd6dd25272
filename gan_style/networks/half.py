"""Networks that compute in half precision without autocast: weights are cast once, not in every forward."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.normalisation import InstanceNorm2d

_CONVERTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_MEASURING = (InstanceNorm2d, ConditionalInstanceNorm2d, nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def with_fixed_weights(network: nn.Module) -> nn.Module:
    """`network`, changed: parametrised weights (spectral normalisation) are computed now and not in every forward."""
    for layer in list(network.modules()):
        if is_parametrized(layer, "weight"):
            remove_parametrizations(layer, "weight")
            layer.requires_grad_(False)
    return network


def in_half(network: nn.Module, half: torch.dtype) -> nn.Module:
    """`network`, changed: convolutions and linear layers compute in `half`, torch.bfloat16 or torch.float16. For inference alone.

    Inputs of these layers are cast, and so is the image at the first of them. Normalisation keeps its float32 scales and shifts. Results
    are autocast's, but for operations that autocast computes in float32 on some device; padding is one of them on a CPU, where the two
    casts take a fifth of the time.
    """
    for layer in network.modules():
        if isinstance(layer, _CONVERTED):
            layer.to(half)
            layer.register_forward_pre_hook(_cast)
    return network


def measuring_in_float(network: nn.Module) -> nn.Module:
    """`network`, changed: normalisations get float32, whose statistics no runtime then computes in half precision.

    torch's own kernels add in float32 whatever they are given; those of other runtimes overflow or round (onnxruntime#9879).
    """
    for layer in network.modules():
        if isinstance(layer, _MEASURING):
            layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(), *inputs[1:]))
    return network


def _cast(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The inputs of a layer with its first in the type of the layer's weights."""
    assert isinstance(layer.weight, Tensor)
    return inputs[0].to(layer.weight.dtype), *inputs[1:]
