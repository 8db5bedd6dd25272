"""report.html in a run folder: how far the run is, its curves and pictures, in one file that needs nothing else."""

import datetime
import functools
import math
import os
import platform
import re
import statistics
import sys
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import torch

from gan_style import __version__, atomic
from gan_style.config.load import read_yaml
from gan_style.engine.charts import Chart, chart, number, per_cent
from gan_style.engine.history import pictures, read_log
from gan_style.errors import UserError

Lines = Sequence[Mapping[str, Any]]
Curves = dict[str, list[tuple[int, float]]]

_MAX_CONFIG_CHARACTERS = 1 << 16
_SLOW_DATA = 0.1  # share of waiting for data worth a word


def write_report(run_dir: Path, steps: int | None = None) -> None:
    """Write run_dir/report.html from what lies in run_dir. Never raises: what goes wrong becomes a warning.

    steps: the length of the run; where it is not given, the configuration's train.steps is taken.
    """
    try:
        atomic.write_text(run_dir / "report.html", render(run_dir, steps))
    except Exception as problem:  # a report is not worth a training
        warnings.warn(f"{run_dir / 'report.html'} is not written ({type(problem).__name__}: {problem})", stacklevel=2)


def render(run_dir: Path, steps: int | None = None) -> str:
    """The page as text. Missing or broken files leave their part of it out."""
    lines = read_log(run_dir / "metrics.jsonl")
    grids = pictures(run_dir / "samples", lines[-1]["step"] if lines else 0)
    text, config = _config(run_dir / "config.yaml")
    step = max([0, *(line["step"] for line in lines[-1:]), *(grid.step for grid in grids[-1:])])
    planned = _get(config, "train", "steps")
    total = steps or (planned if isinstance(planned, int) and planned > 0 else None)
    losses = curves(lines, "loss/")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8")).render(
        name=run_dir.resolve().name,
        method=_get(config, "method", "name") or "",
        root=_get(config, "data", "root") or "",
        step=step,
        total=total,
        share=min(1.0, step / total) if total else None,
        facts=_facts(lines, step, total),
        notes=_notes(lines, losses),
        pictures=grids,
        sections=_sections(lines, losses, step),
        config=text,
        hardware=hardware(),
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def curves(lines: Lines, prefix: str) -> Curves:
    """The curves whose keys begin with `prefix`, named by what follows, in the order in which they first appear."""
    names = dict.fromkeys(key for line in lines for key in line if key.startswith(prefix))
    return {name.removeprefix(prefix): [(line["step"], line[name]) for line in lines if name in line] for name in names}


def _sections(lines: Lines, losses: Curves, end: int) -> list[tuple[str, list[Chart]]]:
    """Headings and their charts. Losses that share their first word (discriminator_real, discriminator_fake) share a chart."""
    groups: dict[str, Curves] = {}
    for name, points in losses.items():
        groups.setdefault(name.partition("_")[0], {})[name] = points
    rates = curves(lines, "lr/")
    if len({tuple(points) for points in rates.values()}) == 1:
        rates = {"all players": next(iter(rates.values()))}
    sections = {
        "Losses": [chart(group, members, end) for group, members in groups.items()],
        "Validation": [chart(name, {name: points}, end) for name, points in curves(lines, "val/").items()],
        "Pace": [
            chart("learning rate", rates, end, from_zero=True),
            chart("images per second", curves(lines, "images_per_second"), end, from_zero=True),
            chart("time spent waiting for data", curves(lines, "data_wait"), end, percent=True),
        ],
    }
    drawn = {heading: [chart for chart in charts if chart] for heading, charts in sections.items()}
    return [(heading, charts) for heading, charts in drawn.items() if charts]


def _facts(lines: Lines, step: int, total: int | None) -> list[tuple[str, str]]:
    """Names and values of the numbers at the head of the page."""
    facts = []
    stamps = [(line["step"], line["time"]) for line in lines if math.isfinite(line.get("time", math.nan))]
    spans = [(later[0] - earlier[0], later[1] - earlier[1]) for earlier, later in pairwise(stamps)]
    paces = [seconds / count for count, seconds in spans if seconds > 0]
    if paces:
        usual = statistics.median(paces)
        # Between two lines that lie far apart in time the run had been stopped.
        facts.append(("trained for", duration(sum(seconds for count, seconds in spans if 0 < seconds < 20 * usual * count))))
        if total and step < total:
            facts.append(("left, at this pace", duration((total - step) * statistics.median(paces[-20:]))))
    shown = (("images_per_second", "images per second", number), ("data_wait", "waiting for data", per_cent))
    facts += [(label, written(value)) for key, label, written in shown if (value := _recent(lines, key)) is not None]
    if rates := {value for line in lines[-1:] for key, value in line.items() if key.startswith("lr/")}:
        facts.append(("learning rate", ", ".join(number(rate) for rate in sorted(rates))))
    return facts


def _recent(lines: Lines, key: str) -> float | None:
    """The usual value of the last lines; the very first line of a run is no measure of pace where there are others."""
    values = [line[key] for line in (lines[1:] or lines)[-20:] if math.isfinite(line.get(key, math.nan))]
    return statistics.median(values) if values else None


def _notes(lines: Lines, losses: Curves) -> list[str]:
    """What the reader should know first."""
    notes = []
    for name, points in losses.items():
        if broken := [step for step, value in points if not math.isfinite(value)]:
            notes.append(
                f"{name} was not a finite number at step {broken[0]}" + (f" and {len(broken) - 1} times more" if broken[1:] else "")
            )
    if len(lines) > 3 and (wait := _recent(lines, "data_wait") or 0.0) > _SLOW_DATA:
        notes.append(f"{per_cent(wait)} of the time is spent waiting for data: raise data.workers, or shrink the images beforehand")
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


def _config(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of config.yaml and what it says; both empty where it is missing or broken."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:_MAX_CONFIG_CHARACTERS], read_yaml(path)
    except (OSError, UserError):
        return "", {}


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
