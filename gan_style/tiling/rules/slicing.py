"""Parts of an image, taken and put back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from gan_style.tiling.rules.channels import Pointwise
from gan_style.tiling.rules.padding import Gathered
from gan_style.tiling.rules.rule import Rule, Site, Size
from gan_style.tiling.spans import Region, Span


class Sliced(Gathered):
    """x[..., start::step] along one axis."""

    def __init__(self, sizes: Size, sliced: int, start: int, step: int) -> None:
        super().__init__(sizes)
        self.sliced, self.start, self.step = sliced, start, step

    def source(self, axis: int, out: np.ndarray) -> np.ndarray:
        return out * self.step + self.start if axis == self.sliced else out


class SliceScattered(Rule):
    """x[..., start:] = y along one axis, where y has `length` positions there."""

    def __init__(self, scattered: int, start: int, length: int) -> None:
        self.scattered, self.at = scattered, Span(start, start + length)

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        if place == 0 or axis != self.scattered:
            return out
        return out.shifted(-self.at.start).clipped(size)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        x: Tensor = args[0].clone()
        there = out[self.scattered]
        inside = Span(max(there.start, self.at.start), min(there.stop, self.at.stop))
        if inside.length > 0:
            axis = x.dim() - 2 + self.scattered
            y = args[1].narrow(axis, inside.start - self.at.start - have[1][self.scattered].start, inside.length)
            x.narrow(axis, inside.start - there.start, inside.length).copy_(y)
        return x


def _slice(site: Site) -> Rule:
    axis, start, step = _place(site, 1)
    return Pointwise() if axis is None else Sliced(site.sizes[0], axis, start, step)


def _slice_scatter(site: Site) -> Rule:
    axis, start, step = _place(site, 2)
    if axis is None:
        return Pointwise()
    if step != 1:
        from gan_style.tiling.rules.rule import NoRule

        raise NoRule("with steps")
    return SliceScattered(axis, start, site.sizes[1][axis])


def _place(site: Site, first: int) -> tuple[int | None, int, int]:
    """The axis of the image (None: another dimension), the start and the step of a slice whose dimension is argument `first`."""
    rank = site.args[0].dim()
    dim = site.given(first, "dim", 0) % rank
    if dim < rank - 2:
        return None, 0, 1
    size = site.args[0].shape[dim]
    start = site.given(first + 1, "start", None) or 0
    return dim - (rank - 2), max(0, start + size if start < 0 else start), site.given(first + 3, "step", 1)


SLICING_RULES: Mapping[str, Callable[[Site], Rule]] = {"slice.Tensor": _slice, "slice_scatter": _slice_scatter}
