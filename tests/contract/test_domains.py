"""Labels, means and absent domains of every method over several domains: `domains` says what is checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mistakes import OF_DOMAINS
from tiny import make_method, tiny_config

from gan_style.methods import METHODS
from gan_style.methods.several_domains import SeveralDomains


@pytest.mark.parametrize("check", OF_DOMAINS)
@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if issubclass(method, SeveralDomains)])
def test_a_method_over_several_domains_keeps_them_apart(name: str, check: Callable[[Any], None], tmp_path: Path) -> None:
    check(make_method(tiny_config(name, tmp_path, {"batch_size": 4})))
