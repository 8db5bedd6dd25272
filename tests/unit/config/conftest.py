"""A recipe on disk."""

from pathlib import Path

import pytest
from recipes import BASE


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE, encoding="utf-8")
    return path
