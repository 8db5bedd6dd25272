"""The page of `gan-style export --web` in a real browser, from a plain file server: the network runs there."""

import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from driver import Browser
from PIL import Image
from served_page import Page, drawn

from gan_style.commands.export import export_command
from gan_style.errors import UserError
from gan_style.exporting.runtime import runtime_files
from gan_style.files.bounded import Encoded
from gan_style.serving.models import Model
from gan_style.serving.options import parse_options
from gan_style.serving.request import Translating

pytestmark = pytest.mark.slow  # fetches a package of 33 MB


@pytest.fixture(scope="module")
def ort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ort")
    try:
        for name, content in runtime_files(None).items():
            (folder / name).write_bytes(content)
    except UserError as problem:
        pytest.skip(str(problem))
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def shown(browser: Browser, bundles: dict[str, Path], ort: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of the bundle that the test names."""
    web = tmp_path / "web"
    assert export_command(["--model", str(bundles[request.param]), "--web", str(web), "--ort", str(ort)]) == 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(web))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = Page(browser, SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}"), tmp_path)  # pyright: ignore[reportArgumentType]
        browser.console(), browser.requests()
        browser.show(f"{page.server.url}/", 360, 740)
        page.until("!document.getElementById('work').hidden")
        yield page
        server.shutdown()
        thread.join()


def pipelines(bundle: Path, picture: Path, styles: list[Path], query: dict[str, Any]) -> np.ndarray:
    """What the translation pipeline makes of a picture."""
    model = Model.load("model", bundle, "cpu", "fp32", 1)
    options = parse_options([(name, str(value)) for name, value in query.items()])
    work = Translating(model, options, Encoded("picture", picture.read_bytes()), [Encoded("style", style.read_bytes()) for style in styles])
    work.prepare()
    [(_, result)] = model.batches.over([work])
    return pixels(work.encode(result))


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("shown", "query"),
    [
        ("photos", {}),
        ("domains", {"to": "red"}),
        ("named", {"style": "waves", "strength": "0.99"}),
        ("pictures", {}),
    ],
    indirect=["shown"],
    ids=["photos", "domains", "named", "pictures"],
)
def test_the_browser_computes_what_the_pipeline_does(
    shown: Page, query: dict[str, Any], bundles: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    picture, style = drawn(tmp_path / "photo.png", 0, (50, 38)), drawn(tmp_path / "style.png", 1, (40, 40))
    name = request.node.callspec.id
    shown.add(picture)
    if name == "domains":
        shown.choose("to", "red")
    if name == "named":
        shown.browser.press("#strength", "left")
    if name == "pictures":
        shown.browser.type("#style-files", str(style))
        shown.until("document.querySelectorAll('.style').length === 1")
        assert not shown.visible("#choose-style")  # the network takes one
    assert not shown.visible("#resize") and not shown.visible("#colour")
    shown.go()
    assert "translated in" in shown.states[0]
    result = pixels(shown.download("#download", "photo.png"))
    expected = pipelines(bundles[name], picture, [style] if name == "pictures" else [], query)
    assert result.shape == expected.shape and np.abs(result - expected).max() <= 1  # of 255: a value at a half may round either way
    assert np.abs(pixels(picture.read_bytes()) - expected).max() > 5
    assert shown.browser.console() == [] and "" not in shown.controls and shown.fits()
    assert [url for url in shown.browser.requests() if not url.startswith((shown.server.url + "/", "blob:"))] == []


@pytest.mark.parametrize("shown", ["photos"], indirect=True)
def test_a_file_that_is_no_picture_is_told_and_the_next_is_translated(shown: Page, tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("no picture")
    shown.add(notes, drawn(tmp_path / "photo.png"))
    shown.go()
    assert shown.states[0] == "This browser cannot read the picture." and "translated in" in shown.states[1]


@pytest.mark.parametrize("shown", ["photos"], indirect=True)
def test_a_translation_can_be_cancelled_and_done_again(shown: Page, tmp_path: Path) -> None:
    shown.add(drawn(tmp_path / "photo.png", 0, (1600, 1200)))
    shown.browser.click("#go")
    shown.until("!document.getElementById('cancel').hidden")
    shown.browser.click("#cancel")
    shown.until("document.getElementById('cancel').hidden")
    assert "translated in" not in shown.states[0]
    shown.go()
    assert "translated in" in shown.states[0]
