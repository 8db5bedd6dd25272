"""A network on an image that is too large for it at once: whether it is, the plan, and the work."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.errors import UserError
from gan_style.machine.allocator import keeping_freed_memory
from gan_style.machine.free_memory import free_memory
from gan_style.terminal.progress import duration
from gan_style.tiling.executor import Executor, Source, Using
from gan_style.tiling.graph import Statistics, trace
from gan_style.tiling.plan import Plan, Planner, Speed, whole_bytes
from gan_style.tiling.rules.rule import Size
from gan_style.tiling.scratch import Scratch
from gan_style.tiling.spans import Region, cut, whole
from gan_style.tiling.statistics import Moments

_REGION = 192 * 2**20  # bytes of a region on a CPU: larger ones leave its caches
_ON_GPU = 2 * 2**30  # on a GPU, where large regions keep it busy
_SHORT = 60.0  # seconds of work that need not outlive the process
_WORK = 2e11  # floating-point operations a second of a small machine
_DISK = 5e8  # bytes a second of a file
_RAM = 4e9
_MOST_BYTES = 4096  # for one pixel at once; a residual generator takes 800
SMALL = 2**20  # pixels that every machine has memory for


@dataclass(frozen=True)
class Tiling:
    """How images are translated by regions.

    tile: side of the regions in pixels; None: chosen by memory; 0: none, images are translated whole
    max_memory: bytes for the work; None: half of what is free
    scratch: folder for what waits; None: memory if it has room, else the folder that the caller offers
    half: what waits has 16 bits
    local: statistics of cells of `cell` pixels, interpolated
    """

    tile: int | None = None
    max_memory: int | None = None
    scratch: Path | None = None
    half: bool = False
    local: bool = False
    cell: int = 256

    @property
    def memory(self) -> int:
        """Bytes for the work on the CPU."""
        return self.max_memory or free_memory() // 2


@dataclass
class TiledNetwork:
    """`function`, a network, on images of these shapes [1, C, H, W].

    given: makes the statistics that are not measured, from those of the network
    `UserError` if the network cannot be computed by regions.
    """

    function: Callable[..., Tensor]
    shapes: Sequence[Sequence[int]]
    device: torch.device
    tiling: Tiling
    dtype: torch.dtype = torch.float32
    given: Callable[[Sequence[Statistics]], Mapping[Statistics, Moments]] = lambda nodes: {}
    weights: Callable[[Region, Size], Tensor] | None = None
    moments: dict[Statistics, Moments] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = trace(self.function, [tuple(shape) for shape in self.shapes], self.device, self.dtype)
        self.using = Using(dict(self.given(self.graph.statistics)), self.tiling.local, self.weights)

    @property
    def whole_bytes(self) -> float:
        """The memory that the image takes at once, in bytes."""
        return whole_bytes(self.graph)

    @property
    def cells(self) -> Size | None:
        height, width = self.shapes[0][-2:]
        side = self.tiling.cell
        return (max(1, round(height / side)), max(1, round(width / side))) if self.tiling.local else None

    def plan(self, on_disk: bool = False) -> Plan:
        """`UserError` if the memory is too small. on_disk: what waits lies in files in any case

        The plan is a function of the image and of the options, so that another start can go on: the measured speed decides nothing.
        """
        limit = min(self.tiling.memory / 2, _REGION) if self.device.type == "cpu" else min(_device_memory(self.device) / 4, _ON_GPU)
        if self.tiling.tile:
            limit = self.tiling.memory
        plan = self._planned(_DISK, limit)
        if self.tiling.tile and plan.region_bytes > limit:
            taken = f"a region takes {plan.region_bytes / 2**20:.0f} MiB, more than --max-memory"
            raise UserError(f"--tile {self.tiling.tile}: {taken}; take smaller regions")
        room = self.tiling.memory / 2
        bytes_a_second = _DISK
        if not on_disk and self.tiling.scratch is None and plan.work / _WORK < _SHORT:
            in_memory = self._planned(_RAM, limit)
            if in_memory.held < room:
                plan, bytes_a_second, in_memory.in_memory = in_memory, _RAM, True
        plan.seconds = plan.work / _measured_work(self.device) + plan.moved / bytes_a_second
        return plan

    def _planned(self, bytes_a_second: float, limit: float) -> Plan:
        planner = Planner(self.graph, self.tiling.half, Speed(_WORK, bytes_a_second), self.using.given, self.cells)
        return planner.plan(self.tiling.tile or None, limit)

    def run(
        self,
        plan: Plan,
        pictures: Sequence[Source],
        write: Callable[[Region, Tensor], None],
        scratch: Scratch,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Compute the translation; `write` takes its regions [1, C, h, w]. done: called after each region"""
        executor = Executor(plan, pictures, write, scratch, self.device, self.using, done)
        with keeping_freed_memory():
            executor.run()
        self.moments = {node: executor.moments[node] for node in self.graph.statistics}


