"""A page of results that grows while benchmarks run, within a time that is given."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Page:
    """The page, written anew after each part, and the time that is left for the next ones."""

    path: Path
    seconds: float
    folder: Path
    environment: dict[str, str]
    parts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    writing: threading.Lock = field(default_factory=threading.Lock)

    def left(self, share: float = 1.0) -> float:
        """The seconds that a part may take: a share of all, but no more than are left."""
        return min(share * self.seconds, self.seconds - (time.monotonic() - self.begun))

    def add(self, title: str, *lines: str) -> None:
        """Add a part."""
        with self.writing:
            self.parts.append("\n".join([f"## {title}", "", *lines, ""]))
            print(f"{time.monotonic() - self.begun:6.0f} s  {title}", flush=True)
            self.write()

    def write(self) -> None:
        """Write the page with what is known so far."""
        left = ["## Left out for want of time", "", *(f"- {each}" for each in self.left_out), ""] if self.left_out else []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join([*self.parts, *left]).rstrip() + "\n", encoding="utf-8")

    def run(self, command: Sequence[str | Path], seconds: float, **variables: str) -> tuple[int | None, str, str]:
        """A command's exit code, what it printed, and its errors. The code is None where `seconds` were not enough."""
        if seconds < 1:
            return None, "", ""
        said = Path(tempfile.mkdtemp(dir=self.folder))
        output, errors = said / "output", said / "errors"
        with started(command, self.folder, {**self.environment, **variables}, output, errors) as process:
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
        return code, output.read_text(errors="replace"), errors.read_text(errors="replace")


@contextmanager
def started(
    command: Sequence[str | Path], folder: Path, environment: dict[str, str], output: Path, errors: Path
) -> "Iterator[subprocess.Popen[bytes]]":
    """A running command, with all its processes ended at last."""
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def rows_of(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines]


def last_line(said: str) -> str:
    """The last line of a command's output that says something."""
    return next((line.strip()[:200] for line in reversed(said.splitlines()) if line.strip()), "nothing was printed")
