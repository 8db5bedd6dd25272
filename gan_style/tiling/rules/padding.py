"""Operators that take each output from one input, elsewhere: paddings."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.tiling.rules.rule import NoRule, Rule, Site, bordered
from gan_style.tiling.spans import Region, Span


class Gathered(Rule):
    """Output i is input source(i), along each axis."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes  # of the input

    @abstractmethod
    def source(self, axis: int, out: np.ndarray) -> np.ndarray:
        """The inputs of the outputs `out`, each in 0, ..., size - 1."""

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        source = self.source(axis, np.arange(out.start, out.stop))
        return Span(int(source.min()), int(source.max()) + 1)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        x: Tensor = args[0]
        for axis in (0, 1):
            source = self.source(axis, np.arange(out[axis].start, out[axis].stop)) - have[0][axis].start
            if len(source) != have[0][axis].length or (source[1:] - source[:-1] != 1).any():
                x = x.index_select(x.dim() - 2 + axis, torch.from_numpy(source).to(x.device))
        return x


class ReflectionPad(Gathered):
    """Mirrored at the border, without the border itself."""

    mode = "reflect"

    def __init__(self, sizes: Sequence[int], before: Sequence[int]) -> None:
        super().__init__(sizes)
        self.before = before

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        (top, bottom), (left, right) = (out[axis].shifted(-self.before[axis]).missing(have[0][axis]) for axis in (0, 1))
        if not any((top, bottom, left, right)):
            return args[0]
        height, width = args[0].shape[-2:]
        if min(top, bottom, left, right) >= 0 and max(top, bottom) < height and max(left, right) < width:
            return F.pad(args[0], (left, right, top, bottom), mode=self.mode)
        return super().run(operator, args, keywords, out, have)  # a region that lies in the border

    def source(self, axis: int, out: np.ndarray) -> np.ndarray:
        last = self.sizes[axis] - 1
        return last - np.abs(last - np.abs(out - self.before[axis]))


class ReplicationPad(ReflectionPad):
    """The border repeated."""

    mode = "replicate"

    def source(self, axis: int, out: np.ndarray) -> np.ndarray:
        return (out - self.before[axis]).clip(0, self.sizes[axis] - 1)


class ConstantPad(Rule):
    """A constant beyond the image; a negative amount cuts."""

    def __init__(self, before: Sequence[int], value: float) -> None:
        self.before, self.value = before, value

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        return out.shifted(-self.before[axis]).clipped(size)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        rows, columns = (out[axis].shifted(-self.before[axis]).missing(have[0][axis]) for axis in (0, 1))
        return bordered(args[0], rows, columns, self.value)


def _gathered(kind: type[ReflectionPad]) -> Callable[[Site], Rule]:
    def rule(site: Site) -> Rule:
        left, _, top, _ = site.args[1]
        return kind(site.sizes[0], (top, left))

    return rule


def _constant(site: Site) -> Rule:
    amounts = list(site.args[1])
    if any(amounts[4:]):
        raise NoRule("of channels")
    left, _, top, _ = (*amounts, 0, 0, 0, 0)[:4]
    return ConstantPad((top, left), site.given(2, "value", 0.0))


PADDING_RULES: Mapping[str, Callable[[Site], Rule]] = {
    "reflection_pad2d": _gathered(ReflectionPad),
    "replication_pad2d": _gathered(ReplicationPad),
    "constant_pad_nd": _constant,
}
