"""The suite passes in any order: see `make nightly`."""

import os
import random
import resource
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from isolation import leftovers, process_state, seed_everything, shuffled


@dataclass(frozen=True)
class Placed:
    path: str
    name: int


def test_a_shuffled_suite_has_the_same_tests_and_keeps_files_together() -> None:
    tests = [Placed(path, name) for path in "abcdef" for name in range(5)]
    order = shuffled(tests, 1)
    assert order != tests and sorted(order, key=tests.index) == tests
    assert [test.path for test in order] == [path for path in dict.fromkeys(test.path for test in order) for _ in range(5)]
    assert shuffled(tests, 1) == order, "the seed that is printed gives the order again"
    assert shuffled(tests, 2) != order


def test_each_test_begins_with_the_same_random_numbers() -> None:
    drawn = []
    for _ in range(2):
        seed_everything()
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert drawn[0] == drawn[1]


def test_what_is_left_behind_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    before = process_state()
    assert leftovers(before, process_state()) == []
    with monkeypatch.context() as change:
        change.chdir(str(tmp_path))
        change.setenv("LEFT", "1")
        change.delenv("PATH")
        assert [text.split(":")[0] for text in leftovers(before, process_state())] == ["$LEFT", "$PATH", "the working folder"]
    torch.set_default_dtype(torch.float64)
    try:
        assert leftovers(before, process_state()) == ["torch's default dtype: torch.float32 -> torch.float64"]
    finally:
        torch.set_default_dtype(torch.float32)
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (2**50, limits[1]))
    try:
        assert leftovers(before, process_state()) == [f"RLIMIT_DATA: {limits!r} -> {(2**50, limits[1])!r}"]
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    torch.set_flush_denormal(True)
    try:
        assert leftovers(before, process_state()) == ["flushing of denormal numbers: False -> True"]
    finally:
        torch.set_flush_denormal(False)
    without = {name: value for name, value in before.items() if "torch" not in name}
    assert leftovers(without, before) == [], "what torch brings when it is loaded was not left by the test"
    assert os.environ.get("LEFT") is None