def by_regions(function: Callable[..., Tensor], images: Sequence[Tensor], device: torch.device, tiling: Tiling) -> Tensor | None:
    """`function(*images)`, images [1, C, H, W] of any device, by regions and in memory; None if the images are not too large for it.

    The result [1, C', H, W] is float32 on the CPU.
    """
    pixels = prod(images[0].shape[-2:])
    if tiling.tile == 0 or (tiling.tile is None and (pixels <= SMALL or pixels * _MOST_BYTES < available(device, tiling))):
        return None
    try:
        network = TiledNetwork(function, [image.shape for image in images], device, tiling)
    except UserError:
        if tiling.tile is None:  # the whole image may fit
            return None
        raise
    if tiling.tile is None and network.whole_bytes < available(device, tiling):
        return None
    result = torch.empty(network.graph.output.like.shape)

    def write(region: Region, values: Tensor) -> None:
        cut(result, whole(*result.shape[-2:]), region).copy_(values)

    sources = [_part_of(image) for image in images]
    network.run(network.plan(), sources, write, Scratch(None))
    return result


def bytes_per_pixel(function: Callable[..., Tensor], channels: int, device: torch.device) -> float:
    """The memory that a network takes at once, for one pixel of its image."""
    side = 1024
    return whole_bytes(trace(function, [(1, channels, side, side)], device, torch.float32)) / side**2


def available(device: torch.device, tiling: Tiling) -> float:
    """The memory that an image may take at once, in bytes."""
    return tiling.memory if device.type == "cpu" else 0.9 * _device_memory(device)


def said(plan: Plan, size: Size, whole: float) -> str:
    """The plan in words."""
    height, width = size
    where = "memory" if plan.in_memory else "scratch files"
    return (
        f"{width} x {height} pixels by regions (at once they take {whole / 2**30:.1f} GiB): "
        f"{plan.regions} regions in {len(plan.passes)} passes, "
        f"{plan.region_bytes / 2**20:.0f} MiB a region, up to {plan.held / 2**30:.1f} GiB in {where}, about {duration(plan.seconds)}"
    )


def check_disk(folder: Path, needed: float) -> None:
    """`UserError` if the disk has no room for `needed` bytes in the folder, which may hold some already, or may not exist."""
    held = sum(512 * file.stat().st_blocks for file in folder.iterdir()) if folder.is_dir() else 0
    free = shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free + held
    if free < needed:
        raise UserError(
            f"{folder}: the scratch files take {needed / 2**30:.1f} GiB, and its disk has {free / 2**30:.1f} GiB; "
            "give --scratch on another disk, or take --scratch-precision half"
        )


def _device_memory(device: torch.device) -> float:
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else float(free_memory())


def _part_of(image: Tensor) -> Source:
    def part(region: Region) -> Tensor:
        return cut(image, whole(*image.shape[-2:]), region)

    return part


def _measured_work(device: torch.device) -> float:
    """Floating-point operations a second of a convolution, to estimate the time."""
    if device.type != "cpu":
        return 1e13
    x, weight = torch.zeros(1, 64, 64, 64), torch.zeros(64, 64, 3, 3)
    least = float("inf")
    with torch.inference_mode():
        for _ in range(4):
            begin = time.perf_counter()
            F.conv2d(x, weight, padding=1)
            least = min(least, time.perf_counter() - begin)
    return 2 * weight.numel() * 64 * 64 / least
