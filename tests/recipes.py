"""The smallest recipe, and what loading one gives."""

from pathlib import Path
from typing import Any

import pytest

from gan_style.config.load import load_config
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

BASE = "run_dir: runs/x\nmethod: {name: pix2pix}\ntrain: {steps: 10}\n"


def load(path: Path, *overrides: str) -> RunConfig[Any]:
    return load_config(path, overrides, CONFIGS)


def mistake(path: Path, *overrides: str) -> str:
    """The one line that loading ends in."""
    with pytest.raises(UserError) as caught:
        load(path, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)
