"""Data and uninterrupted runs that interrupted ones are compared with."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from pictures import draw_folders
from runs import arguments

from gan_style.commands.train import train_command
from gan_style.methods import METHODS


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), train=5)


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The run folder of a method, and of overrides: trained when it is first asked for. Who changes it works on a copy."""
    folder = tmp_path_factory.mktemp("trained")

    @cache
    def train(name: str, *overrides: str) -> Path:
        run_dir = Path(tempfile.mkdtemp(dir=folder)) / name
        assert train_command(arguments(name, data, run_dir, "data.workers=0", *overrides)) == 0
        return run_dir

    return train


@pytest.fixture(scope="module", params=sorted(METHODS))
def straight(request: pytest.FixtureRequest, trained: Callable[..., Path]) -> tuple[str, Path]:
    """A method's name and its uninterrupted run."""
    return request.param, trained(request.param)


@pytest.fixture
def largest(trained: Callable[..., Path]) -> tuple[str, Path]:
    """The method with most state, four networks and two replay buffers, and its uninterrupted run: for what no method has a part in."""
    return "cyclegan", trained("cyclegan")
