"""Operators that change the resolution: nearest and bilinear interpolation, pixel shuffling."""

from collections.abc import Callable, Mapping, Sequence
from math import floor
from typing import Any

import numpy as np
import torch.nn.functional as F

from gan_style.tiling.rules.padding import Gathered
from gan_style.tiling.rules.rule import NoRule, Rule, Site, Size
from gan_style.tiling.spans import Region, Span


class Nearest(Gathered):
    """`aten.upsample_nearest2d` to any size, smaller ones too."""

    def __init__(self, sizes: Size, out: Size, scales: Sequence[float | None]) -> None:
        super().__init__(sizes)
        # torch multiplies in float32.
        self.steps = [np.float32(1 / scale if scale else size / target) for size, target, scale in zip(sizes, out, scales, strict=True)]

    def source(self, axis: int, out: np.ndarray) -> np.ndarray:
        return np.floor(out.astype(np.float32) * self.steps[axis]).astype(np.int64).clip(0, self.sizes[axis] - 1)


class Enlarged(Rule):
    """Nearest or bilinear interpolation to a whole multiple of the size."""

    def __init__(self, factors: Sequence[int], mode: str) -> None:
        self.factors, self.mode = factors, mode

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        factor = self.factors[axis]
        if self.mode == "nearest":
            return Span(out.start // factor, (out.stop - 1) // factor + 1).clipped(size)
        first, last = (floor((position + 0.5) / factor - 0.5) for position in (out.start, out.stop - 1))
        return Span(first, last + 2).clipped(size)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        align = {} if self.mode == "nearest" else {"align_corners": False}
        y = F.interpolate(args[0], scale_factor=[float(factor) for factor in self.factors], mode=self.mode, **align)
        for axis in (0, 1):
            y = y.narrow(2 + axis, out[axis].start - have[0][axis].start * self.factors[axis], out[axis].length)
        return y


class Shuffled(Rule):
    """`aten.pixel_shuffle`: channels become positions, `factor` x `factor` of them."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        return Span(out.start // self.factor, (out.stop - 1) // self.factor + 1)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        y = F.pixel_shuffle(args[0], self.factor)
        for axis in (0, 1):
            y = y.narrow(y.dim() - 2 + axis, out[axis].start - have[0][axis].start * self.factor, out[axis].length)
        return y


class Unshuffled(Rule):
    """`aten.pixel_unshuffle`: positions become channels."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        return Span(out.start * self.factor, out.stop * self.factor)


def _nearest(site: Site) -> Rule:
    (size,), out = site.sizes, (int(site.out.shape[-2]), int(site.out.shape[-1]))
    scales = (site.given(2, "scales_h", None), site.given(3, "scales_w", None))
    if _multiple(size, out):
        return Enlarged([target // side for side, target in zip(size, out, strict=True)], "nearest")
    return Nearest(size, out, scales)


def _bilinear(site: Site) -> Rule:
    (size,), out = site.sizes, (int(site.out.shape[-2]), int(site.out.shape[-1]))
    if site.given(2, "align_corners", False) or not _multiple(size, out):
        raise NoRule("to a size that is no whole multiple, or with align_corners")
    return Enlarged([target // side for side, target in zip(size, out, strict=True)], "bilinear")


def _multiple(size: Size, out: Size) -> bool:
    return all(target % side == 0 for side, target in zip(size, out, strict=True))


RESIZING_RULES: Mapping[str, Callable[[Site], Rule]] = {
    "upsample_nearest2d": _nearest,
    "upsample_bilinear2d": _bilinear,
    "pixel_shuffle": lambda site: Shuffled(site.args[1]),
    "pixel_unshuffle": lambda site: Unshuffled(site.args[1]),
}
