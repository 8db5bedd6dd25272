"""Progress of long work: a bar on a terminal, plain lines elsewhere, such as in a log file."""

import math
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import UnsupportedOperation
from typing import Any, Self, TextIO, TypeVar

from tqdm import tqdm

from gan_style.errors import one_line

T = TypeVar("T")

EVERY = 30.0  # seconds between two lines
_LATELY = 0.9  # the weight of a measurement after the next one
_BYTES = "B"


def watched(stream: TextIO | None) -> bool:
    """Is the stream a terminal with a size? Terminals of containers and CI have none and cannot show a bar."""
    try:
        if stream is None or not stream.isatty():
            return False
        return os.get_terminal_size(stream.fileno()).columns > 0
    except UnsupportedOperation:  # the stream claims to be a terminal but has no file
        return True
    except (OSError, ValueError):  # the stream is closed
        return False


def say(message: str, stream: TextIO | None = None) -> None:
    """Print one line to `stream` (default: stdout), above a bar if one is shown. A stream that fails is ignored."""
    stream = stream or sys.stdout
    with suppress(OSError, ValueError):
        if stream is not None:
            tqdm.write(one_line(message), file=stream)
            stream.flush()


def say_at(message: str, stream: TextIO | None) -> None:
    """`say` with the date and the time, for log files."""
    if stream is not None:
        say(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}", stream)


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


class Pace:
    """The recent rate of work, averaged over time: a measurement over a long time weighs more than one over a short time."""

    def __init__(self) -> None:
        self._count = self._seconds = 0.0
        self._since = time.monotonic()

    def measure(self, count: float) -> None:
        """Note that `count` items were done since the last call."""
        now = time.monotonic()
        self._count = _LATELY * self._count + count
        self._seconds = _LATELY * self._seconds + now - self._since
        self._since = now

    @property
    def rate(self) -> float:
        """Items a second; 0 before the first one is done."""
        return self._count / self._seconds if self._seconds else 0.0

    def left(self, remaining: float) -> str:
        """Words such as `12 min left`; empty if nothing is left or the rate is unknown."""
        return f"{duration(remaining / self.rate)} left" if self.rate and remaining else ""


class Progress:
    """Progress of one piece of work on stderr: a bar on a terminal, else a line each `every` seconds.

    what: the work, in a word or two; unit: the items in the plural, "B" for bytes
    total: the number of items, None if unknown; done: the number that were done before
    brief: the work is usually short, so its bar appears late and disappears at the end
    shown: False if another process shows the progress
    """

    def __init__(
        self,
        what: str,
        unit: str,
        total: int | None = None,
        done: int = 0,
        *,
        brief: bool = False,
        shown: bool = True,
        every: float = EVERY,
    ) -> None:
        self.what, self.unit, self.total, self.done = one_line(what), unit, total, done
        self._bar: Any = None
        self._facts = ""
        self._every = every if shown else math.inf
        self._pace = Pace()
        self._told = time.monotonic(), done
        if shown and watched(sys.stderr):
            self._bar = tqdm(
                desc=self.what or None,
                total=total,
                initial=done,
                unit=unit if unit == _BYTES else f" {unit}",
                unit_scale=unit == _BYTES,
                smoothing=0.05,  # average over many steps: single ones vary with the load of the machine
                delay=2 * brief,
                leave=not brief,
                dynamic_ncols=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._previous = warnings.showwarning
            warnings.showwarning = _warn_above
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            warnings.showwarning = self._previous
            self._bar.close()

    def expect(self, total: int) -> None:
        """The number of items is `total`."""
        self.total = total
        if self._bar is not None:
            self._bar.total = total

    def tell(self, facts: str) -> None:
        """Show `facts`, a few words, beside the progress from the next `update` on."""
        self._facts = facts
        if self._bar is not None:
            self._bar.set_postfix_str(facts, refresh=False)

    def update(self, count: int = 1) -> None:
        """Note that `count` more items are done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            return
        time_told, done_told = self._told
        if time.monotonic() - time_told >= self._every:
            self._pace.measure(self.done - done_told)
            self._told = time.monotonic(), self.done
            say_at(self._line(), sys.stderr)

    def over(self, things: Iterable[T]) -> Iterator[T]:
        """Yield `things`, and count each one as done when the next is requested. The progress ends with the last one."""
        with self:
            for thing in things:
                yield thing
                self.update()

    def _line(self) -> str:
        done = f"{_amount(self.done, self.unit)}/{_amount(self.total, self.unit)}" if self.total else _amount(self.done, self.unit)
        left = self._pace.left(self.total - self.done) if self.total else ""
        parts = [f"{self.what} {done} {self.unit}", self._facts, f"{_amount(self._pace.rate, self.unit)} {self.unit}/s", left]
        return "  ".join(part for part in parts if part)


def _amount(count: float, unit: str) -> str:
    if unit == _BYTES:
        return tqdm.format_sizeof(count)
    return str(count) if isinstance(count, int) else f"{count:.3g}"


def _warn_above(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """`warnings.showwarning` while a bar is shown."""
    say(warnings.formatwarning(message, category, filename, lineno, line), file or sys.stderr)
