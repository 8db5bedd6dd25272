"""One browser for all tests of a process."""

from collections.abc import Iterator

import pytest
from driver import CHROMEDRIVER, CHROMIUM, Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not (CHROMIUM and CHROMEDRIVER):
        pytest.skip("needs Chromium and chromedriver on the PATH (Debian: apt-get install chromium chromium-driver)")
    browser = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield browser
    browser.close()
