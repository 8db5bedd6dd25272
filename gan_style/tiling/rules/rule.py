"""What a rule is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.tiling.spans import Region, Span

Size = tuple[int, int]  # height, width


class NoRule(Exception):
    """Why an operator has no rule, in words."""


@dataclass(frozen=True)
class Site:
    """An operator at its place in the graph of one image.

    operator: torch's, such as `torch.ops.aten.relu.default`
    args, keywords: what it is given; a tensor stands as an empty one of its shape
    sizes: height and width of the images among its arguments, in their order
    out: an empty tensor like its result
    """

    operator: Any
    args: Sequence[Any]
    keywords: Mapping[str, Any]
    sizes: Sequence[Size]
    out: Tensor

    @property
    def name(self) -> str:
        """Such as `relu` or `mean.dim`."""
        return name_of(self.operator)

    @property
    def pointwise(self) -> bool:
        return torch.Tag.pointwise in getattr(self.operator, "tags", ()) and all(size == self.out.shape[-2:] for size in self.sizes)

    def given(self, place: int, name: str, default: Any) -> Any:
        """An argument by its place or its name."""
        return self.args[place] if len(self.args) > place else self.keywords.get(name, default)


def name_of(operator: Any) -> str:
    """Such as `relu` or `mean.dim`."""
    return str(operator).removeprefix("aten.").removesuffix(".default")


def bordered(x: Tensor, rows: tuple[int, int], columns: tuple[int, int], value: float) -> Tensor:
    """x [..., h, w] with so many more positions of `value` before and behind; a negative amount cuts. Cutting may leave no old position."""
    amounts = (*columns, *rows)
    if not any(amounts):
        return x
    x = F.pad(x, [max(0, amount) for amount in amounts], value=value)
    for axis, (before, behind) in zip((-2, -1), (rows, columns), strict=True):
        x = x.narrow(axis, max(0, -before), x.shape[axis] - max(0, -before) - max(0, -behind))
    return x


class Rule(ABC):
    """How an operator computes a region of its output."""

    @abstractmethod
    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        """The positions that the span `out` of its output needs of image `place` among its arguments, in order.

        axis: 0 for rows, 1 for columns; size: of that image along the axis. The span lies in the image.
        """

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        """The region `out`. args: its arguments; each image among them covers its region of `have`, which is what `needs` says."""
        return operator(*args, **keywords)
