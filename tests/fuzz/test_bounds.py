"""The bounds that every fuzz case is held to would catch what they are there for."""

import time
import weakref
from collections.abc import Callable

import cv2
import fuzzing
import numpy as np
import pytest
import torch
from fuzzing import bounds, check_line, fuzz
from hypothesis import strategies as st

from gan_style.errors import UserError


def test_what_ends_well_or_in_one_line_passes() -> None:
    with bounds():
        pass
    with bounds():
        raise UserError("file.png: is broken; remove it")
    with bounds((KeyError,)):
        raise KeyError("tree")


def test_other_exceptions_go_through() -> None:
    with pytest.raises(KeyError), bounds((ValueError,)):
        raise KeyError("tree")


@pytest.mark.parametrize("line", ["no prefix\n", "error: 1\n2\n", "error: \x1b[2J\n", "error: \udcff\n", "error: " + "x" * 10_000 + "\n"])
def test_what_is_not_one_readable_line_fails(line: str) -> None:
    with pytest.raises(AssertionError):
        check_line(line)


@pytest.mark.parametrize("allocate", [bytearray, np.ones, torch.ones, lambda size: cv2.resize(np.ones((1, 1), np.uint8), (1, size))])
def test_memory_is_refused_even_where_the_refusal_is_renamed(allocate: Callable[[int], object]) -> None:
    with bounds(memory=2**26):
        allocate(2**22)
    with pytest.raises(AssertionError, match="wanted more than"), bounds(memory=2**26):
        try:
            allocate(2**28)  # far more: what others free meanwhile counts for it
        except Exception as failure:
            raise UserError("file.png: is damaged") from failure


def test_memory_is_counted_anew_for_each_case() -> None:
    kept = []
    for _ in range(3):
        with bounds(memory=2**26):
            kept.append(bytearray(2**25))


def test_a_case_that_fails_keeps_no_memory() -> None:
    class Picture:
        pass

    pictures: list[weakref.ref[Picture]] = []

    def fail() -> None:
        picture = Picture()
        pictures.append(weakref.ref(picture))
        raise KeyError

    with pytest.raises(KeyError) as caught, bounds():
        fail()
    assert caught.value and pictures[0]() is None


def test_a_hang_is_ended_even_where_every_exception_is_caught() -> None:
    started = time.monotonic()
    with pytest.raises(AssertionError, match="took more than"), bounds(seconds=0.1):
        while True:
            try:
                time.sleep(60)
            except Exception:
                continue
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("nightly", "least"), [(False, 200), (True, 250)])
def test_as_many_cases_as_are_promised(monkeypatch: pytest.MonkeyPatch, nightly: bool, least: int) -> None:
    assert (fuzzing.CASES, fuzzing.NIGHTLY_CASES) == (200, 2000)
    monkeypatch.setattr(fuzzing, "NIGHTLY_CASES", 250)  # fewer are enough to tell which count is taken
    monkeypatch.setattr(fuzzing, "nightly", nightly)
    numbers: list[int] = []

    @fuzz(number=st.integers())
    def case(number: int) -> None:
        numbers.append(number)

    case()
    count = len(numbers)
    case()
    assert count >= least and len(numbers) >= 2 * least
    assert (numbers[:count] == numbers[count:]) is not nightly, "the same cases each time, new ones each night"
    assert fuzzing.MEMORY == 2**30


def test_a_case_that_fails_fails_its_test() -> None:
    @fuzz(number=st.integers(0, 9))
    def case(number: int) -> None:
        assert number != 7

    with pytest.raises(AssertionError):
        case()
