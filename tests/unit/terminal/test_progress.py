import io
import os
import re
import sys
import warnings

import pytest

from gan_style.terminal import progress
from gan_style.terminal.progress import Pace, Progress, duration, say, say_at, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds on the clock, to be set forward."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3570, "1 h 00 min"), (11_100, "3 h 05 min"), (187_200, "2 d 4 h")]
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_without_a_terminal_there_is_a_plain_line_now_and_then(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("reading", "files", 100) as work:
        for _ in range(40):  # of 4 seconds each
            clock[0] += 4
            work.update()
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == "" and "\r" not in said.err
    assert len(lines) == 5, "one each 32 seconds: 30 are never passed between two files sooner"
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{time}  reading 8/100 files  0\.25 files/s  6 min left", lines[0])
    assert re.fullmatch(rf"{time}  reading 40/100 files  0\.25 files/s  4 min left", lines[4])


def test_short_work_says_nothing_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Progress("reading", "files", 3).over("abc")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_line_tells_what_it_can(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    unknown, size, hidden = Progress("listing", "files"), Progress("reading list.csv", "B", 4_000_000), Progress("x", "y", shown=False)
    clock[0] += 100
    unknown.update(500)
    size.tell("loss 0.3")
    size.update(2_000_000)
    hidden.update()
    lines = [line.split("  ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["listing 500 files  5 files/s", "reading list.csv 2.00M/4.00M B  loss 0.3  20.0k B/s  2 min left"]


def test_on_a_terminal_there_is_a_bar_and_words_stand_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(warnings, "formatwarning", lambda message, *_: f"warning: {message}\n")
    shown = warnings.showwarning
    with Progress("reading", "files", 2) as work, warnings.catch_warnings():
        warnings.simplefilter("always")
        work.tell("loss 0.3")
        work.update()
        say("half is done")
        warnings.warn("a file is odd", stacklevel=1)
        work.update()
    assert warnings.showwarning is shown
    text = terminal.getvalue()
    assert "reading: 100%" in text and "2/2" in text and "loss 0.3" in text
    for words in ("half is done", "warning: a file is odd"):
        (line,) = [line for line in text.split("\n") if words in line]
        assert line.rsplit("\r", 1)[-1] == words, "nothing of the bar stands before it in its line"


def test_brief_work_leaves_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    list(Progress("listing", "files", 3, brief=True).over(range(3)))
    assert sys.stderr.getvalue().strip() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize("gone", ["closed", "none", "broken"])
def test_work_goes_on_without_anyone_to_tell(gone: str, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    stream = None if gone == "none" else Broken() if gone == "broken" else io.StringIO()
    if gone == "closed":
        assert stream
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", stream)
    assert not watched(stream)
    say("hello")
    say_at("hello", stream)
    with Progress("reading", "files", 2) as work:
        clock[0] += 60
        work.update(2)
    assert work.done == 2


def test_the_pace_is_that_of_late_and_a_short_first_measurement_counts_little(clock: list[float]) -> None:
    pace = Pace()
    assert pace.left(10) == ""
    clock[0] += 10
    pace.measure(1)  # the first step warms up
    for _ in range(50):
        clock[0] += 50
        pace.measure(100)
    assert pace.rate == pytest.approx(2, rel=0.01)
    assert pace.left(1200) == "10 min left"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo terminals here")
@pytest.mark.parametrize("columns", [0, 80])
def test_a_terminal_without_a_size_gets_plain_lines(columns: int) -> None:
    import fcntl
    import struct
    import termios

    far, near = os.openpty()
    with open(far, "rb"), open(near, "w") as stream:  # noqa: PTH123 - descriptors
        fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        assert watched(stream) == (columns > 0)
