"""The sample grids of a run as pictures inside the page: few, evenly spread, of bounded size."""

import base64
import functools
import io
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MAX_PICTURES = 20
MAX_PICTURE_BYTES = 150_000  # so that all of them take 3 MB, and 4 MB as text
_AREAS_AND_QUALITIES = ((1_600_000, 85), (1_600_000, 70), (800_000, 70), (400_000, 60), (150_000, 50))


@dataclass(frozen=True)
class Picture:
    """A sample grid of one step. data: a data: URL; width, height: in pixels."""

    step: int
    data: str
    width: int
    height: int


def pictures(folder: Path, logged: int, most: int = MAX_PICTURES) -> list[Picture]:
    """Up to `most` (at least 2) sample grids, evenly spread up to the run's present step, the newest among them.

    logged: the last step of the log. A file that cannot be read is left out with a warning.
    """
    found = {int(match[1]): path for path in folder.glob("step_*.png") if (match := re.fullmatch(r"step_(\d{1,15})\.png", path.name))}
    # A run that went back to a checkpoint has left behind grids of later steps: the one written last is of the present.
    present = max(logged, max(((path.stat().st_mtime_ns, step) for step, path in found.items()), default=(0, 0))[1])
    steps = sorted(step for step in found if step <= present)
    every = 1
    while len(steps[:-1:every]) >= most:
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
    if path.stat().st_size <= MAX_PICTURE_BYTES and whole.width * whole.height <= _AREAS_AND_QUALITIES[0][0]:
        return _data_url("png", path.read_bytes()), *whole.size
    small, content = whole, b""
    for area, quality in _AREAS_AND_QUALITIES:
        scale = min(1.0, math.sqrt(area / (whole.width * whole.height)))
        small = whole.resize((max(1, int(whole.width * scale)), max(1, int(whole.height * scale))), Image.Resampling.BOX)
        buffer = io.BytesIO()
        small.save(buffer, "jpeg", quality=quality)
        content = buffer.getvalue()
        if len(content) <= MAX_PICTURE_BYTES:
            break
    return _data_url("jpeg", content), *small.size


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
