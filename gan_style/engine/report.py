"""report.html in a run folder: how far the run is, its curves and pictures, in one file that needs nothing else."""

import base64
import datetime
import functools
import io
import json
import math
import os
import platform
import re
import statistics
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import torch
import yaml
from PIL import Image

from gan_style import __version__, atomic
from gan_style.engine.charts import Chart, chart, number, per_cent

MAX_POINTS = 1000  # of a curve: more than a chart has pixels for
MAX_PICTURES = 12
MAX_PICTURE_BYTES = 200_000
MAX_PICTURE_SIDE = 1600
_WHOLE_LOG_BYTES = 4 << 20  # a longer log is not read as a whole, but in samples
_MAX_LINE_BYTES = 1 << 16
_MAX_CONFIG_BYTES = 1 << 16
_LARGEST = 3.4e38  # a float32 beyond this has diverged
_SLOW_DATA = 0.1  # share of waiting for data worth a word


@dataclass(frozen=True)
class Picture:
    """A sample grid of one step; data: a data: URL; width: pixels."""

    step: int
    data: str
    width: int


def write_report(run_dir: Path, steps: int | None = None) -> None:
    """Write run_dir/report.html from what lies in run_dir. Never raises: what goes wrong becomes a warning.

    steps: the length of the run; where it is not given the configuration's train.steps is taken.
    """
    try:
        atomic.write_text(run_dir / "report.html", render(run_dir, steps))
    except Exception as problem:  # a report is not worth a training
        warnings.warn(f"{run_dir / 'report.html'} is not written: {type(problem).__name__}: {problem}", stacklevel=2)


def render(run_dir: Path, steps: int | None = None) -> str:
    """The page as text. Missing or broken files leave their part of it out; a picture that cannot be read is warned of."""
    lines = read_log(run_dir / "metrics.jsonl")
    pictures = _pictures(run_dir / "samples", _last_drawn(run_dir / "samples"), lines[-1]["step"] if lines else 0)
    text, config = _config(run_dir / "config.yaml")
    step = max([line["step"] for line in lines[-1:]] + [picture.step for picture in pictures[-1:]], default=0)
    total = steps or _integer(_get(config, "train", "steps"))
    losses = _series(lines, "loss/")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8")).render(
        name=run_dir.resolve().name,
        method=str(_get(config, "method", "name") or ""),
        root=str(_get(config, "data", "root") or ""),
        step=step,
        total=total,
        share=min(1.0, step / total) if total else None,
        facts=_facts(lines, step, total),
        notes=_notes(lines, losses),
        pictures=pictures,
        sections=_sections(lines, losses, step),
        config=text,
        hardware=hardware(),
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def read_log(path: Path) -> list[dict[str, Any]]:
    """At most MAX_POINTS + 1 lines of metrics.jsonl, evenly spread, the newest always among them; torn lines are left out.

    Every line has an integer `step`, larger than the one before, and otherwise numbers by name. A log of any length takes
    about the same time: of a long one a line is read at each of MAX_POINTS evenly spaced places.
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
        for place in range(1, MAX_POINTS):
            file.seek(size * place // MAX_POINTS)
            file.readline(_MAX_LINE_BYTES)  # the rest of a line
            yield file.readline(_MAX_LINE_BYTES)
        file.seek(size - _MAX_LINE_BYTES)
        yield from file.read(_MAX_LINE_BYTES).split(b"\n")[-3:]  # the last one may be torn, and ends in an empty one if not


def _line(raw: bytes) -> dict[str, Any] | None:
    """One line's numbers; None for a line that is torn or is not of a log."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    step = line.get("step") if isinstance(line, dict) else None
    if _integer(step) is None:
        return None
    return {"step": step} | {key: _number(value) for key, value in line.items() if key != "step" and isinstance(value, int | float)}


def _number(value: float) -> float:
    """A float; one too large for float32 counts as infinite."""
    return float(value) if abs(value) < _LARGEST or value != value else math.inf


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _series(lines: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, list[tuple[int, float]]]:
    """The curves whose keys begin with `prefix`, named by what follows, in the order in which they first appear."""
    names = dict.fromkeys(key for line in lines for key in line if key.startswith(prefix))
    return {name.removeprefix(prefix): [(line["step"], line[name]) for line in lines if name in line] for name in names}


def _sections(
    lines: Sequence[Mapping[str, Any]], losses: Mapping[str, list[tuple[int, float]]], end: int
) -> list[tuple[str, list[Chart]]]:
    """Headings and their charts. Losses that share their first word (discriminator_real, discriminator_fake) share a chart."""
    groups: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for name, points in losses.items():
        groups.setdefault(name.partition("_")[0], {})[name] = points
    rates = _series(lines, "lr/")
    if len({tuple(points) for points in rates.values()}) == 1:
        rates = {"all players": next(iter(rates.values()))}
    sections = {
        "Losses": [chart(group, curves, end) for group, curves in groups.items()],
        "Validation": [chart(name, {name: points}, end) for name, points in _series(lines, "val/").items()],
        "Pace": [
            chart("learning rate", rates, end),
            chart("images per second", _series(lines, "images_per_second"), end),
            chart("time spent waiting for data", {"share of the time": _series(lines, "data_wait").get("", [])}, end, percent=True),
        ],
    }
    drawn = {heading: [chart for chart in charts if chart] for heading, charts in sections.items()}
    return [(heading, charts) for heading, charts in drawn.items() if charts]


