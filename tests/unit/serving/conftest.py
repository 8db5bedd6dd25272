"""A tiny bundle, a picture for it, and a server that each test has for itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from served import Served, served
from tiny_bundles import pixels, tiny_bundle

from gan_style.files import images


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny.safetensors")


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    images.write(path, pixels(24, 32))
    return path.read_bytes()


@pytest.fixture
def serve(bundle: Path) -> Iterator[Callable[..., Served]]:
    """A function of the keywords of `served` that starts a server of the tiny bundle, which ends with the test."""
    with ExitStack() as stack:

        def start(**keywords: Any) -> Served:
            return stack.enter_context(served({"tiny": bundle}, **keywords))

        yield start
