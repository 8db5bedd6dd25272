"""infer.py as a function."""

from collections.abc import Callable, Sequence

import pytest


@pytest.fixture
def main() -> Callable[[Sequence[str]], int]:
    """`main` of infer.py: tracebacks and exit codes included."""
    import infer

    return infer.main
