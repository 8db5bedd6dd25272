"""The graph of a network: its operators for an image of one size, each with the rule by which it is computed in regions.

torch traces the network on tensors that have a shape and no memory, so that an image of any size can be traced. What does not depend on
the image is computed at once. A statistic over all positions, as a normalisation takes it, is a node of its own: it must be complete before
the operators behind it can begin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from operator import getitem
from typing import Any, TypeVar

import torch
from torch import Tensor, fx

from gan_style.errors import UserError
from gan_style.networks.layers.normalisation import each_one_operator
from gan_style.tiling.reductions import REDUCTIONS, Reduction
from gan_style.tiling.rules import rule_of
from gan_style.tiling.rules.channels import Pointwise
from gan_style.tiling.rules.rule import Rule, Site, Size, name_of

T = TypeVar("T")

_AT_ONCE = 2**22  # largest number of values that a tensor without the image may have to be computed at once


@dataclass(eq=False, repr=False)
class Node:
    """A value of the graph.

    inputs: the nodes that it is computed of
    size: height and width of an image; None for what has no positions, such as a mean
    like: an empty tensor of its shape for the whole image, or of a tuple the first
    """

    name: str
    inputs: list["Node"]
    like: Tensor
    size: Size | None = None

    def __post_init__(self) -> None:
        self.channels: int = prod(self.like.shape[:-2])  # values of one position
        self.bytes: int = self.channels * self.like.element_size()  # of one position


@dataclass(eq=False, repr=False)
class Picture(Node):
    """Image `place` of those that the network is given."""

    place: int = 0


@dataclass(eq=False, repr=False)
class Fixed(Node):
    """A tensor that does not depend on the image, and has its height or width, or both."""

    value: Tensor = field(default_factory=lambda: torch.empty(0))


@dataclass(eq=False, repr=False)
class Statistics(Node):
    """Mean and variance of each channel of the image `inputs[0]` over all positions. number: of the statistic in its network"""

    number: int = 0


@dataclass(eq=False, repr=False)
class Operation(Node):
    """An operator. `args` and `keywords` hold nodes in the place of their values. rule: of an operator on images

    work: floating-point operations for one position
    """

    operator: Callable[..., Any] = lambda: None
    args: list[Any] = field(default_factory=list)
    keywords: Mapping[str, Any] = field(default_factory=dict)
    rule: Rule | None = None
    work: float = 0.0

    def given(self, values: Mapping[Node, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with values in the place of nodes."""

        def value_of(value: Any) -> Any:
            return values[value] if isinstance(value, Node) else value

        return _aggregated(self.args, value_of), _aggregated(self.keywords, value_of)

    @property
    def images(self) -> list[Node]:
        """The images among the inputs, in order; one that is given twice stands twice."""
        return [node for node in self.inputs if node.size is not None]


@dataclass
class Graph:
    """A network for one size. nodes: in the order in which they can be computed; output: the translation"""

    nodes: list[Node]
    pictures: list[Picture]
    output: Node

    @property
    def statistics(self) -> list[Statistics]:
        return [node for node in self.nodes if isinstance(node, Statistics)]


