"""One browser for all tests of a process, and a server whose page it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import CHROMEDRIVER, CHROMIUM, Browser
from served import Served, served
from served_page import Page
from tiny_bundles import tiny_bundle


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not (CHROMIUM and CHROMEDRIVER):
        pytest.skip("needs Chromium and chromedriver on the PATH (Debian: apt-get install chromium chromium-driver)")
    browser = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle for each of what a translator of pictures takes."""
    folder = tmp_path_factory.mktemp("bundles")
    small, styles = {"base_channels": 2, "num_blocks": 0}, {"styles": {"waves": "", "dusk": "", "ink": ""}}
    return {
        "photos": tiny_bundle(folder / "photos.safetensors"),
        "domains": tiny_bundle(
            folder / "domains.safetensors", {"name": "resnet", **small}, "stargan", keys={"domain_names": ["blue", "red"]}
        ),
        "named": tiny_bundle(folder / "named.safetensors", small, "fast_style", keys=styles),
        "pictures": tiny_bundle(folder / "pictures.safetensors", {"base_channels": 1, "depth": "relu2_1"}, "adain", style=True),
    }


@pytest.fixture(scope="session")
def server(bundles: dict[str, Path]) -> Iterator[Served]:
    with served(bundles) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Served, tmp_path: Path) -> Page:
    """The page of the server of all bundles."""
    return Page(browser, server, tmp_path)
