"""The plan of a translation by regions: its passes, what waits between them, the size of the regions, bytes and seconds.

A pass goes over the image region by region. It computes its targets: the images whose statistics are taken in it, those that wait for later
passes, and in the last one the translation. What a pass needs and what does not wait is computed again, from the nearest images that wait.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import NamedTuple

from gan_style.errors import UserError
from gan_style.tiling.graph import Fixed, Graph, Node, Operation, Picture, Statistics
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.spans import Region, Span, area, joined, part

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 192, 128, 96, 64)  # of regions, in pixels of the image
_MEASURE = 512  # side of the region with which costs are compared


@dataclass(frozen=True)
class Speed:
    """What the machine does in a second: floating-point operations, and bytes that are written to what waits, or read from it."""

    work: float = 1e11
    bytes: float = 1e9


@dataclass
class Pass:
    """One pass over the image.

    targets: the images that it computes everywhere; kept: those of them that wait for later passes
    order: the nodes that it needs; sources: those of them that it reads, pictures and images that wait
    rows, columns: of its regions; cells: rows and columns of cells, of which each region has whole ones; None: regions are free
    """

    number: int
    targets: list[Node]
    kept: list[Node]
    order: list[Node]
    sources: list[Node]
    rows: int = 1
    columns: int = 1
    cells: Size | None = None

    @property
    def regions(self) -> int:
        return self.rows * self.columns

    def region(self, node: Node, number: int) -> Region:
        """Region `number` of a target; it may be empty."""
        assert node.size is not None
        (rows, columns), (down, across) = self.cells_of(number), self.grid
        return part(node.size[0], rows, down), part(node.size[1], columns, across)

    @property
    def grid(self) -> Size:
        """Rows and columns of the cells: each region is one where there are no others."""
        return self.cells or (self.rows, self.columns)

    def cells_of(self, number: int) -> Region:
        """The cells of region `number`."""
        row, column = divmod(number, self.columns)
        return part(self.grid[0], Span(row, row + 1), self.rows), part(self.grid[1], Span(column, column + 1), self.columns)


@dataclass
class Plan:
    """graph: of the network; waiting: the images that wait; last_read: in which pass each is read for the last time

    work: floating-point operations; moved: bytes written to what waits and read from it; held: most bytes that wait at once
    region_bytes: most bytes of a region; seconds: estimated; in_memory: what waits lies in memory; names: of the images that wait
    """

    graph: Graph
    passes: list[Pass]
    waiting: list[Node]
    last_read: Mapping[Node, int]
    half: bool = False  # what waits has 16 bits
    cells: Size | None = None
    work: float = 0.0
    moved: float = 0.0
    held: float = 0.0
    region_bytes: float = 0.0
    seconds: float = 0.0
    in_memory: bool = False
    names: Mapping[Node, str] = field(default_factory=dict)

    @property
    def regions(self) -> int:
        return sum(each.regions for each in self.passes)

    @property
    def identity(self) -> str:
        """Equal for plans whose scratch files fit each other."""
        grids = [(each.number, each.rows, each.columns, [node.name for node in each.targets]) for each in self.passes]
        return str((grids, [self.names[node] for node in self.waiting], self.half, self.cells))


class Needs(NamedTuple):
    """What a region of the targets needs. regions: of each image; images: for each operation, the regions of the images that it reads"""

    regions: dict[Node, Region]
    images: dict[Node, list[Region]]


def needs_of(order: Sequence[Node], sources: Iterable[Node], targets: Mapping[Node, Region]) -> Needs:
    """targets: region of each; order: of computation; sources: need nothing themselves"""
    needs, given = Needs(dict(targets), {}), set(sources)
    for node in reversed(order):
        if node not in needs.regions or node in given or not isinstance(node, Operation) or node.rule is None:
            continue
        rows, columns = needs.regions[node]
        needs.images[node] = []
        for place, image in enumerate(node.images):
            assert image.size is not None
            region = node.rule.needs(0, rows, image.size[0], place), node.rule.needs(1, columns, image.size[1], place)
            needs.images[node].append(region)
            needs.regions[image] = joined(needs.regions[image], region) if image in needs.regions else region
    return needs


class Planner:
    """Chooses what waits, so that the time of all passes is least."""

    def __init__(self, graph: Graph, half: bool, speed: Speed, measured: Iterable[Statistics] = (), cells: Size | None = None) -> None:
        self.graph, self.half, self.speed, self.cells = graph, half, speed, cells
        self.known = set(measured)  # statistics that are given
        self.levels = _levels(graph, self.known)
        self.places = {node: place for place, node in enumerate(graph.nodes)}
        height, width = graph.output.size or (1, 1)
        self.rows, self.columns = max(1, round(height / _MEASURE)), max(1, round(width / _MEASURE))
        if cells is not None:
            self.rows, self.columns = min(self.rows, cells[0]), min(self.columns, cells[1])
        self._costs: dict[tuple[int, frozenset[Node]], float] = {}

    def plan(self, side: int | None, most: float) -> Plan:
        """side: of regions, in pixels; None chooses. most: bytes that a region may take"""
        waiting = self._chosen()
        passes = [self._pass(number, waiting) for number in range(self.levels[self.graph.output] + 1)]
        passes = [each for each in passes if each.targets]
        last = {node: max((each.number for each in passes if node in each.sources), default=-1) for node in waiting}
        plan = Plan(self.graph, passes, [node for node in self.graph.nodes if node in waiting], last, self.half, self.cells)
        plan.names = {node: f"{self.places[node]:04d}_{node.name}" for node in waiting}
        for each in passes:
            plan.region_bytes = max(plan.region_bytes, self._sized(each, side, most))
            work, moved = self._measured(each, each.rows, each.columns)
            plan.work, plan.moved = plan.work + work, plan.moved + moved
        plan.held = max(
            (sum(self._size(node) for node in waiting if self.levels[node] <= each.number <= last[node]) for each in passes), default=0.0
        )
        return plan

    def _chosen(self) -> set[Node]:
        """The images that wait. Each is left out for a try, and put back if that is slower."""
        end = self.levels[self.graph.output]
        readers: dict[Node, int] = {}
        for node in self.graph.nodes:
            for image in node.inputs:
                readers[image] = readers.get(image, 0) + 1
        sources = {each.inputs[0] for each in self.graph.statistics if each not in self.known}
        may: list[Node] = [
            node
            for node in self.graph.nodes
            if isinstance(node, Operation)
            and node.size is not None
            and self.levels[node] < end
            and (node in sources or readers.get(node, 0) > 1)
            if node.like.is_floating_point()
        ]
        chosen = set(may)
        costs = [self._cost(number, chosen) for number in range(end + 1)]
        for _ in range(2):
            for node in sorted(may, key=lambda node: (-self._size(node), self.places[node])):
                tried = chosen ^ {node}
                trial = [self._cost(number, tried) for number in range(end + 1)]
                if sum(trial) < sum(costs):
                    chosen, costs = tried, trial
        passes = [self._pass(number, chosen) for number in range(end + 1)]
        return {node for node in chosen if any(node in each.sources for each in passes)}

    def _size(self, node: Node) -> float:
        """Bytes of an image that waits."""
        assert node.size is not None
        return node.channels * node.size[0] * node.size[1] * self._itemsize(node)

    def _itemsize(self, node: Node) -> int:
        return min(node.like.element_size(), 2 if self.half else 8)

    def _pass(self, number: int, waiting: set[Node]) -> Pass:
        targets = list(
            dict.fromkeys(
                [each.inputs[0] for each in self.graph.statistics if each not in self.known and self.levels[each.inputs[0]] == number]
                + [node for node in waiting if self.levels[node] == number]
                + ([self.graph.output] if self.levels[self.graph.output] == number else [])
            )
        )
        needed, sources = set(targets), set[Node]()
        order: list[Node] = []
        for node in reversed(self.graph.nodes):
            if node not in needed:
                continue
            order.append(node)
            if isinstance(node, Picture) or (node in waiting and self.levels[node] < number):
                sources.add(node)
            else:
                needed.update(image for image in node.inputs if image.size is not None)
        order.reverse()
        targets.sort(key=self.places.__getitem__)
        kept = [node for node in targets if node in waiting]
        return Pass(number, targets, kept, order, [node for node in order if node in sources], cells=self.cells)

    def _cost(self, number: int, waiting: set[Node]) -> float:
        """Seconds of a pass."""
        key = number, frozenset(node for node in waiting if self.levels[node] <= number)
        if key not in self._costs:
            found = self._pass(number, waiting)
            work, moved = self._measured(found, self.rows, self.columns)
            self._costs[key] = work / self.speed.work + moved / self.speed.bytes
        return self._costs[key]

    def _measured(self, each: Pass, rows: int, columns: int) -> tuple[float, float]:
        """Work, and bytes moved, of a pass with regions of this size: those of a region in the middle, times their number."""
        if not each.targets:
            return 0.0, 0.0
        needed = self._needed(each, rows, columns)
        work = moved = 0.0
        for node in each.order:
            if node not in needed:  # where the image has fewer positions than regions
                continue
            if node in each.sources:
                moved += area(needed[node]) * node.channels * self._itemsize(node)
            elif isinstance(node, Operation):
                work += area(needed[node]) * node.work
        count = rows * columns
        return work * count, moved * count + sum(map(self._size, each.kept))

    def _needed(self, each: Pass, rows: int, columns: int) -> dict[Node, Region]:
        trial = replace(each, rows=rows, columns=columns)
        middle = rows // 2 * columns + columns // 2
        regions = {target: trial.region(target, middle) for target in each.targets}
        return needs_of(each.order, each.sources, {target: region for target, region in regions.items() if area(region)}).regions

    def _sized(self, each: Pass, side: int | None, most: float) -> float:
        """Set the regions of a pass to the largest that take at most `most` bytes, or to `side`. Returns their bytes."""
        height, width = self.graph.output.size or (1, 1)
        needed = 0.0
        for trial in SIDES if side is None else (side,):
            each.rows, each.columns = ceil(height / trial), ceil(width / trial)
            if self.cells is not None:  # a region is no smaller than a cell
                each.rows, each.columns = min(each.rows, self.cells[0]), min(each.columns, self.cells[1])
            needed = self._bytes(each)
            if needed <= most:
                return needed
        if side is not None:
            return needed
        taken = f"regions of {SIDES[-1]} pixels take {needed / 2**20:.0f} MiB"
        raise UserError(f"{taken}, more than the memory allowed; take a larger --max-memory")

    def _bytes(self, each: Pass) -> float:
        """The most bytes that a region takes at once, with the next one, which is read meanwhile, and the one before, which is written."""
        needed = self._needed(each, each.rows, each.columns)
        last: dict[Node, Node] = {}
        for node in each.order:
            if node in needed and node not in each.sources:
                last.update((image, node) for image in node.inputs)
        alive, most = dict[Node, float](), 0.0
        for node in each.order:
            if node not in needed or isinstance(node, Fixed):
                continue
            made = area(needed[node]) * node.bytes
            read = sum(alive.get(image, 0.0) for image in node.inputs) if node not in each.sources else 0.0
            alive[node] = made
            most = max(most, sum(alive.values()) + read + made)  # kernels copy what they read, and what they make, to another layout
            for image in [image for image in alive if last.get(image) is node or (image not in last and image not in each.targets)]:
                del alive[image]
        return most + sum(area(needed[node]) * node.bytes for node in (*each.sources, *each.targets) if node in needed)


def _levels(graph: Graph, known: set[Statistics]) -> dict[Node, int]:
    """How many passes must be complete before each node can be computed."""
    levels: dict[Node, int] = {}
    for node in graph.nodes:
        before = max((levels[each] for each in node.inputs), default=0)
        levels[node] = before + (isinstance(node, Statistics) and node not in known)
        if node in known:
            levels[node] = 0
    return levels


def whole_bytes(graph: Graph) -> float:
    """The most bytes that the whole image takes at once, as the network computes it."""
    last = {image: node for node in graph.nodes for image in node.inputs}
    alive, most = dict[Node, float](), 0.0
    for node in graph.nodes:
        if node.size is None or isinstance(node, Fixed):
            continue
        alive[node] = node.size[0] * node.size[1] * node.bytes
        most = max(most, sum(alive.values()) + alive[node])  # kernels copy to another layout
        for image in [image for image in alive if last.get(image) is node]:
            del alive[image]
    return most
