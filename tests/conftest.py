"""Options of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--vectors", metavar="DIR", default=None, help="golden vectors for tests/parity (default: ../shared/golden, where it exists)"
    )
