"""Windows that move over the image: convolutions, transposed convolutions, poolings."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.tiling.rules.rule import NoRule, Rule, Site, bordered
from gan_style.tiling.spans import Region, Span


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return values[0], values[-1]


class Windows(Rule):
    """Output i sees the inputs i * stride - padding, ..., each `dilation` apart. Beyond the image there is `border`."""

    border = 0.0

    def __init__(self, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int] = (1, 1)) -> None:
        self.reach = [dilated * (side - 1) + 1 for side, dilated in zip(_pair(kernel), _pair(dilation), strict=True)]
        self.kernel, self.stride, self.padding, self.dilation = _pair(kernel), _pair(stride), _pair(padding), _pair(dilation)

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        return self._seen(axis, out).clipped(size)

    def _seen(self, axis: int, out: Span) -> Span:
        """The inputs that the span sees, with those beyond the image."""
        first = out.start * self.stride[axis] - self.padding[axis]
        return Span(first, first + (out.length - 1) * self.stride[axis] + self.reach[axis])

    def bordered(self, x: Tensor, out: Region, have: Region, border: float) -> Tensor:
        """x, which covers `have`, with `border` in place of what the region sees beyond the image."""
        rows, columns = (self._seen(axis, out[axis]).missing(have[axis]) for axis in (0, 1))
        return bordered(x, rows, columns, border)


class Convolution(Windows):
    """`aten.convolution` that is not transposed."""

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        x = self.bordered(args[0], out, have[0], 0.0)
        return F.conv2d(x, args[1], args[2], self.stride, 0, self.dilation, args[8])


class TransposedConvolution(Rule):
    """Input i adds to the outputs i * stride - padding, ..., each `dilation` apart."""

    def __init__(self, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]) -> None:
        self.reach = [dilated * (side - 1) + 1 for side, dilated in zip(_pair(kernel), _pair(dilation), strict=True)]
        self.stride, self.padding, self.dilation = _pair(stride), _pair(padding), _pair(dilation)

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        stride, padding = self.stride[axis], self.padding[axis]
        return Span(-((self.reach[axis] - 1 - padding - out.start) // stride), (out.stop - 1 + padding) // stride + 1).clipped(size)

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        made = [  # where the outputs of these inputs lie
            Span(there.start * stride - padding, (there.stop - 1) * stride - padding + reach)
            for there, stride, padding, reach in zip(have[0], self.stride, self.padding, self.reach, strict=True)
        ]
        ahead = [(there.start - wanted.start, wanted.stop - there.stop) for there, wanted in zip(made, out, strict=True)]
        short = any(side > 0 for sides in ahead for side in sides)  # no input adds to some outputs: they are the bias alone
        y = F.conv_transpose2d(args[0], args[1], None if short else args[2], self.stride, 0, 0, args[8], self.dilation)
        y = bordered(y, ahead[0], ahead[1], 0.0)
        return y if not short or args[2] is None else y + args[2][:, None, None]


class AveragePool(Windows):
    """`aten.avg_pool2d`. inside: positions beyond the image do not count"""

    def __init__(self, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], inside: bool) -> None:
        super().__init__(kernel, stride, padding)
        self.inside = inside

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        x = self.bordered(args[0], out, have[0], 0.0)
        y = F.avg_pool2d(x, self.kernel, self.stride)
        if x is args[0] or not self.inside:
            return y
        there = self.bordered(torch.ones_like(args[0][:1, :1]), out, have[0], 0.0)
        return y / F.avg_pool2d(there, self.kernel, self.stride)


class MaxPool(Windows):
    """`aten.max_pool2d_with_indices`. The indices, which nobody reads at inference, are left out."""

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        return (F.max_pool2d(self.bordered(args[0], out, have[0], -inf), self.kernel, self.stride, 0, self.dilation),)


def _convolution(site: Site) -> Rule:
    weight = site.args[1]
    if len(site.args[3]) != 2:
        raise NoRule("it is not over height and width")
    kind = TransposedConvolution if site.args[6] else Convolution
    return kind(weight.shape[2:], site.args[3], site.args[4], site.args[5])


def _average(site: Site) -> Rule:
    kernel = site.args[1]
    if site.given(4, "ceil_mode", False) or site.given(6, "divisor_override", None) is not None:
        raise NoRule("with ceil_mode or divisor_override")
    return AveragePool(
        kernel, site.given(2, "stride", ()) or kernel, site.given(3, "padding", 0), not site.given(5, "count_include_pad", True)
    )


def _max(site: Site) -> Rule:
    kernel = site.args[1]
    if site.given(5, "ceil_mode", False):
        raise NoRule("with ceil_mode")
    return MaxPool(kernel, site.given(2, "stride", ()) or kernel, site.given(3, "padding", 0), site.given(4, "dilation", 1))


def _adaptive(site: Site) -> Rule:
    """Pooling to a size that divides the image's."""
    (size,), out = site.sizes, site.out.shape[-2:]
    if any(side % target for side, target in zip(size, out, strict=True)):
        raise NoRule("to a size that does not divide the image's")
    kernel = [side // target for side, target in zip(size, out, strict=True)]
    return AveragePool(kernel, kernel, (0, 0), inside=False)


CONVOLUTION_RULES: Mapping[str, Callable[[Site], Rule]] = {
    "convolution": _convolution,
    "avg_pool2d": _average,
    "max_pool2d_with_indices": _max,
    "_adaptive_avg_pool2d": _adaptive,
}
