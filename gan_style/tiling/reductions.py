"""Normalisations, means and variances over all positions, as functions of the statistics of each channel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Measured(NamedTuple):
    """Mean and variance of an image's channels over `positions`: [..., 1, 1], or [..., h, w] if they vary with the place."""

    positions: float
    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class Reduction:
    """An operator that reads all positions of `image`.

    function: of the image, where it `normalises`, then of what was `Measured`, then of `args`
    fixed: statistics that the network holds itself, which it uses in place of the image's
    """

    image: Any
    function: Callable[..., Any]
    args: Sequence[Any]
    normalises: bool = False
    fixed: Measured | None = None


def single(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function in the place of an operator that returns several tensors, of which the first alone is read."""
    function.single = True  # type: ignore[attr-defined]
    return function


@single
def normalise(
    x: Tensor, measured: Measured, weight: Tensor | None, bias: Tensor | None, epsilon: float, groups: int | None = None
) -> Tensor:
    """x [B, C, h, w] with mean 0 and variance 1 in each channel, or in each of `groups` of channels, times `weight`, plus `bias`."""
    _, mean, variance = measured
    if groups is not None:
        _, mean, variance = pooled(measured, x.shape[1], groups)
    if mean.shape[-2:] == (1, 1) and len(x) == 1:
        return F.batch_norm(x, mean.flatten(), variance.flatten(), weight, bias, False, 0.0, epsilon)
    y = (x - mean) * (variance + epsilon).rsqrt()
    y = y if weight is None else y * weight[:, None, None].to(y)
    return (y if bias is None else y + bias[:, None, None].to(y)).to(x.dtype)


def pooled(measured: Measured, channels: int, groups: int) -> Measured:
    """The statistics of `groups` of channels, repeated for each channel."""
    count, mean, variance = measured
    each = channels // groups
    means, variances = (value.unflatten(1, (groups, each)) for value in (mean, variance))  # [B, G, C / G, h, w]
    common = means.mean(dim=2, keepdim=True)
    spread = (variances + (means - common).square()).mean(dim=2, keepdim=True)
    return Measured(count * each, *(value.expand_as(means).flatten(1, 2) for value in (common, spread)))


def over(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int) -> Measured:
    """The statistics over `dims`, which are height, width and perhaps others."""
    count, mean, variance = measured
    others = [dim % rank for dim in dims if dim % rank < rank - 2]
    if others:
        common = mean.mean(dim=others, keepdim=True)
        spread = (variance + (mean - common).square()).mean(dim=others, keepdim=True)
        count, mean, variance = count * (mean.numel() // common.numel()), common, spread
    if not keepdim:
        gone = sorted((dim % rank for dim in dims), reverse=True)
        for dim in gone:
            mean, variance = mean.squeeze(dim), variance.squeeze(dim)
    return Measured(count, mean, variance)


def variance_of(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int, correction: float) -> Tensor:
    found = over(measured, dims, keepdim, rank)
    return found.variance * (found.positions / (found.positions - correction))


def deviation_of(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int, correction: float) -> Tensor:
    return variance_of(measured, dims, keepdim, rank, correction).sqrt()


def variance_and_mean(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int, correction: float) -> tuple[Tensor, Tensor]:
    return variance_of(measured, dims, keepdim, rank, correction), over(measured, dims, keepdim, rank).mean


def mean_of(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int) -> Tensor:
    return over(measured, dims, keepdim, rank).mean


def sum_of(measured: Measured, dims: Sequence[int], keepdim: bool, rank: int) -> Tensor:
    found = over(measured, dims, keepdim, rank)
    return found.mean * found.positions


Args = Sequence[Any]
Keywords = Mapping[str, Any]


def _given(args: Args, keywords: Keywords, place: int, name: str, default: Any) -> Any:
    return args[place] if len(args) > place else keywords.get(name, default)


def _batch_norm(training: int | None, epsilon: int, running: int | None) -> Callable[[Args, Keywords], Reduction | None]:
    """training, epsilon: places among the arguments; running: of the running mean, which a network in eval mode uses."""

    def reduction(args: Args, keywords: Keywords) -> Reduction | None:
        fixed = None
        if training is not None and running is not None and not args[training]:
            fixed = Measured(1.0, args[running][None, :, None, None], args[running + 1][None, :, None, None])
        return Reduction(args[0], normalise, (args[1], args[2], args[epsilon]), normalises=True, fixed=fixed)

    return reduction


def _group_norm(args: Args, keywords: Keywords) -> Reduction:
    image, weight, bias, _, _, _, groups, epsilon = args
    return Reduction(image, normalise, (weight, bias, epsilon, groups), normalises=True)


def _over_positions(function: Callable[..., Any], corrected: bool = False) -> Callable[[Args, Keywords], Reduction | None]:
    def reduction(args: Args, keywords: Keywords) -> Reduction | None:
        rank = args[0].like.dim()
        dims = _given(args, keywords, 1, "dim", None)
        dims = list(range(rank)) if not dims and dims != 0 else [dims] if isinstance(dims, int) else list(dims)
        if not {rank - 2, rank - 1} <= {dim % rank for dim in dims}:
            return None
        keepdim = bool(_given(args, keywords, 99 if corrected else 2, "keepdim", False))
        correction = keywords.get("correction")
        extra = [1.0 if correction is None else float(correction)] if corrected else []
        return Reduction(args[0], function, (dims, keepdim, rank, *extra))

    return reduction


REDUCTIONS: Mapping[str, Callable[[Args, Keywords], Reduction | None]] = {
    "native_batch_norm": _batch_norm(5, 7, 3),
    "cudnn_batch_norm": _batch_norm(5, 7, 3),
    "miopen_batch_norm": _batch_norm(5, 7, 3),
    "_native_batch_norm_legit": _batch_norm(5, 7, 3),
    "_native_batch_norm_legit.no_stats": _batch_norm(None, 5, None),
    "native_group_norm": _group_norm,
    "mean.dim": _over_positions(mean_of),
    "mean": _over_positions(mean_of),
    "sum.dim_IntList": _over_positions(sum_of),
    "var.correction": _over_positions(variance_of, corrected=True),
    "std.correction": _over_positions(deviation_of, corrected=True),
    "var_mean.correction": _over_positions(variance_and_mean, corrected=True),
}
