"""Requests to stop after the present step: SIGINT, SIGTERM, SIGHUP, SIGUSR1 and the end of `train.max_minutes`."""

import signal
import threading
import time
import warnings
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeVar

from gan_style.engine.agreement import Agreement
from gan_style.terminal.signals import heeded

# Reasons to stop, as numbers, of which the processes take the largest. A signal's reason is _SIGNAL + its number.
_TIME, _SIGNAL, _MISTAKE = 1, 100, 1000


T = TypeVar("T")


class _Interrupted(BaseException):
    """A signal came while `interruptibly` waited."""


class StopRequest:
    """While entered, signals are noted, and training stops after the present step. A second SIGINT stops at once.

    SIGUSR1 (Slurm's warning ahead of SIGTERM) and SIGHUP (the terminal is gone) mean the same as SIGTERM. A signal that was ignored
    before stays ignored.
    minutes: the time allowed since `since`, a value of `time.monotonic`; None: no limit
    """

    def __init__(self, agreement: Agreement, minutes: float | None = None, since: float | None = None) -> None:
        self.agreement = agreement
        self._end = None if minutes is None else (time.monotonic() if since is None else since) + 60 * minutes
        self._noted = 0  # set by the signal handler at any moment; apart from `_reason`, or a signal could be lost
        self._reason = 0
        self._interruptible = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is not threading.main_thread():
            warnings.warn("this training is not in the main thread, so no signal stops it: train.max_minutes does", stacklevel=2)
        for number in heeded("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def exit_code(self) -> int:
        """130 after SIGINT; 143 after SIGTERM, SIGHUP or SIGUSR1; else 0."""
        if self._reason in (0, _TIME, _MISTAKE):
            return 0
        return 128 + (signal.SIGINT if self._reason == _SIGNAL + signal.SIGINT else signal.SIGTERM)

    def agreed(self, mistake: bool = False) -> bool:
        """Must any process stop because of a signal, its time or a mistake? Every process calls this once a step; all get one answer."""
        reason = _MISTAKE if mistake else self._noted and _SIGNAL + self._noted
        if not reason and self._end is not None and time.monotonic() >= self._end:
            reason = _TIME
        self._reason = self.agreement.largest(reason)
        return self._reason != 0

    def interruptibly(self, wait: Callable[[], T]) -> T | None:
        """`wait()`, which may take long. A signal ends it at once; the result is then None."""
        try:
            self._interruptible = True
            try:
                return None if self._noted else wait()
            finally:
                self._interruptible = False
        except _Interrupted:
            return None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._noted == signal.SIGINT:
            raise KeyboardInterrupt
        self._noted = number
        if self._interruptible:
            self._interruptible = False  # once: the clean-up is not interrupted again
            raise _Interrupted
