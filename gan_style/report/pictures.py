"""The sample grids that a page shows: a bounded number of evenly spread ones, each of bounded size."""

import base64
import functools
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gan_style.errors import UserError
from gan_style.files.bounded import opened
from gan_style.files.opening import read_regular
from gan_style.files.pillow import open_image

MAX_PICTURES = 20
MAX_PICTURE_BYTES = 150_000  # so that all of them take 3 MB, and 4 MB as text
_AREAS_AND_QUALITIES = ((1_600_000, 85), (1_600_000, 70), (800_000, 70), (400_000, 60), (150_000, 50))


@dataclass(frozen=True)
class GridPicture:
    """A sample grid of one step. data: a data: URL; width, height: in pixels."""

    step: int
    data: str
    width: int
    height: int


def pictures(folder: Path, logged: int, most: int = MAX_PICTURES) -> list[GridPicture]:
    """Up to `most` (at least 2) sample grids, evenly spread over the run so far, including the newest.

    logged: the last step of the log
    A file that cannot be read is left out with a warning.
    """
    found: dict[int, tuple[Path, int]] = {}  # step -> file, when it was written
    for path in folder.glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d{1,15})\.png", path.name):
            with _warning_of_problems(path):
                found[int(match[1])] = path, path.stat().st_mtime_ns
    # A run that went back to a checkpoint has left grids of later steps. The grid that was written last belongs to the present step.
    present = max(logged, max(((written, step) for step, (_, written) in found.items()), default=(0, 0))[1])
    steps = sorted(step for step in found if step <= present)
    every = 1
    while len(steps[:-1:every]) >= most:
        every *= 2  # a power of two, so that most grids have been encoded for the previous report
    taken = []
    for step in [*steps[:-1:every], *steps[-1:]]:
        path, written = found[step]
        with _warning_of_problems(path):
            taken.append(GridPicture(step, *_encoded(path, written)))
    return taken


@contextmanager
def _warning_of_problems(path: Path) -> Iterator[None]:
    """Turn any exception about a picture into a warning; the report is written without the picture."""
    try:
        yield
    except Exception as problem:  # broken files raise many types
        why = problem if isinstance(problem, UserError) else f"{path}: {type(problem).__name__}: {problem}"
        warnings.warn(f"left out of the report: {why}", stacklevel=4)


@functools.lru_cache(maxsize=2 * MAX_PICTURES)
def _encoded(path: Path, written: int) -> tuple[str, int, int]:
    """A picture as a data: URL of bounded size, with its width and height in pixels.

    written: the time of the file, part of the cache's key, so that a rewritten file is encoded again
    """
    with opened(path) as stream, open_image(stream, path) as (image, _):
        if image.format != "PNG":
            raise UserError(f"{path}: {image.format} data, not the PNG that its name says; remove it")
        image.load()
        whole = image.convert("RGB")
    content = read_regular(path, MAX_PICTURE_BYTES + 1)
    if len(content) <= MAX_PICTURE_BYTES and whole.width * whole.height <= _AREAS_AND_QUALITIES[0][0]:
        return _data_url("png", content), *whole.size
    small = whole
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
