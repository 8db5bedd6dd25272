"""The number of loading processes."""

import os
from typing import Literal

_MOST = 8  # more would wait for the network that trains


def loading_processes(workers: int | Literal["auto"]) -> int:
    """`data.workers` as a number. `auto`: the cores of each training process on this machine but one; at least 1, at most 8."""
    if workers != "auto":
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    beside = os.environ.get("LOCAL_WORLD_SIZE", "")  # torchrun's, accelerate's: training processes on this machine
    return min(_MOST, max(1, cores // max(1, int(beside) if beside.isdecimal() else 1) - 1))
