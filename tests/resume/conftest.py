"""Data and uninterrupted runs that interrupted ones are compared with."""

from pathlib import Path

import pytest
from pictures import draw_folders
from runs import arguments

from gan_style.commands.train import train_command
from gan_style.methods import METHODS


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), train=5)


@pytest.fixture(scope="module", params=sorted(METHODS))
def straight(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A method's name and its uninterrupted run."""
    run_dir = tmp_path_factory.mktemp("straight") / request.param
    assert train_command(arguments(request.param, data, run_dir, "data.workers=0")) == 0
    return request.param, run_dir
