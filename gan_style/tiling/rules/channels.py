"""Operators that leave positions where they are: pointwise ones, and those over channels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from gan_style.tiling.rules.rule import NoRule, Rule, Site
from gan_style.tiling.spans import Region, Span


class Pointwise(Rule):
    """Each position of the output needs the same position of the inputs."""

    def needs(self, axis: int, out: Span, size: int, place: int) -> Span:
        return out


class Shaped(Pointwise):
    """An operator with the output's shape as argument `place`; height and width are the last two dimensions before and after.

    shape: of the output for the whole image; other: runs in the operator's place
    """

    def __init__(self, place: int, shape: Sequence[int], other: Callable[..., Any] | None = None) -> None:
        self.place, self.front, self.other = place, tuple(shape[:-2]), other

    def run(self, operator: Callable[..., Any], args: list[Any], keywords: Mapping[str, Any], out: Region, have: Sequence[Region]) -> Any:
        args = list(args)
        args[self.place] = [*self.front, out[0].length, out[1].length]
        return (self.other or operator)(*args, **keywords)


def _pointwise(site: Site) -> Rule:
    if any(size != tuple(site.out.shape[-2:]) for size in site.sizes):
        raise NoRule("it changes height or width")
    return Pointwise()


def _over(place: int, name: str = "dim", default: Any = 0, of_result: bool = False) -> Callable[[Site], Rule]:
    """An operator over the dimensions that argument `place` names. of_result: they are counted in the result, which has one more."""

    def rule(site: Site) -> Rule:
        dims = site.given(place, name, default)
        rank = (site.out.dim() if of_result else _rank(site)) if dims is not None else 0
        chosen = [dims] if isinstance(dims, int) else list(dims or [])
        if not chosen or any(dim % rank >= rank - 2 for dim in chosen):
            raise NoRule("over height or width")
        return Pointwise()

    return rule


def _rank(site: Site) -> int:
    first = site.args[0]
    return (first[0] if isinstance(first, list | tuple) else first).dim()


def _shaped(site: Site) -> Rule:
    if site.args[0].shape[-2:] != site.out.shape[-2:]:
        raise NoRule("it mixes height or width with other dimensions")
    return Shaped(1, site.out.shape, None if site.name == "expand" else torch.reshape)  # a region's memory may not allow a view


def _filled(site: Site) -> Rule:
    return Shaped(0, site.out.shape)


def _transposed(site: Site) -> Rule:
    rank = site.out.dim()
    if any(dim % rank >= rank - 2 for dim in site.args[1:3]):
        raise NoRule("it moves height or width")
    return Pointwise()


def _permuted(site: Site) -> Rule:
    rank = len(site.args[1])
    if [dim % rank for dim in site.args[1][-2:]] != [rank - 2, rank - 1]:
        raise NoRule("it moves height or width")
    return Pointwise()


CHANNEL_RULES: Mapping[str, Callable[[Site], Rule]] = {
    **dict.fromkeys(
        ("clone", "alias", "detach", "_to_copy", "copy", "zero", "zeros_like", "ones_like", "full_like", "empty_like", "lift_fresh_copy"),
        _pointwise,
    ),
    **dict.fromkeys(("cat", "select.int", "scatter.value", "scatter.src", "gather", "index_select", "_softmax", "cumsum"), _over(1)),
    **dict.fromkeys(("sum.dim_IntList", "mean.dim", "amax", "amin", "min.dim", "max.dim", "argmin", "argmax"), _over(1, default=None)),
    **dict.fromkeys(("var.correction", "var_mean.correction", "squeeze.dim", "squeeze.dims", "_log_softmax", "flip"), _over(1)),
    "linalg_vector_norm": _over(2, default=None),
    **dict.fromkeys(("unsqueeze", "stack"), _over(1, of_result=True)),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "expand"), _shaped),
    **dict.fromkeys(("empty.memory_format", "zeros", "ones", "full"), _filled),
    "permute": _permuted,
    "transpose.int": _transposed,
}
