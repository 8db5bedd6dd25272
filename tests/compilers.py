"""Stand-ins for torch's compiler, for the length of a test, and the compiler itself."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from gan_style.machine import compilation


def recording(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A compiler whose code is that of the plain network. Returns the list of the graphs that it is given."""
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any, options: Any = None) -> Any:
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", backend)
    return graphs


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that compiles nothing."""

    def backend(graph: Any, inputs: Any, options: Any = None) -> Any:
        raise NotImplementedError("no kernel for this")

    torch._dynamo.reset()
    monkeypatch.setattr(compilation, "BACKEND", backend)


@contextmanager
def compiling() -> Iterator[None]:
    """Take back what the compiler adds to sys.path and to the environment."""
    path, variables = list(sys.path), set(os.environ)
    torch._dynamo.reset()
    yield
    sys.path[:] = path
    for name in set(os.environ) - variables:
        del os.environ[name]
