"""run.json: what the report needs beside configuration and log: each start's machine, the players' losses, the length, the end."""

import json
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from gan_style.files import atomic
from gan_style.files.opening import read_regular
from gan_style.version import VERSION

FILE = "run.json"
_MAX_STARTS = 50
_MAX_BYTES = 1 << 20


class Start(BaseModel):
    """One start of the training command. step: the step after which it began; ended: what ended it early, else empty"""

    step: int = Field(ge=0, lt=2**53)
    time: float = Field(ge=0, lt=1e11)
    hardware: dict[str, str]
    ended: str = ""


class Record(BaseModel):
    """The content of run.json.

    steps: the length of the run; None while it is not known
    players: player -> names of its losses
    starts: the first one and the newest ones; more: the number of starts that were left out between them
    """

    steps: int | None = Field(default=None, ge=1, lt=2**53)
    players: dict[str, list[str]] = Field(default_factory=dict)
    starts: list[Start] = Field(default_factory=list)
    more: int = 0

    def start(self, step: int) -> None:
        """Note a start on this machine, now. If the previous start has no noted end, note that it ended without a word."""
        if self.starts and not self.starts[-1].ended and (self.steps is None or step < self.steps):
            self.starts[-1].ended = "without a word: killed, or the machine went down"
        self.starts.append(Start(step=step, time=time.time(), hardware=hardware()))
        if len(self.starts) > _MAX_STARTS:
            del self.starts[1]
            self.more += 1

    def play(self, players: Mapping[str, Sequence[str]]) -> None:
        """Note the names of each player's losses."""
        self.players |= {name: list(dict.fromkeys([*self.players.get(name, ()), *terms])) for name, terms in players.items()}

    def write(self, run_dir: Path) -> None:
        """Write run.json into a run folder."""
        atomic.write_text(run_dir / FILE, self.model_dump_json(indent=1) + "\n")


def read_record(run_dir: Path) -> Record:
    """The record of a run folder; an empty one if run.json is missing or damaged."""
    try:
        return Record.model_validate(json.loads(read_regular(run_dir / FILE, _MAX_BYTES)))
    except (OSError, ValueError, RecursionError):
        return Record()


def hardware() -> dict[str, str]:
    """The machine and the software that this process runs on."""
    import torch  # slow to load: not needed to read a record

    from gan_style.machine.device import choose_device

    facts = {"CPU": f"{_processor()}, {os.cpu_count()} cores"}
    if memory := _memory():
        facts["memory"] = _gibibytes(memory)
    device = choose_device()
    if device.type == "mps":
        facts["GPU"] = "Apple, by Metal"
    if device.type == "cuda":
        devices = [torch.cuda.get_device_properties(place) for place in range(torch.cuda.device_count())]
        names = [f"{device.name} ({_gibibytes(device.total_memory)})" for device in devices]
        facts["GPU"] = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
    facts["processes"] = os.environ.get("WORLD_SIZE", "1")
    facts["system"] = f"{platform.system()} {platform.machine()}"
    facts["software"] = f"gan_style {VERSION}, torch {torch.__version__}, Python {sys.version.split()[0]}"
    return facts


def _processor() -> str:
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> int:
    """Bytes of main memory; 0 if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.0f} GiB"
