"""Running a network by regions on tensors."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_style.tiling.executor import Executor, Using
from gan_style.tiling.graph import trace
from gan_style.tiling.plan import Plan, Planner, Speed
from gan_style.tiling.scratch import Scratch
from gan_style.tiling.spans import Region

ALL_WAIT, LITTLE_WAITS = Speed(1e8, 1e15), Speed(1e15, 1e3)  # machines on which it is best to compute nothing twice, and to keep nothing

PLAIN = Using()


def planned(function: Callable[..., Tensor], images: Sequence[Tensor], side: int, speed: Speed = ALL_WAIT, half: bool = False) -> Plan:
    """The plan for a network on images [1, C, H, W]."""
    graph = trace(function, [image.shape for image in images], images[0].device, images[0].dtype)
    return Planner(graph, half, speed).plan(side, 1e12)


def part_of(image: Tensor) -> Callable[[Region], Tensor]:
    """The image, to be read by regions."""
    return lambda region: image[..., region[0].start : region[0].stop, region[1].start : region[1].stop]


def run_plan(plan: Plan, images: Sequence[Tensor], folder: Path | None = None, using: Using = PLAIN) -> Tensor:
    """The translation of a plan."""
    result = torch.full(plan.graph.output.like.shape, float("nan"), dtype=images[0].dtype)

    def write(region: Region, values: Tensor) -> None:
        rows, columns = region
        result[..., rows.start : rows.stop, columns.start : columns.stop] = values

    Executor(plan, [part_of(image) for image in images], write, Scratch(folder), torch.device("cpu"), using).run()
    return result


def by_regions(function: Callable[..., Tensor], *images: Tensor, side: int, speed: Speed = ALL_WAIT) -> Tensor:
    """`function(*images)`, computed by regions of `side` pixels."""
    return run_plan(planned(function, images, side, speed), images)
