"""Methods that exist for the tests alone, among those that the tests find by name."""

import pytest
from dual import Dual
from each_domain import EachDomain

from gan_style.methods import CONFIGS, METHODS


@pytest.fixture(autouse=True)
def tests_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in (("dual", Dual), ("each_domain", EachDomain)):
        monkeypatch.setitem(METHODS, name, method)
        monkeypatch.setitem(CONFIGS, name, method.Config)
