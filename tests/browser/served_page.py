"""The page of a server in a browser, by what a visitor does there."""

from pathlib import Path

from driver import Browser
from pictures import draw
from PIL import Image
from served import Served, eventually

CONTROLS = {"button", "link", "slider", "combobox", "textbox", "listbox", "spinbutton", "checkbox", "radio", "progressbar"}


def drawn(path: Path, number: int = 0, size: tuple[int, int] = (36, 24)) -> Path:
    """Write a picture of this width and height."""
    Image.fromarray(draw(number, 24)).resize(size).save(path)
    return path


class Page:
    """folder: for pictures and downloads"""

    def __init__(self, browser: Browser, server: Served, folder: Path) -> None:
        self.browser, self.server, self.folder = browser, server, folder
        self.value, self.until = browser.value, browser.until

    def open(self, *size: int, **options: bool) -> "Page":
        """Load the page without what earlier tests left: pictures, a token, lines of the console."""
        self.browser.show(f"{self.server.url}/health")
        self.value("sessionStorage.clear()")
        self.browser.console(), self.browser.requests()
        self.browser.show(f"{self.server.url}/", *size, **options)
        self.until("!document.getElementById('work').hidden || !document.getElementById('door').hidden")
        return self

    def add(self, *files: Path) -> None:
        """Choose files."""
        before = self.rows
        self.browser.type("#files", "\n".join(map(str, files)))
        self.until(f"document.querySelectorAll('.row').length === {before + len(files)}")

    def choose(self, control: str, value: str) -> None:
        """Choose an option of a select."""
        self.value(f"(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')); }})(document.getElementById({control!r}))")

    def go(self) -> None:
        """Translate, and wait until nothing is left to do. A finger's click comes after the touch, when the driver has answered."""
        self.value("document.getElementById('go').addEventListener('click', () => { window.gone = true; }, {once: true, capture: true})")
        self.browser.click("#go")
        self.until("window.gone")
        self.value("delete window.gone")
        self.until("!document.getElementById('go').hidden")

    @property
    def rows(self) -> int:
        return self.value("document.querySelectorAll('.row').length")

    @property
    def states(self) -> list[str]:
        """How far each picture is, in the page's words."""
        return self.value("[...document.querySelectorAll('.row .state')].map(e => e.textContent)")

    def text(self, selector: str) -> str:
        return self.value(f"document.querySelector({selector!r}).textContent")

    def visible(self, selector: str) -> bool:
        return self.value(f"(e => Boolean(e && e.getClientRects().length))(document.querySelector({selector!r}))")

    def download(self, selector: str, name: str) -> bytes:
        """The file of this name that a link saves."""
        self.browser.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.folder / "saved"))
        self.browser.click(selector)
        saved = self.folder / "saved" / name
        eventually(lambda: saved.exists() and saved.stat().st_size > 0)  # Chromium reserves the name by an empty file
        return saved.read_bytes()

    @property
    def controls(self) -> list[str]:
        """The names of all controls, as a screen reader has them, sorted."""
        nodes = self.browser.devtools("Accessibility.getFullAXTree")["nodes"]
        controls = [node for node in nodes if not node["ignored"] and node["role"]["value"] in CONTROLS]
        return sorted(node.get("name", {}).get("value", "").strip() for node in controls)

    def fits(self) -> bool:
        """Is the page as wide as the window at most?"""
        return self.value("document.documentElement.scrollWidth <= innerWidth")