def _facts(lines: Sequence[Mapping[str, Any]], step: int, total: int | None) -> list[tuple[str, str]]:
    """Names and values of the numbers at the head of the page."""
    facts = []
    stamps = [(line["step"], line["time"]) for line in lines if math.isfinite(line.get("time", math.nan))]
    paces = [(later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in zip(stamps, stamps[1:], strict=False)]
    paces = [pace for pace in paces if pace > 0]
    if paces:
        usual = statistics.median(paces)
        # Between two lines that are far apart in time the run had been stopped.
        worked = sum(
            later[1] - earlier[1]
            for earlier, later in zip(stamps, stamps[1:], strict=False)
            if 0 < later[1] - earlier[1] < 20 * usual * (later[0] - earlier[0])
        )
        facts.append(("trained for", duration(worked)))
        if total and step < total:
            facts.append(("left, at this pace", duration((total - step) * statistics.median(paces[-20:]))))
    if lines:
        last = lines[-1]
        shown = (("images_per_second", "images per second", number), ("data_wait", "waiting for data", per_cent))
        facts += [(label, written(last[key])) for key, label, written in shown if math.isfinite(last.get(key, math.nan))]
        rates = {value for key, value in last.items() if key.startswith("lr/")}
        if rates:
            facts.append(("learning rate", ", ".join(number(rate) for rate in sorted(rates))))
    return facts


def _notes(lines: Sequence[Mapping[str, Any]], losses: Mapping[str, list[tuple[int, float]]]) -> list[str]:
    """What the reader should know first."""
    notes = []
    for name, points in losses.items():
        if broken := [step for step, value in points if not math.isfinite(value)]:
            notes.append(f"{name} was not a finite number at step {broken[0]}" + (f" and {len(broken) - 1} times more" if broken[1:] else ""))
    waits = [line["data_wait"] for line in lines[-20:] if math.isfinite(line.get("data_wait", math.nan))]
    if len(waits) >= 3 and (wait := statistics.median(waits)) > _SLOW_DATA:
        notes.append(f"{per_cent(wait)} of the time is spent waiting for data: raise data.workers, or shrink the images once beforehand")
    return notes


def duration(seconds: float) -> str:
    """`35 s`, `12 min`, `3 h 05 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _steps_drawn(folder: Path) -> dict[int, Path]:
    """Sample grids by step, in order."""
    found = [(int(match[1]), path) for path in folder.glob("step_*.png") if (match := re.fullmatch(r"step_(\d{1,15})\.png", path.name))]
    return dict(sorted(found))


def _last_drawn(folder: Path) -> int:
    """The step of the grid that was written last: a run that went back to a checkpoint has older grids of later steps."""
    written = [(path.stat().st_mtime_ns, step) for step, path in _steps_drawn(folder).items()]
    return max(written, default=(0, 0))[1]


def _pictures(folder: Path, drawn: int, logged: int) -> list[Picture]:
    """Up to MAX_PICTURES grids up to the run's present step, evenly spread, the newest among them."""
    files = [(step, path) for step, path in _steps_drawn(folder).items() if step <= max(drawn, logged)]
    every = 1
    while len(files[:-1:every]) >= MAX_PICTURES:
        every *= 2  # a power of two, so that the grids taken today are mostly those that were encoded last time
    pictures = []
    for step, path in [*files[:-1:every], *files[-1:]]:
        try:
            data, width = _encoded(path, path.stat().st_mtime_ns)
            pictures.append(Picture(step, data, width))
        except Exception as problem:  # a broken file has many ways to say so
            warnings.warn(f"{path}: left out of the report: {type(problem).__name__}: {problem}", stacklevel=2)
    return pictures


@functools.lru_cache(maxsize=2 * MAX_PICTURES)
def _encoded(path: Path, modified: int) -> tuple[str, int]:
    """A picture as a data: URL of bounded size, and its width in pixels; `modified` makes the cache notice a new file."""
    with Image.open(path) as picture:
        picture.load()
        content = path.read_bytes()
        if len(content) <= MAX_PICTURE_BYTES and max(picture.size) <= MAX_PICTURE_SIDE:
            return _data_url("png", content), picture.width
        picture = picture.convert("RGB")
    picture.thumbnail((MAX_PICTURE_SIDE, MAX_PICTURE_SIDE), Image.Resampling.BOX)
    for quality in (88, 75, 60, 40):
        buffer = io.BytesIO()
        picture.save(buffer, "jpeg", quality=quality, subsampling=0 if quality > 70 else 2)
        if buffer.tell() <= MAX_PICTURE_BYTES:
            break
    return _data_url("jpeg", buffer.getvalue()), picture.width


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _config(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of config.yaml and what it says; empty where it is missing or is not a mapping."""
    if not path.is_file():
        return "", {}
    with path.open("rb") as file:
        text = file.read(_MAX_CONFIG_BYTES).decode("utf-8", errors="replace")
    try:
        tree = yaml.safe_load(text)
    except Exception:  # yaml's constructors raise whatever Python does
        tree = None
    return text, tree if isinstance(tree, dict) else {}


def _get(tree: Mapping[str, Any], section: str, key: str) -> Any:
    inner = tree.get(section)
    return inner.get(key) if isinstance(inner, dict) else None


@functools.cache
def hardware() -> dict[str, str]:
    """The machine and the software that this process runs on."""
    facts = {"CPU": f"{_processor()}, {os.cpu_count()} cores"}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
        facts["GPU"] = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
    facts["processes"] = os.environ.get("WORLD_SIZE", "1")
    facts["system"] = f"{platform.system()} {platform.machine()}"
    facts["software"] = f"gan_style {__version__}, torch {torch.__version__}, Python {sys.version.split()[0]}"
    return facts


def _processor() -> str:
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
