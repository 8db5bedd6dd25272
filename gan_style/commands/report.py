"""`gan-style report`: one page about a run, or about several side by side."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from gan_style.commands.options import place
from gan_style.commands.parser import CommandParser
from gan_style.errors import UserError, one_line
from gan_style.files import atomic
from gan_style.files.opening import refusal
from gan_style.machine.memory import room_for
from gan_style.report.comparison import MAX_RUNS, Comparison
from gan_style.report.page import comparison_page, run_page
from gan_style.report.past import Past
from gan_style.report.writer import FILE


def report_command(arguments: Sequence[str]) -> int:
    """Parse, read, write one HTML file. Returns the exit code."""
    parser = CommandParser(
        prog="gan-style report",
        description="Write one HTML file that shows a run, or compares several. Runs may be going on meanwhile.",
    )
    parser.add_argument(
        "run_dirs",
        nargs="+",
        type=place,
        metavar="RUN_DIR",
        help=f"folders of runs, at most {MAX_RUNS}; what else runs/* stands for is passed over",
    )
    parser.add_argument(
        "--output",
        type=place,
        metavar="FILE",
        help=f"the file to write; default: RUN_DIR/{FILE} for one run, comparison.html here for several",
    )
    options = parser.parse_args(arguments)
    folders = _run_folders(options.run_dirs)
    if len(folders) > MAX_RUNS:
        raise UserError(f"{len(folders)} runs: one page shows {MAX_RUNS} at most; name fewer")
    if len({os.path.realpath(folder) for folder in folders}) < len(folders):
        raise UserError("a RUN_DIR is given twice; name each run once")
    output = Path(options.output or (folders[0] / FILE if len(folders) == 1 else "comparison.html"))
    with room_for("no memory for the page", "name fewer runs"):
        page = run_page(Past(folders[0])) if len(folders) == 1 else comparison_page(Comparison(folders))
    try:
        atomic.write_text(output, page)
    except OSError as refused:
        raise UserError(f"{output}: cannot be written ({refused.strerror}); make room or choose another --output") from None
    print(one_line(str(output)))
    return 0


def _run_folders(given: Sequence[str]) -> list[Path]:
    """The given folders that are runs. `runs/*` may match other files and folders; they are skipped with a warning."""
    runs: list[Path] = []
    strays: list[str] = []
    for text in given:
        if why := refusal(text):
            raise UserError(f"RUN_DIR {text!r} {why}; give the run_dir of a training")
        folder = Path(text)
        if not folder.exists():
            raise UserError(f"{folder}: no such folder; give the run_dir of a training")
        if not folder.is_dir():
            strays.append(f"{folder}: no folder")
        elif not any((folder / name).is_file() for name in ("config.yaml", "metrics.jsonl")):
            strays.append(f"{folder}: no run folder, it holds neither config.yaml nor metrics.jsonl")
        else:
            runs.append(folder)
    if not runs:
        raise UserError(f"{strays[0]}; give the run_dir of a training")
    for stray in strays:
        warnings.warn(f"passed over: {stray}", stacklevel=2)
    return runs
