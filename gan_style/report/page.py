"""Rendering a page: report.html of one run, or a comparison of several."""

import base64
import datetime
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from gan_style.report.charts import in_digits
from gan_style.report.comparison import Comparison
from gan_style.report.past import Past
from gan_style.report.pictures import GridPicture
from gan_style.report.record import Start
from gan_style.report.sections import ChartGroup, of_run, of_runs

_FOLDER = Path(__file__).parent


def run_page(past: Past) -> str:
    """The page of one run."""
    sections = of_run(past.log, past.record.players, past.step)
    numbers = [
        (key, in_digits(curve.last), *(f"{in_digits(value)} at step {step}" for value, step in (curve.lowest, curve.highest)))
        for key, curve in past.log.curves.items()
        if curve.lowest and curve.highest
    ]
    return _render(
        "run.html",
        sections,
        [past.grids],
        past=past,
        share=min(1.0, past.step / past.total) if past.total else None,
        numbers=numbers,
        starts=list(_told(past.record.starts)),
    )


def comparison_page(comparison: Comparison) -> str:
    """The page of several runs."""
    runs = comparison.runs
    end = max(run.step for run in runs.values())
    players = {name: terms for run in runs.values() for name, terms in run.record.players.items()}
    sections = of_runs({label: run.log for label, run in runs.items()}, players, end)
    return _render("comparison.html", sections, [run.grids for run in runs.values()], comparison=comparison)


def _render(template: str, sections: Sequence[ChartGroup], strips: Sequence[Sequence[GridPicture]], **values: Any) -> str:
    """Fill a template. The page's policy lets the browser run our script alone, even if a text got around the escaping."""
    script = _text("script.js")
    page = _environment().get_template(template)
    text = page.render(
        **values,
        sections=sections,
        style=_text("style.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_numbers(sections, strips),
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )
    return text.encode("utf-8", "backslashreplace").decode()  # names of files may hold lone surrogates


def _numbers(sections: Sequence[ChartGroup], strips: Sequence[Sequence[GridPicture]]) -> dict[str, Any]:
    """The data for script.js: the steps of its slider and the curves of each chart. Steps that curves share are listed once."""
    steps: dict[tuple[int, ...], int] = {}
    charts = [
        {
            "end": chart.end,
            "percent": chart.percent,
            "lines": [{"steps": steps.setdefault(tuple(line.steps), len(steps)), "values": line.values} for line in chart.lines],
        }
        for section in sections
        for chart in section.charts
    ]
    stops = sorted({picture.step for strip in strips for picture in strip})
    return {"stops": stops, "steps": list(map(list, steps)), "charts": charts}


def _told(starts: Sequence[Start]) -> Iterator[Mapping[str, str]]:
    """The starts of a training for the page: the machine of the first, what changed in each later one, and how each ended if early."""
    before: Mapping[str, str] = {}
    for start in starts:
        when = datetime.datetime.fromtimestamp(start.time).astimezone().strftime("%Y-%m-%d %H:%M %Z")
        changed = {key: value for key, value in start.hardware.items() if before.get(key) != value}
        yield {f"step {start.step}": when, **changed, **({"ended": start.ended} if start.ended else {})}
        before = start.hardware


@functools.cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
