"""Normalisation layers that are correct and fast in both memory formats and on every device.

`nn.InstanceNorm2d` is neither on a CPU: at batch 1 its backward is silently wrong for a channels_last gradient (torch 2.13 and 2.15; the
error is as large as the gradient), and it copies every channels_last tensor (docs/decisions/0001). `normalise_each_image` computes the same
numbers in another way; benchmarks/normalisation.py measures the choices.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5
_LARGEST = 2**16  # positions over which torch sums a channels_last channel well on a CPU: 256 x 256
_PART = 2**14  # positions of a part whose statistics it measures at once

_one_operator = ContextVar("one operator", default=False)


@contextmanager
def each_one_operator() -> Iterator[None]:
    """While entered, a normalisation is one operator of torch, however large the image: for a trace, whose tensors have no values."""
    before = _one_operator.set(True)
    try:
        yield
    finally:
        _one_operator.reset(before)


def normalise_each_image(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, epsilon: float = EPSILON) -> Tensor:
    """x [B, C, H, W] with every channel of every image at mean 0 and variance 1, times `weight` [C], plus `bias` [C] where given.

    x has any floating type and memory format, H, W >= 1. At 1 x 1 the result is 0, or the bias.
    """
    if torch.compiler.is_exporting():
        return _row_by_row(x, weight, bias, epsilon)
    if x.shape[2] * x.shape[3] == 1:
        zero = x - x  # one value is its own mean; torch raises here
        return zero if weight is None or bias is None else zero * weight[:, None, None] + bias[:, None, None]
    if x.shape[0] == 1:  # the statistics of a batch of one image are the image's, and batch_norm copies neither format
        return _normalise_one(x, weight, bias, epsilon)
    if x.device.type == "cpu" and not x.is_contiguous():  # channels_last: faster than the copies of F.instance_norm
        return torch.cat([_normalise_one(image, weight, bias, epsilon) for image in x.split(1)])
    # Right here: for two images or more its backward copies a gradient that is not NCHW.
    return F.instance_norm(x, weight=weight, bias=bias, eps=epsilon)


def _normalise_one(x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Tensor:
    """The same for one image [1, C, H, W].

    Of a channels_last image torch sums all positions of a channel in one float32 on a CPU: an error of 1e-2 of a deviation at 2048 x 2048,
    and of several where the mean is a hundred deviations from 0 (docs/decisions/0044). There the statistics are measured in parts.
    """
    large = x.shape[2] * x.shape[3] > _LARGEST and x.dtype != torch.float64
    if not large or x.device.type != "cpu" or x.is_contiguous() or torch.compiler.is_compiling() or _one_operator.get():
        # Compiled code sums well. A trace needs the operator's name.
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=epsilon)
    if torch.is_grad_enabled() and (x.requires_grad or (weight is not None and weight.requires_grad)):
        y = F.batch_norm(x.contiguous(), None, None, weight, bias, training=True, eps=epsilon)
        return y.contiguous(memory_format=torch.channels_last)
    mean, variance = _moments_in_parts(x)
    return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=epsilon)


def _moments_in_parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance [C] in float32 of one image [1, C, H, W]: of some positions at once by torch, joined in float64."""
    parts = x.flatten(2)[:, :, None].split(_PART, dim=3)
    means, variances = (
        torch.stack(each).double() for each in zip(*(torch.batch_norm_update_stats(part, None, None, 0.0) for part in parts), strict=True)
    )
    count = x.shape[2] * x.shape[3]
    shares = torch.tensor([[part.shape[3] / count] for part in parts], dtype=torch.float64)
    mean = (shares * means).sum(0)
    return mean.float(), (shares * (variances + (means - mean).square())).sum(0).float()


def _row_by_row(x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Tensor:
    """The same in operations that any runtime computes well: means of rows, then of their means.

    A runtime's own instance normalisation may sum all positions in one float32, whose error grows with the image (onnx-mlir#1933): that
    of onnxruntime is 1e-4 of a deviation at 2048 x 2048. It may take another epsilon (TensorRT#260).
    """
    centred = x - x.mean(3, keepdim=True).mean(2, keepdim=True)
    variance = centred.square().mean(3, keepdim=True).mean(2, keepdim=True)
    y = centred / (variance + epsilon).sqrt()
    return y if weight is None or bias is None else y * weight[:, None, None] + bias[:, None, None]


class InstanceNorm2d(nn.Module):
    """Instance normalisation (1607.08022) without affine parameters or running statistics: the same in training and inference."""

    def forward(self, x: Tensor) -> Tensor:
        return normalise_each_image(x)


class PerImageBatchNorm2d(nn.BatchNorm2d):
    """A trained batch normalisation that uses each image's own statistics and its learned scale and shift.

    Its names in a state dict are those of `nn.BatchNorm2d`. It neither reads nor changes the running statistics.
    """

    def forward(self, input: Tensor) -> Tensor:
        return normalise_each_image(input, self.weight, self.bias, self.eps)


def norm_layer(norm: str, channels: int) -> nn.Module:
    """The layer that `norm` names, for maps of `channels` channels."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        return InstanceNorm2d()
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"norm is instance, batch or none, not {norm!r}")


def bias_before(norm: str) -> bool:
    """Does a convolution in front of `norm` have a bias? Batch normalisation has a bias of its own, which makes that one useless.

    Instance normalisation cancels it too, but the field's networks have a bias there, and their weights must fit ours.
    """
    return norm != "batch"


def batch_independent(network: nn.Module) -> bool:
    """Is each image's result its own, so that `network(cat([x, y]))` is `cat([network(x), network(y)])`?

    Only batch normalisation mixes images. Dropout has a mask for each sample (`networks.layers.dropout`).
    """
    return not any(isinstance(m, nn.modules.batchnorm._BatchNorm) and not isinstance(m, PerImageBatchNorm2d) for m in network.modules())


def per_image_statistics(network: nn.Module) -> nn.Module:
    """A copy of `network` that SHARES its parameters and buffers and normalises every image by the image's own statistics.

    The papers' code tests networks with batch normalisation this way: at batch 1, with the statistics of that image. With running
    statistics, as in eval mode, such networks often fail. `network` itself does not change.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    twin = copy.deepcopy(network, shared)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(parent, name, _per_image(child))
    return _per_image(twin) if isinstance(twin, nn.modules.batchnorm._BatchNorm) else twin


def _per_image(layer: nn.modules.batchnorm._BatchNorm) -> PerImageBatchNorm2d:
    """`layer` with its tensors, as a `PerImageBatchNorm2d`."""
    replacement = PerImageBatchNorm2d(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats, device="meta")
    for name, parameter in layer.named_parameters(recurse=False):
        replacement.register_parameter(name, parameter)
    for name, buffer in layer.named_buffers(recurse=False):
        replacement.register_buffer(name, buffer)
    return replacement.train(layer.training)
