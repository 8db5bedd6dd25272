"""Runs the passes of a plan, region by region."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.tiling.graph import Fixed, Graph, Node, Operation, Picture, Statistics
from gan_style.tiling.plan import Pass, Plan, needed_regions
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.scratch import Scratch, Waiting, from_rows, to_rows
from gan_style.tiling.spans import Region, Span, area, cut, part, whole
from gan_style.tiling.statistics import CellStatistics, Moments, measured, merged, moments_of, packed, unpacked

Source = Callable[[Region], Tensor]  # an image by regions, [1, C, h, w] in the type that the network takes


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


class Executor:
    """Computes the translation of a plan.

    pictures: the network's images; write: takes the translation [1, C, h, w] of each region
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
        finished = journal.read((Span(0, 1), Span(0, each.regions))).reshape(-1).copy()
        measuring = {
            node: self.scratch.waiting(f"statistics_{node.number:04d}", *each.grid, 1 + 2 * node.channels, torch.float64)
            for node in self.graph.statistics
            if node.inputs[0] in each.targets and node not in self.moments
        }
        for number in range(each.regions):
            if finished[number] != 1:
                self._region(each, number, measuring)
                journal.write((Span(0, 1), Span(number, number + 1)), np.ones((1, 1, 1), np.uint8))
            self.done()
        for node, records in measuring.items():
            self.moments[node] = unpacked(records.read(whole(*each.grid)))
            if self.using.weights is not None and self.moments[node].positions.sum() < 1:
                raise UserError("nothing counts in its mask; paint white where statistics are taken")

    def _region(self, each: Pass, number: int, measuring: Mapping[Statistics, Waiting]) -> None:
        regions = {target: region for target in each.targets if area(region := each.region(target, number))}
        needed = needed_regions(each.order, each.sources, regions)
        values = self._computed(each, needed)
        for node, records in measuring.items():
            image = node.inputs[0]
            value = values.get(image)
            records.write(each.cells_of(number), self._measured(node, each, number, value, needed.get(image)))
        for image in each.kept:
            if image in regions:
                self._waiting(image).write(regions[image], to_rows(cut(values[image], needed[image], regions[image])))
        if (output := self.graph.output) in regions and output in each.targets:
            self.write(regions[output], cut(values[output], needed[output], regions[output]))

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

    def _computed(self, each: Pass, needed: Mapping[Node, Region]) -> dict[Node, Any]:
        """The targets on their regions."""
        values: dict[Node, Any] = dict(self.figures)
        last = {image: node for node in each.order if node in needed and node not in each.sources for image in node.inputs}
        keep = set(each.targets)
        for node in each.order:
            if node in needed:
                values[node] = self._value(node, each, needed, values)
                for image in node.inputs if node not in each.sources else ():
                    if last[image] is node and image.size is not None and image not in keep:
                        values.pop(image, None)
        return values

    def _value(self, node: Node, each: Pass, needed: Mapping[Node, Region], values: Mapping[Node, Any]) -> Any:
        region = needed[node]
        if isinstance(node, Picture):
            return self.pictures[node.place](region).to(self.device).contiguous(memory_format=torch.channels_last)
        if node in each.sources:
            rows = self._waiting(node).read(region)
            return from_rows(rows, tuple(node.like.shape[:-2]), node.like.dtype, self.device)
        if isinstance(node, Fixed):
            return _cut_fixed(node.value, region)
        assert isinstance(node, Operation) and node.rule is not None
        have, cuts = [], dict(values)
        images = node.images
        for place, image in enumerate(images):
            assert image.size is not None
            wanted = node.rule.needs(0, region[0], image.size[0], place), node.rule.needs(1, region[1], image.size[1], place)
            have.append(wanted)
            if images.index(image) == place:
                cuts[image] = _cut(values[image], needed[image], wanted)
        if self.using.local and images:
            cuts |= {each: self._field(each)(region) for each in node.inputs if isinstance(each, Statistics)}
        args, keywords = node.given(cuts)
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
