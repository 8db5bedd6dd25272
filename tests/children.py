"""Signals in a test, or in a child process that it starts, whatever the test run itself ignores (in the background, by nohup or cron)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1")


@contextmanager
def heeded(number: int) -> Iterator[None]:
    """While entered, this process finds the signal as a shell's foreground command does, though the test run ignores it."""
    found = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, found)


def heeding() -> None:
    """For `preexec_fn`: no signal is ignored, as where a shell starts a command in the foreground."""
    for name in NAMES:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
