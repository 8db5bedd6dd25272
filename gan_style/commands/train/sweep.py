"""Training the runs of a sweep one after the other, then comparing them in a table and on a page."""

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_style import build
from gan_style.commands.train.axes import Member
from gan_style.config.load import flatten
from gan_style.config.schema import RunConfig
from gan_style.config.yaml_file import read_yaml
from gan_style.engine.summary import demo_data
from gan_style.errors import UserError, one_line
from gan_style.files import atomic
from gan_style.report.comparison import MAX_RUNS, Comparison
from gan_style.report.page import comparison_page
from gan_style.terminal.progress import say
from gan_style.training import TrainedRun

_MAX_COLUMNS = 6  # metrics of the table
_FOUND = ("data.domain_a.colours", "data.domain_b.colours", "method.domain_names")  # training finds them in the data where they are null
_LENGTH = ("train.steps", "train.epochs", "train.minutes")


@dataclass(frozen=True)
class SweptRun:
    """One run of a sweep."""

    member: Member
    config: RunConfig[Any]

    @property
    def run(self) -> TrainedRun:
        """Its folder as it is now."""
        return TrainedRun(Path(self.config.run_dir))

    @property
    def finished(self) -> str:
        """Words if the run is finished with this configuration, or with one that differs in a longer training; else empty."""
        if not self.run.finished:
            return ""
        try:
            written = flatten(read_yaml(self.run.folder / "config.yaml"))
        except UserError:
            return ""
        asked, step = flatten(self.config.model_dump(mode="json")), self.run.step
        shorter = [key for key in _LENGTH if _less(asked[key], written.get(key))]
        if "train.steps" not in shorter and _less(asked["train.steps"], step):
            shorter.append("train.steps")
        passed = {*shorter, *(key for key in _FOUND if asked.get(key) is None)}
        if any(written.get(key) != value for key, value in asked.items() if key not in passed):
            return ""
        return f"finished, step {step}" + "".join(f"; {key}={asked[key]} asks for less, and nothing is taken back" for key in shorter)

    @property
    def state(self) -> str:
        """The progress of the run, in words."""
        step = self.run.step
        return self.finished or (f"goes on after step {step}" if step else "new")


def list_runs(runs: Sequence[SweptRun]) -> int:
    """`--dry-run`: list the runs with their progress, and check each as training would. `UserError` if some would fail."""
    failures: dict[str, str] = {}
    for line in dict.fromkeys(line for swept in runs for line in demo_data(swept.config.data)):
        say(line)
    for swept in runs:
        say(f"{swept.config.run_dir}: {swept.state}")
        if not swept.finished:
            try:
                build.describe(swept.config)
            except UserError as mistake:
                failures[swept.member.name] = str(mistake)
    _raise(failures, len(runs))
    return 0


def train_all(runs: Sequence[SweptRun], run_dir: Path) -> int:
    """Train the runs that are not finished, then compare all. Returns the exit code.

    A run that fails is reported, and the next one begins. Ctrl-C or SIGTERM stops the sweep; the same command goes on.
    run_dir: the folder that holds the runs' folders and the page
    """
    failures: dict[str, str] = {}
    fault = False
    for place, swept in enumerate(runs, 1):
        finished = swept.finished
        say(f"run {place} of {len(runs)}: {swept.member.name}" + (f", {finished}" if finished else ""))
        if finished:
            continue
        try:
            if code := build.train(swept.config):
                return code
        except UserError as mistake:
            failures[swept.member.name] = str(mistake)
            print(f"failed: {one_line(str(mistake))}", file=sys.stderr)
        except Exception as problem:  # a fault of ours in one run is no reason to lose the others
            fault = True
            failures[swept.member.name] = f"a fault of gan_style, {type(problem).__name__}"
            traceback.print_exc()
    for line in metrics_table(runs, failures):
        say(line)
    for page in write_comparison(runs, run_dir):
        say(f"comparison: {page}")
    if fault:
        return 1
    _raise(failures, len(runs))
    return 0


def metrics_table(runs: Sequence[SweptRun], failures: Mapping[str, str]) -> list[str]:
    """The lines of a table with the last metrics of each run: those of validation if there are any, else the losses."""
    last = [swept.run.last for swept in runs]
    names = [name for prefix in ("val/", "loss/") for values in last for name in values if name.startswith(prefix)]
    shown = [name for name in dict.fromkeys(names) if name.startswith(names[0].partition("/")[0])][:_MAX_COLUMNS] if names else []
    rows = [["run", "step", *(name.partition("/")[2] for name in shown)]]
    for swept, values in zip(runs, last, strict=True):
        step = "failed" if swept.member.name in failures else f"{int(values.get('step', 0))} of {swept.run.steps or '?'}"
        rows.append([swept.member.name, step, *(_number(values.get(name)) for name in shown)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def write_comparison(runs: Sequence[SweptRun], run_dir: Path) -> list[Path]:
    """Write comparison.html, and for each MAX_RUNS runs more comparison_2.html and so on. Returns the pages; none for a single run."""
    folders = [swept.run.folder for swept in runs if swept.run.step]
    if len(folders) < 2:
        return []
    pages: list[Path] = []
    for start in range(0, len(folders), MAX_RUNS):
        page = run_dir / (f"comparison_{len(pages) + 1}.html" if pages else "comparison.html")
        try:
            atomic.write_text(page, comparison_page(Comparison(folders[start : start + MAX_RUNS])))
        except OSError as refused:
            raise UserError(f"{page}: cannot be written ({refused.strerror}); make room, then run gan-style report {run_dir}/*") from None
        pages.append(page)
    return pages


def _raise(failures: Mapping[str, str], count: int) -> None:
    if failures:
        name, first = next(iter(failures.items()))
        which = f"{len(failures)} of {count} runs failed, the first of them {name}" if len(failures) > 1 else f"run {name} failed"
        raise UserError(f"--sweep: {which}: {first}; the same command tries again what failed")


def _less(asked: Any, written: Any) -> bool:
    return isinstance(asked, int | float) and isinstance(written, int | float) and asked < written


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"
