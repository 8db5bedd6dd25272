"""Fuzzing: generated cases that end well or in one line on stderr, within a gigabyte and twenty seconds.

`@fuzz(data=st.binary())` runs a test on CASES generated values, the same ones each time, and under `pytest -m nightly` on
NIGHTLY_CASES new ones; what fails is printed with the `@reproduce_failure` line that brings it back.
"""

import contextlib
import faulthandler
import functools
import io
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from gan_style.commands.running import run_command
from gan_style.errors import UserError

CASES, NIGHTLY_CASES = 200, 2000
MEMORY = 2**30
SECONDS = 20.0
LONGEST_LINE = 5000
# How libraries say that the system refused them memory, where they do not raise MemoryError; the number is PIL's.
REFUSALS = re.compile(r"(can't|cannot|could not|failed to|unable to) allocate|(insufficient|not enough|out of|no) memory|error -9", re.I)

nightly = False  # set by tests/fuzz/conftest.py before it collects the tests


def fuzz(*, allowed: tuple[type[Exception], ...] = (), **strategies: SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Run the test on generated values, each case within `bounds`; it may end in a `UserError` of one line or an `allowed` exception."""

    def decorate(test: Callable[..., None]) -> Any:
        @functools.wraps(test)
        def case(*arguments: Any, **keywords: Any) -> None:
            with bounds(allowed):
                test(*arguments, **keywords)

        chosen = settings(
            max_examples=NIGHTLY_CASES if nightly else CASES,
            derandomize=not nightly,
            database=None,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return chosen(given(**strategies)(case))

    return decorate


@contextlib.contextmanager
def bounds(allowed: tuple[type[Exception], ...] = (), memory: int = MEMORY, seconds: float = SECONDS) -> Iterator[None]:
    """Fails what the block does that no input may cause.

    That is: any exception but an `allowed` one or a `UserError` that a command reports in one printable line; asking for
    `memory` more bytes, even where the refusal is caught and called something else; taking more than `seconds`.
    """
    try:
        with limited_memory(memory), _limited_time(seconds):
            yield
    except BaseException as problem:
        for link in _chain(problem):
            traceback.clear_frames(link.__traceback__)  # or each case that fails would keep its gigabyte
        if isinstance(problem, _Hang):
            raise AssertionError(f"took more than {seconds} seconds") from None
        if not isinstance(problem, (UserError, *allowed)):
            raise
        for link in _chain(problem):
            refused = isinstance(link, MemoryError) or REFUSALS.search(str(link))
            assert not refused, f"wanted more than {memory} bytes: {link!r}"
        if isinstance(problem, UserError):
            check_line(reported(problem))


def reported(mistake: UserError) -> str:
    """What a command line prints for a mistake."""

    def command() -> int:
        raise mistake

    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")  # as strict as a stream can be
    with contextlib.redirect_stderr(stream):
        assert run_command(command) == 2
    stream.seek(0)
    return stream.read()


def check_line(text: str) -> None:
    """Assert that `text` is one printable line of a length that can be read."""
    assert text.startswith("error: ") and text.endswith("\n"), text
    assert text[:-1].isprintable(), f"not one printable line: {text!r}"
    assert len(text) <= LONGEST_LINE, f"{len(text)} characters: {text[:200]}"


class _Hang(BaseException):
    """Out of reach of `except Exception`."""


@contextlib.contextmanager
def _limited_time(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise _Hang

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(2 * seconds, exit=True, file=sys.__stderr__)  # where compiled code never comes back
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextlib.contextmanager
def limited_memory(memory: int) -> Iterator[None]:
    """The system refuses this process more than `memory` bytes beyond those it has; only Linux counts them."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resource.setrlimit(resource.RLIMIT_DATA, (int(fields["VmData"].split()[0]) * 1024 + memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    """An exception and those it came from."""
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__
