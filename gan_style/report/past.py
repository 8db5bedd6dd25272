"""The past of a run, read from its folder: log, record, configuration, and what follows from them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_style.config.metrics import metric_of
from gan_style.config.yaml_file import MAX_CONFIG_BYTES, read_yaml
from gan_style.errors import UserError
from gan_style.files.opening import read_regular
from gan_style.report.charts import in_digits, per_cent
from gan_style.report.log import RunLog
from gan_style.report.pictures import MAX_PICTURES, pictures
from gan_style.report.record import Record, read_record
from gan_style.terminal.progress import duration

_SLOW_DATA = 0.1  # share of waiting for data from which a note says so
_MAX_FACTS = 3  # validation metrics among the facts


@dataclass(frozen=True)
class Note:
    """A note at the top of the page. kind: ended, alarm, past or hint"""

    kind: str
    text: str


class Past:
    """The past of the run in one folder. The part that comes from a missing or broken file is left out.

    step: the newest step of the log or the samples
    total: the length of the run in steps, from run.json or the configuration's train.steps
    grids: at most `most` sample grids
    """

    def __init__(self, run_dir: Path, most: int = MAX_PICTURES, log: RunLog | None = None, record: Record | None = None) -> None:
        self.run_dir = run_dir
        self.name = run_dir.resolve().name
        self.log = (log or RunLog(run_dir / "metrics.jsonl")).read()
        self.record = record or read_record(run_dir)
        self.text, self.config = _configuration(run_dir / "config.yaml")
        self.grids = pictures(run_dir / "samples", self.log.step, most)
        self.step = max([self.log.step, *(grid.step for grid in self.grids[-1:])])
        planned = self.get("train", "steps")
        self.total = self.record.steps or (planned if isinstance(planned, int) and planned > 0 else None)

    def get(self, section: str, key: str) -> Any:
        """A value of the configuration; None if it is missing."""
        inner = self.config.get(section)
        return inner.get(key) if isinstance(inner, dict) else None

    @property
    def subtitle(self) -> str:
        """`cyclegan on data/demo/unpaired`."""
        return " on ".join(str(part) for part in (self.get("method", "name"), self.get("data", "root")) if part)

    @property
    def progress(self) -> str:
        """`step 2000 of 4000 · 50 %`."""
        if not self.total:
            return f"step {self.step}"
        done = "finished" if self.step >= self.total else f"{100 * self.step / self.total:.3g} %"
        return f"step {self.step} of {self.total} · {done}"

    def facts(self) -> list[tuple[str, str]]:
        """Names and values of the numbers at the head of the page."""
        log, facts = self.log, []
        if log.pace:
            facts.append(("trained for", duration(log.trained)))
            if self.total and self.step < self.total:
                facts.append(("left, at this pace", duration((self.total - self.step) * log.pace)))
        for name, curve in list(log.under("val/").items())[:_MAX_FACTS]:
            best = {"higher": curve.highest, "lower": curve.lowest}.get(better(name))
            facts.append((f"{name}, best at step {best[1]}", in_digits(best[0])) if best else (name, in_digits(curve.last)))
        for key, label, written in (("images_per_second", "images per second", in_digits), ("data_wait", "waiting for data", per_cent)):
            if key in log.curves and (value := log.curves[key].usual()) is not None:
                facts.append((label, written(value)))
        if rates := {curve.last for curve in log.under("lr/").values() if math.isfinite(curve.last)}:
            facts.append(("learning rate", ", ".join(in_digits(rate) for rate in sorted(rates))))
        return facts

    def notes(self) -> list[Note]:
        """The notes at the top of the page, the gravest first."""
        log, notes = self.log, []
        if self.record.starts and (ended := self.record.starts[-1].ended):
            notes.append(Note("ended", f"The run ended early: {ended}"))
        for alarm in log.alarms.values():
            if alarm.on:
                notes.append(Note("alarm", f"Alarm since step {alarm.first}: {alarm.text}"))
            else:
                notes.append(Note("past", f"Alarm from step {alarm.first} to {alarm.last}, over since: {alarm.text}"))
        broken: dict[tuple[int, int], list[str]] = {}  # (first step, count) -> names: one note for metrics that broke together
        for key, curve in log.curves.items():
            if curve.bad:
                broken.setdefault((curve.first_bad, curve.bad), []).append(key.removeprefix("loss/"))
        for (first, count), names in broken.items():
            further = "" if count == 1 else " and once more" if count == 2 else f" and {count - 1} times more"
            notes.append(Note("hint", f"Not a finite number at step {first}{further}: {', '.join(names)}"))
        if (skipped := log.curves.get("health/skipped")) and skipped.last > 0:
            notes.append(Note("hint", f"{skipped.last:.0f} steps were skipped: a loss or gradient was not finite"))
        wait = log.curves.get("data_wait")
        if wait and len(wait.points) > 1 and (share := wait.usual() or 0.0) > _SLOW_DATA:
            advice = "raise data.workers, or shrink the images beforehand"
            notes.append(Note("hint", f"{per_cent(share)} of the time is spent waiting for data: {advice}"))
        if log.left_out:
            notes.append(Note("hint", f"{len(log.left_out)} metrics or more are not shown: too many, or with names too long"))
        return sorted(notes, key=lambda note: ("ended", "alarm", "past", "hint").index(note.kind))


def better(name: str) -> str:
    """`higher` or `lower`, whichever is better for a validation metric (`psnr`, `b2a_psnr`); empty if that is unknown."""
    metric = metric_of(name)
    return "" if metric is None else "higher" if metric.higher_is_better else "lower"


def _configuration(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of config.yaml and its content; both empty if the file is missing or broken."""
    try:
        return read_regular(path, MAX_CONFIG_BYTES).decode("utf-8", errors="replace"), read_yaml(path)
    except (OSError, UserError):
        return "", {}