def trace(function: Callable[..., Tensor], shapes: Sequence[Sequence[int]], device: torch.device, dtype: torch.dtype) -> Graph:
    """The graph of `function`, a network, on images of these shapes [1, C, H, W]; what else it takes is bound in it.

    `UserError` for a network that cannot be computed by regions.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode  # these load torch's compiler
    from torch.fx.experimental.proxy_tensor import make_fx

    with FakeTensorMode(allow_non_fake_inputs=True), each_one_operator():
        images = [torch.empty(tuple(shape), dtype=dtype, device=device) for shape in shapes]
        plain = torch.func.functionalize(_without_gradients(function))
        traced = make_fx(plain, tracing_mode="fake", _allow_non_fake_inputs=True)(*images)
    traced.graph.eliminate_dead_code()
    return _Builder(traced).graph()


def _without_gradients(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(*images: Tensor) -> Tensor:
        with torch.no_grad():
            return function(*images)

    return call


class _Builder:
    """Makes a `Graph` of torch's."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced = traced
        self.made: dict[fx.Node, Any] = {}  # a Node, or a value that does not depend on the image
        self.nodes: list[Node] = []
        self.pictures: list[Picture] = []
        self.statistics: dict[Node, Statistics] = {}

    def graph(self) -> Graph:
        output: Any = None
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                self.made[node] = self._added(self._picture(node))
            elif node.op == "get_attr":
                self.made[node] = _attribute(self.traced, node.target)
            elif node.op == "call_function":
                self.made[node] = self._called(node)
            elif node.op == "output":
                output = self._made(node.args[0])
        if not isinstance(output, Node) or output.size is None:
            raise UserError("the network's result is not an image of its input; take --tile none")
        return Graph(_used(self.nodes, output), self.pictures, output)

    def _added(self, node: Any) -> Any:
        self.nodes.append(node)
        return node

    def _picture(self, node: fx.Node) -> Picture:
        like = node.meta["val"]
        picture = Picture(node.name, [], like, _size(like), len(self.pictures))
        self.pictures.append(picture)
        return picture

    def _called(self, node: fx.Node) -> Any:
        operator: Any = node.target
        like = node.meta["val"]
        args = list(_aggregated(node.args, self._made))
        keywords = {name: _aggregated(value, self._made) for name, value in node.kwargs.items()}
        given = _nodes([args, keywords])
        if not given:
            if not _found([args, keywords], Tensor) and isinstance(like, Tensor) and like.dim() >= 3 and like.numel() > _AT_ONCE:
                return self._image(node, operator, args, keywords, like)  # zeros of the image's size
            return operator(*args, **keywords)
        if operator is getitem:
            return self._item(node, given[0], int(args[1]), _first(like))
        if all(each.size is None for each in given):
            return self._added(Operation(node.name, given, _first(like), None, operator, args, keywords))
        reduction = REDUCTIONS.get(name_of(operator))
        if reduction is not None and (found := reduction(args, keywords)) is not None:
            return self._reduced(node, found, _first(like))
        return self._image(node, operator, args, keywords, like)

    def _made(self, value: Any) -> Any:
        return self.made[value] if isinstance(value, fx.Node) else value

    def _item(self, node: fx.Node, of: Node, place: int, like: Any) -> Node:
        """One of the results of an operator that has several."""
        if isinstance(of, Operation) and getattr(of.operator, "single", False):
            if place:
                raise UserError(f"the network reads a normalisation's statistics ({node.name}); take --tile none")
            return of
        rule = None if of.size is None else Pointwise()
        return self._added(Operation(node.name, [of], like, of.size, lambda values, number: values[number], [of, place], {}, rule))

    def _reduced(self, node: fx.Node, found: Reduction, like: Tensor) -> Node:
        """A normalisation, or a mean or a variance over all positions."""
        image: Node = found.image
        if found.fixed is None and image not in self.statistics:
            self.statistics[image] = self._added(Statistics(f"statistics of {image.name}", [image], image.like, None, len(self.statistics)))
        args = [self.statistics[image] if found.fixed is None else found.fixed, *found.args]
        if not found.normalises:
            return self._added(Operation(node.name, _nodes(args), like, None, found.function, args, {}))
        args = [image, *args]
        work = 8.0 * image.channels
        return self._added(Operation(node.name, _nodes(args), image.like, image.size, found.function, args, {}, Pointwise(), work))

    def _image(self, node: fx.Node, operator: Any, args: list[Any], keywords: dict[str, Any], like: Any) -> Node:
        first = _first(like)
        if operator is not torch.ops.aten.convolution.default:  # its weights have no positions
            pointwise = torch.Tag.pointwise in getattr(operator, "tags", ())
            args = _aggregated(args, lambda value: self._fixed(value, first, pointwise))
        given = _nodes([args, keywords])
        sizes = [each.size for each in given if each.size is not None]
        site = Site(operator, _aggregated(args, _like), _aggregated(keywords, _like), sizes, first)
        work = _work(operator, args, first)
        return self._added(Operation(node.name, given, first, _size(first), operator, args, keywords, rule_of(site), work))

    def _fixed(self, value: Any, out: Tensor, pointwise: bool) -> Any:
        """A tensor of the image's height or width as a node, of which an operator gets the part for its region."""
        if not isinstance(value, Tensor) or value.dim() < 2 - pointwise:
            return value
        sides = (1, *value.shape)[-2:]
        if sides == (1, 1) or any(side not in (1, wanted) for side, wanted in zip(sides, out.shape[-2:], strict=True)):
            return value
        return self._added(Fixed(f"fixed {len(self.nodes)}", [], out, _size(out), value if value.dim() > 1 else value[None]))


def _used(nodes: Sequence[Node], output: Node) -> list[Node]:
    """The nodes that the output needs."""
    needed = {output}
    for node in reversed(nodes):
        if node in needed:
            needed.update(node.inputs)
    return [node for node in nodes if node in needed]


def _nodes(values: Any) -> list[Node]:
    """The nodes in nested arguments, in order."""
    return _found(values, Node)


def _found(values: Any, kind: type[T]) -> list[T]:
    found: list[T] = []
    _aggregated(values, lambda value: found.append(value) if isinstance(value, kind) else None)
    return found


def _aggregated(values: Any, function: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and mappings with `function` of each value in its place."""
    if isinstance(values, list | tuple) and not hasattr(values, "_fields"):
        return [_aggregated(value, function) for value in values]
    if isinstance(values, dict):
        return {name: _aggregated(value, function) for name, value in values.items()}
    return function(values)


def _like(value: Any) -> Any:
    return value.like if isinstance(value, Node) else value


def _first(like: Any) -> Tensor:
    return like if isinstance(like, Tensor) else like[0]


def _size(like: Tensor) -> Size:
    return int(like.shape[-2]), int(like.shape[-1])


def _attribute(module: Any, path: Any) -> Any:
    for name in str(path).split("."):
        module = getattr(module, name)
    return module


def _work(operator: Any, args: Sequence[Any], out: Tensor) -> float:
    """Floating-point operations for one position of the output."""
    if operator is torch.ops.aten.convolution.default:
        taps = args[1].numel() / (args[3][0] * args[3][1] if args[6] else 1)
        return 2.0 * float(taps)
    return float(prod(out.shape[:-2]))
