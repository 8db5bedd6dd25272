"""Content and style losses: distances of feature maps [B, C, H, W]. Every loss is a scalar, the mean over the batch.

They compute in at least float32, inside autocast too, because Gram matrices overflow in half precision.
"""

from typing import Literal

import torch
from torch import Tensor

from gan_style.losses.masked import masked_mean
from gan_style.networks.layers.moments import moments, outside_autocast

GramNorm = Literal["gatys", "johnson"]
Kernel = Literal["linear", "polynomial", "gaussian"]

_MOST_POSITIONS = 1024  # most positions that are compared: kernel matrices grow with their square


@outside_autocast
def content_loss(features: Tensor, target: Tensor, reduction: Literal["half_sum", "mean"] = "mean", mask: Tensor | None = None) -> Tensor:
    """`half_sum`: 1/2 sum (F - P)^2 for each image (1508.06576, equation 1); `mean`: the mean square (1603.08155, equation 2).

    mask: of the mean, weights [B, 1, H, W] as in `masked_mean`
    """
    squares = (features - target).square()
    return 0.5 * squares.flatten(1).sum(dim=1).mean() if reduction == "half_sum" else masked_mean(squares, mask)


@outside_autocast
def absolute_loss(features: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean |F - P| (1711.11585, section 4). A few features with large differences weigh less than in `content_loss`.

    mask: weights [B, 1, H, W] as in `masked_mean`
    """
    return masked_mean((features - target).abs(), mask)


@outside_autocast
def gram_matrix(features: Tensor, norm: GramNorm = "gatys", weights: Tensor | None = None) -> Tensor:
    """Correlations of the channels over the positions: [B, C, H, W] -> [B, C, C].

    norm: `gatys` divides by the number M = H W of positions, so that pictures of different sizes can be compared (`gram_loss` applies
    the rest of 1/(4 N^2 M^2)); `johnson` divides by C H W (1603.08155, equation 3)
    weights: T [B or 1, 1, H, W], the weight of each position: the guided Gram matrix (T F)(T F)^T (1611.07865, section 4). M is then
    the sum of T^2, so that the size of a region does not matter.
    """
    channels = features.shape[1]
    if weights is None:
        positions = features[0, 0].numel()
    else:
        weights = weights.to(features)
        features = features * weights
        positions = weights.square().flatten(1).sum(dim=1).clamp(min=1e-6).view(-1, 1, 1)
    flat = features.flatten(2)  # [B, C, H W]
    gram = flat @ flat.transpose(1, 2) / positions
    return gram if norm == "gatys" else gram / channels


@outside_autocast
def gram_loss(gram: Tensor, target: Tensor, norm: GramNorm = "gatys") -> Tensor:
    """Distance of Gram matrices [B, N, N], which `gram_matrix` computed with the same `norm`.

    gatys: 1/(4 N^2 M^2) sum (G - A)^2 (1508.06576, equation 4). johnson: the squared Frobenius norm (1603.08155, equation 4).
    """
    squares = squared_distance(gram, target)
    return squares / (4 * gram.shape[1] ** 2) if norm == "gatys" else squares


def squared_distance(found: Tensor, target: Tensor) -> Tensor:
    """sum (x - y)^2 over the entries of each sample: two of [B, N, M] -> the mean over the batch."""
    return (found - target).square().sum(dim=(1, 2)).mean()


@outside_autocast
def style_moments(features: Tensor) -> Tensor:
    """Mean and standard deviation of each channel: [B, C, H, W] -> [B, 2, C]. `squared_distance` of two of them is `moment_loss`."""
    return torch.stack(moments(features), dim=1).flatten(2) / features.shape[1] ** 0.5


@outside_autocast
def moment_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean over the channels of (mu - mu')^2 + (sigma - sigma')^2 (1701.01036, equation 15; 1703.06868, equation 13, squared)."""
    (mean, deviation), (target_mean, target_deviation) = moments(features), moments(target)
    return (mean - target_mean).square().mean() + (deviation - target_deviation).square().mean()


@outside_autocast
def mmd_loss(
    features: Tensor, target: Tensor, kernel: Kernel = "polynomial", degree: int = 2, offset: float = 0.0, bandwidth: float | None = None
) -> Tensor:
    """Squared maximum mean discrepancy between the features of the positions (Li et al., 2017, arXiv 1701.01036, equation 7).

    kernel: `linear`, x.y; `polynomial`, (x.y + offset)^degree, which for degree 2 and offset 0 is 4 N^2 times the Gram loss
    (equation 8); `gaussian`, exp(-|x - y|^2 / (2 bandwidth))
    bandwidth: None for the mean squared distance
    At most 1024 evenly spread positions are compared. The two pictures may differ in size.
    """
    x, y = _positions(features), _positions(target)  # [B, M, C], [B, M', C]
    width = _distances(x, y).mean().detach().clamp(min=1e-12) if bandwidth is None else bandwidth

    def k(a: Tensor, b: Tensor) -> Tensor:
        if kernel == "gaussian":
            return torch.exp(-_distances(a, b) / (2 * width))
        products = a @ b.transpose(1, 2)  # [B, M, M']
        return products if kernel == "linear" else (products + offset) ** degree

    return k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()


def _positions(features: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, M, C], with at most _MOST_POSITIONS evenly spread positions."""
    flat = features.flatten(2).transpose(1, 2)
    stride = -(-flat.shape[1] // _MOST_POSITIONS)
    return flat[:, ::stride]


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances [B, M, M']."""
    squares = a.square().sum(dim=2).unsqueeze(2) + b.square().sum(dim=2).unsqueeze(1)
    return (squares - 2 * a @ b.transpose(1, 2)).clamp(min=0.0)
