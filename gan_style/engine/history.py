"""A run's past as its folder tells it: the lines of metrics.jsonl and the sample grids, both in bounded size for any length of run."""

import base64
import functools
import io
import json
import math
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

MAX_POINTS = 1000  # more than a chart has pixels for
MAX_PICTURES = 12
MAX_PICTURE_BYTES = 200_000
_WHOLE_LOG_BYTES = 4 << 20  # a longer log is not read as a whole, but in samples
_MAX_LINE_BYTES = 1 << 16
_MAX_STEP = 2**53
_LARGEST = 3.4e38  # a float32 beyond this has diverged
_SIDES_AND_QUALITIES = ((1600, 88), (1600, 70), (1100, 70), (700, 60), (400, 50))


@dataclass(frozen=True)
class Picture:
    """A sample grid of one step. data: a data: URL; width, height: in pixels."""

    step: int
    data: str
    width: int
    height: int


def read_log(path: Path) -> list[dict[str, Any]]:
    """At most MAX_POINTS + 1 lines of metrics.jsonl, evenly spread, the newest always among them; torn lines are left out.

    Every line has an integer `step`, larger than the one before, and otherwise floats by name. A log of any length takes
    about the same time: of a long one, a line is read at each of MAX_POINTS evenly spaced places.
    """
    if not path.is_file():
        return []
    lines: list[dict[str, Any]] = []
    for raw in _raw_lines(path):
        line = _line(raw)
        if line and (not lines or line["step"] > lines[-1]["step"]):
            lines.append(line)
    every = math.ceil(len(lines) / MAX_POINTS)
    return lines if every <= 1 else [*lines[:-1:every], lines[-1]]


def _raw_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= _WHOLE_LOG_BYTES:
            yield from file.read(_WHOLE_LOG_BYTES).split(b"\n")
            return
        yield file.readline(_MAX_LINE_BYTES)
        for place in range(1, MAX_POINTS - 2):  # the first line and the last ones make it MAX_POINTS
            file.seek(size * place // MAX_POINTS)
            file.readline(_MAX_LINE_BYTES)  # the rest of a line
            yield file.readline(_MAX_LINE_BYTES)
        file.seek(size - _MAX_LINE_BYTES)
        yield from file.read(_MAX_LINE_BYTES).split(b"\n")[-3:]  # what follows the last line break is torn or empty


def _line(raw: bytes) -> dict[str, Any] | None:
    """One line's numbers; None for a line that is torn or is not of a log."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    step = line.get("step") if isinstance(line, dict) else None
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < _MAX_STEP:
        return None
    return {"step": step} | {key: _number(value) for key, value in line.items() if key != "step" and isinstance(value, int | float)}


def _number(value: float) -> float:
    """A float; one too large for float32 counts as infinite."""
    return float(value) if abs(value) < _LARGEST or value != value else math.inf


def pictures(folder: Path, logged: int) -> list[Picture]:
    """Up to MAX_PICTURES sample grids, evenly spread up to the run's present step, the newest among them.

    logged: the last step of the log. A file that cannot be read is left out with a warning.
    """
    found = {int(match[1]): path for path in folder.glob("step_*.png") if (match := re.fullmatch(r"step_(\d{1,15})\.png", path.name))}
    # A run that went back to a checkpoint has left behind grids of later steps: the one written last is of the present.
    present = max(logged, max(((path.stat().st_mtime_ns, step) for step, path in found.items()), default=(0, 0))[1])
    steps = sorted(step for step in found if step <= present)
    every = 1
    while len(steps[:-1:every]) >= MAX_PICTURES:
        every *= 2  # a power of two, so that most of the grids taken now were encoded the last time
    taken = []
    for step in [*steps[:-1:every], *steps[-1:]]:
        try:
            taken.append(Picture(step, *_encoded(found[step], found[step].stat().st_mtime_ns)))
        except Exception as problem:  # a broken file has many ways to say so
            warnings.warn(f"{found[step]}: left out of the report ({type(problem).__name__}: {problem})", stacklevel=2)
    return taken


@functools.lru_cache(maxsize=2 * MAX_PICTURES)
def _encoded(path: Path, modified: int) -> tuple[str, int, int]:
    """A picture as a data: URL of bounded size, its width and height in pixels; `modified` makes the cache notice a new file."""
    with Image.open(path) as file:
        file.load()
        whole = file.convert("RGB")
    side, _ = _SIDES_AND_QUALITIES[0]
    if path.stat().st_size <= MAX_PICTURE_BYTES and max(whole.size) <= side:
        return _data_url("png", path.read_bytes()), *whole.size
    small, content = whole, b""
    for side, quality in _SIDES_AND_QUALITIES:
        small = whole.copy()
        small.thumbnail((side, side), Image.Resampling.BOX)
        buffer = io.BytesIO()
        small.save(buffer, "jpeg", quality=quality)
        content = buffer.getvalue()
        if len(content) <= MAX_PICTURE_BYTES:
            break
    return _data_url("jpeg", content), *small.size


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
