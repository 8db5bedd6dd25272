"""Means and standard deviations of features in full precision; adaptive instance normalisation (1703.06868)."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def outside_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """`function` of tensors, computed in their own precision or in float32, whichever is finer, also under autocast."""

    @wraps(function)
    def precise_function(*arguments: P.args, **keywords: P.kwargs) -> R:
        tensors = [precise(value) if isinstance(value, Tensor) else value for value in arguments]
        device = next(value.device.type for value in tensors if isinstance(value, Tensor))
        # The meta device, on which a bundle's network is first built to learn its shapes, has no autocast.
        with nullcontext() if device == "meta" else torch.autocast(device, enabled=False):
            return function(*tensors, **keywords)  # pyright: ignore[reportCallIssue]

    return precise_function


def precise(features: Tensor) -> Tensor:
    """The features in float32 or finer."""
    return features if features.dtype.itemsize >= 4 else features.float()


@outside_autocast
def moments(features: Tensor, weights: Tensor | None = None, eps: float = 1e-5, correction: int = 0) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over the positions: [B, C, H, W] -> two of [B, C, 1, 1].

    weights: [B or 1, 1, H, W], how much each position counts. eps is added to the variance, whose root has no slope at 0.
    correction: 1 divides by one position less than there are, without weights
    """
    if weights is None:
        variance, mean = torch.var_mean(features, dim=(2, 3), correction=correction, keepdim=True)
    else:
        weights = weights.to(features)
        share = weights / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        mean = (features * share).sum(dim=(2, 3), keepdim=True)
        variance = ((features - mean).square() * share).sum(dim=(2, 3), keepdim=True)
    return mean, (variance + eps).sqrt()


def adain(content: Tensor, style: Tensor, weights: Tensor | None = None, correction: int = 0) -> Tensor:
    """sigma(y) (x - mu(x)) / sigma(x) + mu(y): the content's features with the style's moments (1703.06868, equation 8).

    content [B, C, H, W], style [B or 1, C, h, w]. weights [B or 1, 1, H, W]: the positions whose moments count for the content.
    correction: see `moments`
    """
    mean, deviation = moments(content, weights, correction=correction)
    style_mean, style_deviation = moments(style, correction=correction)
    return (content - mean) / deviation * style_deviation + style_mean
