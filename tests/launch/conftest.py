"""Data for the launches."""

from pathlib import Path

import pytest
from pictures import draw_folders


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))
