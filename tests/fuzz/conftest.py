"""`pytest -m nightly tests/fuzz` runs the fuzz tests longer and on new cases each time."""

import fuzzing
import pytest


def pytest_configure(config: pytest.Config) -> None:
    fuzzing.nightly = config.getoption("markexpr") == "nightly"


def pytest_itemcollected(item: pytest.Item) -> None:
    if fuzzing.nightly:
        item.add_marker("nightly")
