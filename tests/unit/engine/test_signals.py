"""Signals are noted, agreed on once a step, and never lost."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from gan_style.engine.agreement import Agreement
from gan_style.engine.signals import StopRequest

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """As where a shell starts Python in the foreground, however this test run was started."""
    before = {name: signal.signal(getattr(signal, name), signal.SIG_DFL) for name in NAMES}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGUSR1, 143)])
def test_a_signal_asks_to_stop(number: int, code: int) -> None:
    before = signal.getsignal(number)
    with StopRequest(Agreement()) as stop:
        assert not stop.agreed()
        assert stop.exit_code == 0
        os.kill(os.getpid(), number)
        assert stop.agreed()
        assert stop.exit_code == code
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_that_was_ignored_before_stays_ignored(name: str) -> None:
    number = getattr(signal, name)
    signal.signal(number, signal.SIG_IGN)
    with StopRequest(Agreement()) as stop:
        os.kill(os.getpid(), number)
        assert not stop.agreed()
    assert signal.getsignal(number) is signal.SIG_IGN


def test_a_second_sigint_stops_at_once() -> None:
    with StopRequest(Agreement()):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_time_allowed_ends_with_exit_code_0() -> None:
    with StopRequest(Agreement(), minutes=1, since=time.monotonic()) as stop:
        assert not stop.agreed()
    with StopRequest(Agreement(), minutes=1, since=time.monotonic() - 60) as stop:
        assert stop.agreed()
        assert stop.exit_code == 0


def test_a_mistake_stops_and_is_no_signal() -> None:
    with StopRequest(Agreement()) as stop:
        assert stop.agreed(mistake=True)
        assert stop.exit_code == 0


def test_a_signal_that_comes_during_the_agreement_is_not_lost() -> None:
    class Interrupted(Agreement):
        def largest(self, number: int) -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            return number

    with StopRequest(Interrupted()) as stop:
        assert not stop.agreed()
        assert stop.agreed()
        assert stop.exit_code == 143


def test_another_processs_reason_is_everyones() -> None:
    class Elsewhere(Agreement):
        def largest(self, number: int) -> int:
            return max(number, 100 + signal.SIGINT)

    with StopRequest(Elsewhere()) as stop:
        assert stop.agreed()
        assert stop.exit_code == 130


def test_a_signal_ends_a_wait_at_once_and_those_after_it_need_not_begin() -> None:
    with StopRequest(Agreement()) as stop:
        assert stop.interruptibly(lambda: 5) == 5

        def hang() -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1000)
            return 5

        assert stop.interruptibly(hang) is None
        assert stop.interruptibly(lambda: 5) is None
        assert stop.agreed()
        assert stop.exit_code == 143


def test_a_signal_outside_a_wait_interrupts_nothing_and_a_second_one_not_the_tidying_up() -> None:
    with StopRequest(Agreement()) as stop:
        tidied = []

        def wait() -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGHUP)
                tidied.append(True)

        assert stop.interruptibly(wait) is None
        assert tidied
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.agreed()
