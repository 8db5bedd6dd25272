"""Runs the passes of a plan, region by region.

While this thread computes a region, one thread reads the next region, and one writes the region before.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.machine.batches import read_ahead
from gan_style.tiling.graph import Fixed, Graph, Node, Operation, Picture, Statistics
from gan_style.tiling.plan import Needs, Pass, Plan, needs_of
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.scratch import Scratch, Waiting, from_rows, to_rows
from gan_style.tiling.spans import Region, Span, area, cut, part, whole
from gan_style.tiling.statistics import CellStatistics, Moments, measured, merged, moments_of, packed, unpacked
from gan_style.types import to_floats

Source = Callable[[Region], Tensor]  # an image by regions, [1, C, h, w]: whole pixels, or values in the type that the network takes


@dataclass(frozen=True)
class Using:
    """Which statistics normalise.

    given: statistics from elsewhere, which are not measured
    local: those of the cells, interpolated between their centres, in place of those of the whole image (as in 2407.04245, but with cells
        that lie fixed in the image)
    weights: of positions in the statistics: a function of a region at a height and width that gives [h, w] in [0, 1]
    """

    given: Mapping[Statistics, Moments] = field(default_factory=dict)
    local: bool = False
    weights: Callable[[Region, Size], Tensor] | None = None


@dataclass
class _Work:
    """A pass, its journal of finished regions, the moments that it measures, and the images that wait, by node."""

    of: Pass
    journal: Waiting
    measuring: Mapping[Statistics, Waiting]
    waiting: Mapping[Node, Waiting]


@dataclass
class _Region:
    """A region on its way: number and part of each target; `values` of its sources, then of its targets; the moments of its cells."""

    number: int
    targets: Mapping[Node, Region]
    needs: Needs
    values: dict[Node, Any]
    moments: dict[Statistics, np.ndarray] = field(default_factory=dict)


class Executor:
    """Computes the translation of a plan.

    pictures: the network's images; each is read in one thread
    write: takes the translation [1, C, h, w] of each region, in one other thread
    done: called after each region
    moments: of each statistic, of each cell, once they are known
    """

    def __init__(
        self,
        plan: Plan,
        pictures: Sequence[Source],
        write: Callable[[Region, Tensor], None],
        scratch: Scratch,
        device: torch.device,
        using: Using = Using(),
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan, self.pictures, self.write, self.scratch, self.device, self.done = plan, pictures, write, scratch, device, done
        self.using = using
        self.graph: Graph = plan.graph
        self.figures: dict[Node, Any] = {}  # values without positions
        self.moments: dict[Statistics, Moments] = dict(using.given)
        self._fields: dict[Statistics, CellStatistics] = {}

    @torch.inference_mode()
    def run(self) -> None:
        """All passes, those regions left out that an earlier process has finished."""
        self._know()
        for each in self.plan.passes:
            self._run(each)
            self._know()
            for node, last in self.plan.last_read.items():
                if last == each.number:
                    self.scratch.forget(self.plan.names[node])

    def _run(self, each: Pass) -> None:
        journal = self.scratch.waiting(f"pass_{each.number:04d}", 1, each.regions, 1, torch.uint8)
        finished = journal.read((Span(0, 1), Span(0, each.regions))).reshape(-1)
        measuring = {
            node: self.scratch.waiting(f"statistics_{node.number:04d}", *each.grid, 1 + 2 * node.channels, torch.float64)
            for node in self.graph.statistics
            if node.inputs[0] in each.targets and node not in self.moments
        }
        work = _Work(each, journal, measuring, {image: self._waiting(image) for image in (*each.sources, *each.kept) if image.inputs})
        todo = [number for number in range(each.regions) if finished[number] != 1]
        for _ in range(each.regions - len(todo)):
            self.done()
        with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
            written: Future[None] | None = None
            for _, ahead in read_ahead(lambda number: self._read(work, number), todo, reading, ahead=2):
                region = ahead.result()
                del ahead  # it would hold what was read until the region is computed
                self._compute(work, region)
                self._settle(written)
                written = writing.submit(self._write, work, region)
            self._settle(written)
        for node, records in measuring.items():
            self.moments[node] = unpacked(records.read(whole(*each.grid)))
            if self.using.weights is not None and self.moments[node].positions.sum() < 1:
                raise UserError("nothing counts in its mask; paint white where statistics are taken")

    def _settle(self, written: "Future[None] | None") -> None:
        """Wait until a region is written."""
        if written is not None:
            written.result()
            self.done()

    def _read(self, work: "_Work", number: int) -> "_Region":
        """Read what a region needs."""
        each = work.of
        targets = {target: region for target in each.targets if area(region := each.region(target, number))}
        needs = needs_of(each.order, each.sources, targets)
        values: dict[Node, Any] = {}
        for node in each.sources:
            if node in needs.regions:
                region = needs.regions[node]
                values[node] = self.pictures[node.place](region) if isinstance(node, Picture) else work.waiting[node].read(region)
        return _Region(number, targets, needs, values)

    def _compute(self, work: "_Work", region: "_Region") -> None:
        """Compute the targets of a region and the moments of its cells."""
        region.values = self._computed(work.of, region.needs, region.values)
        have = region.needs.regions
        for node in work.measuring:
            image = node.inputs[0]
            region.moments[node] = self._measured(node, work.of, region.number, region.values.get(image), have.get(image))

    @torch.inference_mode()
    def _write(self, work: "_Work", region: "_Region") -> None:
        """Write the targets of a region, and then in the journal that it is done."""
        have = region.needs.regions
        for node, records in work.measuring.items():
            records.write(work.of.cells_of(region.number), region.moments[node])
        for target, wanted in region.targets.items():
            value = cut(region.values[target], have[target], wanted)
            if target in work.of.kept:
                work.waiting[target].write(wanted, to_rows(value))
            if target is self.graph.output:
                self.write(wanted, value)
        work.journal.write((Span(0, 1), Span(region.number, region.number + 1)), np.ones((1, 1, 1), np.uint8))

    def _measured(self, node: Statistics, each: Pass, number: int, value: Tensor | None, have: Region | None) -> np.ndarray:
        """The moments of the cells of a region, [rows, columns, 1 + 2 C]. value: its image on the region `have`; None: it is empty"""
        (image,), (rows, columns) = node.inputs, each.cells_of(number)
        assert image.size is not None
        packs = np.zeros((rows.length, columns.length, 1 + 2 * node.channels))
        for row in range(rows.length):
            for column in range(columns.length):
                (down, across), (height, width) = each.grid, image.size
                top, left = rows.start + row, columns.start + column
                cell = part(height, Span(top, top + 1), down), part(width, Span(left, left + 1), across)
                if value is not None and have is not None and area(cell):
                    weights = None if self.using.weights is None else self.using.weights(cell, image.size).to(value.device)
                    packs[row, column] = packed(moments_of(cut(value, have, cell), weights))
        return packs

    def _computed(self, each: Pass, needs: Needs, read: dict[Node, Any]) -> dict[Node, Any]:
        """The targets on their regions. read: the sources, which are taken out of it"""
        values: dict[Node, Any] = dict(self.figures)
        last = {image: node for node in each.order if node in needs.regions and node not in each.sources for image in node.inputs}
        keep = set(each.targets)
        for node in each.order:
            if node in needs.regions:
                values[node] = self._sent(node, read.pop(node)) if node in read else self._value(node, needs, values)
                for image in node.inputs if node not in each.sources else ():
                    if last[image] is node and image.size is not None and image not in keep:
                        values.pop(image, None)
        return {target: values[target] for target in each.targets if target in values}

    def _sent(self, node: Node, read: Any) -> Tensor:
        """A source on the device, in the type in which it is computed."""
        if isinstance(node, Picture):
            return to_floats(read.to(self.device)).to(node.like.dtype, memory_format=torch.channels_last)
        return from_rows(read, tuple(node.like.shape[:-2]), node.like.dtype, self.device)

    def _value(self, node: Node, needs: Needs, values: Mapping[Node, Any]) -> Any:
        region = needs.regions[node]
        if isinstance(node, Fixed):
            return _cut_fixed(node.value, region)
        assert isinstance(node, Operation) and node.rule is not None
        given = {each: values[each] for each in node.inputs if each in values}
        have = needs.images[node]
        for image, wanted in zip(reversed(node.images), reversed(have), strict=True):  # of one that is given twice, the first place counts
            given[image] = _cut(values[image], needs.regions[image], wanted)
        if self.using.local and have:
            given |= {each: self._field(each)(region) for each in node.inputs if isinstance(each, Statistics)}
        args, keywords = node.given(given)
        return node.rule.run(node.operator, args, keywords, region, have)

    def _waiting(self, node: Node) -> Waiting:
        assert node.size is not None
        dtype = torch.float16 if self.plan.half and node.like.dtype.itemsize > 2 else node.like.dtype
        return self.scratch.waiting(self.plan.names[node], *node.size, node.channels, dtype)

    def _field(self, node: Statistics) -> CellStatistics:
        """The statistics of cells, as a function of the region."""
        if node not in self._fields:
            (image,) = node.inputs
            assert image.size is not None and self.plan.cells is not None
            self._fields[node] = CellStatistics(self.moments[node], self.plan.cells, image.size, image.like, self.device)
        return self._fields[node]

    def _know(self) -> None:
        """Compute what has no positions as far as the statistics are complete."""
        for node in self.graph.nodes:
            if node.size is not None or node in self.figures:
                continue
            if isinstance(node, Statistics):
                if node in self.moments:
                    image = node.inputs[0]
                    self.figures[node] = measured(merged(self.moments[node]), image.like.shape, image.like.dtype, self.device)
            elif isinstance(node, Operation) and all(each in self.figures for each in node.inputs):
                args, keywords = node.given(self.figures)
                self.figures[node] = node.operator(*args, **keywords)


def _cut(value: Any, have: Region, want: Region) -> Any:
    return tuple(cut(each, have, want) for each in value) if isinstance(value, tuple) else cut(value, have, want)


def _cut_fixed(value: Tensor, region: Region) -> Tensor:
    for axis, span in enumerate(region, value.dim() - 2):
        if value.shape[axis] != 1:
            value = value.narrow(axis, span.start, span.length)
    return value
