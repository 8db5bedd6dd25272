"""data.workers: a number, or one that fits the machine."""

import os

import pytest

from gan_style.datasets.workers import loading_processes


@pytest.mark.parametrize(
    ("cores", "beside", "expected"),
    [(1, "", 1), (2, "1", 1), (4, "", 3), (16, "4", 3), (64, "1", 8), (64, "8", 7), (4, "8", 1), (4, "x", 3)],
)
def test_auto_takes_the_cores_of_a_process_but_one(monkeypatch: pytest.MonkeyPatch, cores: int, beside: str, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", beside)
    assert loading_processes("auto") == expected


@pytest.mark.parametrize("number", [0, 1, 128])
def test_a_number_is_taken_as_it_is(number: int) -> None:
    assert loading_processes(number) == number
