"""A real browser, driven by what the WebDriver standard (w3.org/TR/webdriver2) says: JSON over HTTP to chromedriver."""

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")

_FLAGS = (
    "headless no-sandbox disable-gpu disable-dev-shm-usage disable-quic no-first-run "
    "disable-background-networking disable-component-update disable-sync "
    "use-fake-device-for-media-stream use-fake-ui-for-media-stream"
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name for a reference to an element
_SECONDS = 60  # for the browser to answer, on a machine that does much else
_KEYS = {"left": "\ue012", "right": "\ue014", "home": "\ue011", "end": "\ue010"}


class Browser:
    """One window of Chromium without a display; `profile` is an empty folder of its own."""

    def __init__(self, profile: Path) -> None:
        assert CHROMEDRIVER and CHROMIUM
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        self._process = subprocess.Popen([CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert self._process.stdout
            said = (re.search(r"started successfully on port (\d+)", line) for line in self._process.stdout)
            started = next(filter(None, said), None)
            assert started, "chromedriver did not start"
            self._root = f"http://127.0.0.1:{started[1]}/session"
            options = {"binary": CHROMIUM, "args": [f"--{flag}" for flag in _FLAGS.split()] + [f"--user-data-dir={profile}"]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            self._root += "/" + self._post("", capabilities={"alwaysMatch": wanted})["sessionId"]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the browser and its driver."""
        try:
            if "/session/" in getattr(self, "_root", ""):
                self._send(urllib.request.Request(self._root, method="DELETE"))
        finally:
            self._process.terminate()
            self._process.wait(_SECONDS)

    def show(self, page: Path | str, width: int = 1200, height: int = 900, dark: bool = False, still: bool = False) -> None:
        """Load a file or a URL in a window of this size. still: the reader asked for reduced motion."""
        features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce" if still else "no-preference"}
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in features.items()])
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=width < 600)
        self._post("/url", url=page if isinstance(page, str) else page.resolve().as_uri())

    def value(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        return self._post("/execute/sync", script=f"return {expression}", args=[])

    def press(self, selector: str, *keys: str) -> None:
        """Press keys while an element has the focus."""
        self.type(selector, "".join(_KEYS[key] for key in keys))

    def type(self, selector: str, text: str) -> None:
        """Type a text into an element; for a choice of files it is their paths, a line each."""
        element = self._post("/element", using="css selector", value=selector)[_ELEMENT]
        self._post(f"/element/{element}/value", text=text)

    def click(self, selector: str) -> None:
        """Click an element, in the middle of the window: what is fixed to an edge may cover others there."""
        self.value(f"{_query(selector)}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        element = self._post("/element", using="css selector", value=selector)[_ELEMENT]
        self._post(f"/element/{element}/click")

    def point(self, selector: str, across: float, kind: str = "mouse") -> None:
        """Move the pointer to a share of an element's width, at half its height; a finger touches there."""
        scroll = "e.scrollIntoView({block: 'center', behavior: 'instant'})"
        box = self.value(f"(e => ({scroll}, e.getBoundingClientRect()))({_query(selector)})")
        x, y = round(box["x"] + across * box["width"]), round(box["y"] + box["height"] / 2)
        moves: list[dict[str, Any]] = [{"type": "pointerMove", "duration": 0, "x": x, "y": y}]
        if kind == "touch":
            moves.append({"type": "pointerDown", "button": 0})
        self._post("/actions", actions=[{"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": moves}])

    def release(self) -> None:
        """Lift what `point` put down."""
        self._send(urllib.request.Request(f"{self._root}/actions", method="DELETE"))

    def console(self) -> list[str]:
        """What the console got since the last call: errors, refusals of the content security policy, warnings."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._post("/se/log", type="browser")]

    def until(self, expression: str, seconds: float = _SECONDS) -> Any:
        """The expression's value as soon as it is true."""
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            assert time.monotonic() < end, f"never became true: {expression}"
            time.sleep(0.02)
        return value

    def drop(self, selector: str, *files: Path) -> None:
        """Drag files from outside onto an element."""
        box = self.value(f"{_query(selector)}.getBoundingClientRect()")
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for event in ("dragEnter", "dragOver", "drop"):
            self.devtools("Input.dispatchDragEvent", type=event, data=data, **place)

    def requests(self) -> list[str]:
        """The URLs that the page has asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self._post("/se/log", type="performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """The window, or the whole page, as PNG."""
        path.write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self._post("/goog/cdp/execute", cmd=command, params=parameters)

    def _post(self, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode()
        return self._send(urllib.request.Request(self._root + path, data, {"Content-Type": "application/json"}, method="POST"))

    def _send(self, request: urllib.request.Request) -> Any:
        try:
            with self._open(request, timeout=_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(refusal.read().decode(errors="replace")[:2000]) from None


def _query(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"
