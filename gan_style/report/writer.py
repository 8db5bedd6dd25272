"""Writing report.html during a run. The time it takes is bounded, and a failure never ends the training."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gan_style.errors import one_line
from gan_style.files import atomic
from gan_style.report.log import RunLog
from gan_style.report.page import run_page
from gan_style.report.past import Past
from gan_style.report.record import Record, read_record

FILE = "report.html"
REST = 20  # pause after a report, in times of its writing: reports take at most a twentieth of the time


class Report:
    """The report of the present run. Any failure becomes a warning.

    Each line of the log is read once, and each picture is encoded once.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.log = RunLog(run_dir / "metrics.jsonl")
        self.record: Record | None = None
        self._rest_until = 0.0

    def start(self, step: int, steps: int | None) -> None:
        """Record that training starts after `step`, on this machine. Written at once, since a run may be killed.

        steps: the length of the run; None: not known yet
        """
        self.record = read_record(self.run_dir)
        self.record.start(step)
        self.record.steps = steps
        with self._only_warning():
            self.record.write(self.run_dir)

    def write(self, steps: int | None, players: Mapping[str, Sequence[str]], ended: str = "", last: bool = False) -> None:
        """Write run.json and report.html.

        steps: the length of the run; None: not known yet
        players: player -> names of its losses
        ended: what ended the run early, else empty
        last: write even if the report was written a short while ago
        """
        before = time.monotonic()
        if before < self._rest_until and not last:
            return
        with self._only_warning():
            record = self.record or read_record(self.run_dir)
            record.steps = steps
            record.play(players)
            if ended and self.record:
                record.starts[-1].ended = one_line(ended)
            record.write(self.run_dir)
            atomic.write_text(self.run_dir / FILE, run_page(Past(self.run_dir, log=self.log, record=record)))
        after = time.monotonic()
        self._rest_until = after + REST * (after - before)

    @contextmanager
    def _only_warning(self) -> Iterator[None]:
        try:
            yield
        except Exception as problem:  # a report is not worth a training
            warnings.warn(f"{self.run_dir / FILE} is not written ({type(problem).__name__}: {problem})", stacklevel=4)
