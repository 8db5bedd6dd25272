"""Inspecting many files in several processes. A file that ends its process is found, and the others are inspected all the same."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from gan_style.errors import UserError
from gan_style.files.bounded import Encoded
from gan_style.terminal.progress import Progress

Load = Callable[[], Path | Encoded]
T = TypeVar("T")


def inspect_all(
    loads: Mapping[str, Load], workers: int | None, inspect: Callable[[Path | Encoded], T], failed: Callable[[str], T]
) -> dict[str, T]:
    """Name -> the findings about its file.

    workers: number of processes; None takes every core that this process may use
    inspect: the findings about a file; failed: those about one that cannot be inspected, from why
    """
    cores = workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    facts: dict[str, T] = {}
    names = sorted(loads)
    at_once = 32 * cores  # images from tables wait in memory
    with ExitStack() as stack, Progress("reading", "files", len(names)) as progress:
        pool = stack.enter_context(ProcessPoolExecutor(cores))
        for start in range(0, len(names), at_once):
            found: dict[str, Path | Encoded] = {}
            for name in names[start : start + at_once]:
                try:
                    found[name] = loads[name]()
                except UserError as mistake:
                    facts[name] = failed(str(mistake))
            try:
                facts.update(list(zip(found, pool.map(inspect, found.values(), chunksize=4), strict=True)))
            except BrokenProcessPool:  # find the file that crashed it
                facts.update({name: _inspect_alone(image, inspect, failed) for name, image in found.items()})
                pool = stack.enter_context(ProcessPoolExecutor(cores))
            progress.update(min(at_once, len(names) - start))
    return facts


def _inspect_alone(image: Path | Encoded, inspect: Callable[[Path | Encoded], T], failed: Callable[[str], T]) -> T:
    """`inspect` in a separate process, which the file may crash."""
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(inspect, image).result()
        except BrokenProcessPool:
            return failed(f"{image}: the process that decoded it was killed or crashed; scale it down, or remove it")
