"""An orderly exit on SIGTERM and SIGHUP."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from gan_style.terminal.signals import heeded


@contextmanager
def exiting_on_termination() -> Iterator[None]:
    """While entered, SIGTERM and SIGHUP unwind the stack and exit with 143, so that no half-written file remains.

    A signal that was ignored before stays ignored.
    """

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    previous = {number: signal.signal(number, leave) for number in heeded("SIGTERM", "SIGHUP")}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
