"""What a training of this process computes with."""

from dataclasses import dataclass
from pathlib import Path

import torch

from gan_style.machine.device import choose_device, multiplies_bf16
from gan_style.machine.free_memory import free_memory
from gan_style.terminal.counted import counted


@dataclass(frozen=True)
class Machine:
    """A device: `cpu`, `cuda` or `mps`; its name in words; its free memory in GiB.

    bf16: does it multiply bf16 faster than float32?; weights: files of pretrained weights in torch's cache
    """

    device: str
    name: str
    memory: float
    bf16: bool = False
    weights: frozenset[str] = frozenset()


def this_machine() -> Machine:
    """The device that training takes, as it is now."""
    device = choose_device()
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    weights = frozenset(path.name for path in cache.iterdir()) if cache.is_dir() else frozenset()
    if device.type == "cuda":
        name, free = torch.cuda.get_device_name(device), torch.cuda.mem_get_info(device)[0]
    else:
        name, free = "Apple's GPU" if device.type == "mps" else counted(torch.get_num_threads(), "thread"), free_memory()
    return Machine(device.type, name, free / 2**30, multiplies_bf16(device), weights)
