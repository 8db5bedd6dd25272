"""The page of `gan-style serve` in a real browser: a picture goes in, its translation comes out, nothing goes elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import Browser
from PIL import Image
from served import Gate, Served, eventually, served
from served_page import Page, drawn

from gan_style.serving.app import Limits

NOW = "Number(document.getElementById('divider').getAttribute('aria-valuenow'))"
PHONE, DESKTOP = (360, 740), (1200, 850)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return drawn(tmp_path / "my photo.png")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_picture_is_translated_and_saved_under_its_name(page: Page, photo: Path, way: str, size: tuple[int, int]) -> None:
    page.open(*size)
    if way == "chosen":
        page.add(photo)
    else:
        page.browser.drop("header", photo)
    page.until("document.querySelectorAll('.row').length === 1")
    page.go()
    assert page.states[0].startswith("36 \N{MULTIPLICATION SIGN} 24, ") and "translated in" in page.states[0]
    expected = page.server.translate(photo.read_bytes(), model="photos")
    assert page.download("#download", "my photo.png") == expected.content
    assert page.visible("#before") and page.visible("#after") and page.visible("#divider")
    assert page.text("#status") == "my photo.png is translated."
    assert page.browser.console() == []


def test_a_picture_is_pasted(page: Page) -> None:
    """From the clipboard, as the browser hands it to a page."""
    page.open()
    page.value(
        "fetch('page/icon.svg').then(answer => answer.blob()).then(blob => { const data = new DataTransfer();"
        " data.items.add(new File([blob], 'image.svg', {type: blob.type}));"
        " document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true})); })"
    )
    page.until("document.querySelectorAll('.row').length === 1")
    assert page.text(".row strong") == "image.svg" and page.visible("#before")


def test_no_request_leaves_the_host_and_no_policy_is_broken(page: Page, photo: Path) -> None:
    page.open()
    page.add(photo)
    page.go()
    page.choose("model", "pictures")
    page.browser.type("#style-files", str(photo))
    page.until("document.querySelectorAll('.style').length === 1")
    page.go()
    asked = page.browser.requests()
    assert f"{page.server.url}/translate?model=photos&format=png&resize=none" in asked
    assert [url for url in asked if not url.startswith((page.server.url + "/", f"blob:{page.server.url}/"))] == []
    assert page.browser.console() == []


def test_a_script_that_got_into_the_page_would_not_run(page: Page, photo: Path) -> None:
    page.open()
    with pytest.raises(RuntimeError, match="TrustedHTML"):
        page.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.stolen = 1\">')")
    page.value("fetch('http://127.0.0.2:9/').catch(() => 0)")
    assert any("Content Security Policy" in line for line in page.browser.console())


def test_a_name_with_html_is_a_name(page: Page, tmp_path: Path) -> None:
    page.open()
    page.add(drawn(tmp_path / "<img src=x onerror=alert(1)>.png"))
    assert page.text(".row strong") == "<img src=x onerror=alert(1)>.png"
    assert page.value("document.querySelectorAll('[onerror]').length") == 0 and page.browser.console() == []


def test_the_buttons_stand_in_the_middle_of_a_phone(page: Page, photo: Path) -> None:
    page.open(390, 844)
    page.add(photo)
    boxes = "['intake', 'choose', 'camera'].map(id => document.getElementById(id).getBoundingClientRect())"
    left, right = page.value(f"(([outer, first, last]) => [first.left - outer.left, outer.right - last.right])({boxes})")
    assert page.visible("#camera") and abs(left - right) <= 1


def test_the_divider_obeys_the_keyboard(page: Page, photo: Path) -> None:
    page.open()
    page.add(photo)
    page.go()
    assert page.value(NOW) == 50
    for key, expected in (("right", 52), ("left", 50), ("left", 48), ("home", 0), ("left", 0), ("end", 100), ("right", 100)):
        page.browser.press("#divider", key)
        assert page.value(NOW) == expected
        told = f"{expected} % before, {100 - expected} % after"
        assert page.value("document.getElementById('divider').getAttribute('aria-valuetext')") == told
        assert page.value("getComputedStyle(document.getElementById('before')).clipPath") == f"inset(0px {100 - expected}% 0px 0px)"


@pytest.mark.parametrize(("kind", "size"), [("mouse", DESKTOP), ("touch", PHONE)])
def test_the_divider_obeys_the_pointer(page: Page, photo: Path, kind: str, size: tuple[int, int]) -> None:
    page.open(*size)
    page.add(photo)
    page.go()
    page.browser.point("#compare", 0.25, kind)
    if kind == "mouse":
        assert page.value(NOW) == 50  # nothing is pressed
        box = page.value("document.getElementById('compare').getBoundingClientRect()")
        for event, across in (("mousePressed", 0.25), ("mouseMoved", 0.75), ("mouseReleased", 0.75), ("mouseMoved", 0.5)):
            x, y = box["x"] + across * box["width"], box["y"] + 20
            held = 0 if event == "mouseReleased" or across == 0.5 else 1
            button = "left" if held or event == "mouseReleased" else "none"
            page.browser.devtools("Input.dispatchMouseEvent", type=event, x=x, y=y, button=button, buttons=held, clickCount=1)
        assert page.value(NOW) == 75
    else:
        assert page.value(NOW) == 25
    page.browser.release()


def test_the_servers_line_is_shown_and_the_other_pictures_are_done(page: Page, photo: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("no picture")
    page.open()
    page.add(notes, photo)
    page.go()
    refusal = page.server.translate(notes.read_bytes(), model="photos").json()["error"]
    assert page.states[0] == refusal and "translated in" in page.states[1]
    assert page.value(
        "getComputedStyle(document.querySelector('.row .state')).color === getComputedStyle(document.querySelector('.bad')).color"
    )


def test_a_picture_that_the_browser_cannot_show_is_translated(page: Page, tmp_path: Path) -> None:
    page.open()
    page.add(drawn(tmp_path / "scan.tif"))
    page.choose("format", "keep")
    page.go()
    assert "this browser cannot show the translation" in page.text("#state")
    expected = page.server.translate((tmp_path / "scan.tif").read_bytes(), model="photos", format="keep")
    assert page.download("#download", "scan.tiff") == expected.content
    page.choose("format", "png")
    page.go()
    assert page.visible("#after") and not page.visible("#before") and not page.visible("#divider")


def test_pictures_are_shown_and_removed_one_by_one(page: Page, tmp_path: Path) -> None:
    page.open()
    page.add(*(drawn(tmp_path / f"{number}.png", number) for number in range(3)))
    assert page.text("#go") == "Translate 3 pictures" and page.text("#name") == "0.png"
    page.browser.click(".row:nth-child(2) .thumb")
    assert page.text("#name") == "1.png"
    assert page.value("[...document.querySelectorAll('.thumb')].map(e => e.ariaPressed)") == ["false", "true", "false"]
    page.browser.click(".row:nth-child(2) .small")
    assert page.text("#name") == "2.png" and page.value("document.activeElement.ariaLabel") == "Remove 2.png"
    page.go()
    assert len(page.states) == 2 and all("translated in" in state for state in page.states)
    page.browser.click(".row .small")
    page.browser.click(".row .small")
    assert page.rows == 0 and not page.visible("#view") and page.value("document.activeElement.id") == "choose"


def test_nothing_is_asked_for_twice(page: Page, photo: Path) -> None:
    page.open()
    page.add(photo)
    page.go()
    page.browser.requests()
    page.browser.click("#go")
    assert page.text("#status") == "There is nothing left to translate with these settings." and page.browser.requests() == []
    page.choose("format", "jpg")
    page.go()
    assert page.value("document.getElementById('download').download") == "my photo.jpg"


@pytest.fixture
def slow(browser: Browser, bundles: dict[str, Path], tmp_path: Path) -> Iterator[Page]:
    """The page of a server of one model."""
    with served({"photos": bundles["photos"]}) as running:
        yield Page(browser, running, tmp_path)


@pytest.mark.parametrize("still", [False, True], ids=["moving", "still"])
def test_work_is_seen_and_can_be_cancelled(slow: Page, photo: Path, monkeypatch: pytest.MonkeyPatch, still: bool) -> None:
    gate = Gate(slow.server.service.models["photos"], monkeypatch)
    slow.open(still=still)
    slow.add(photo, drawn(slow.folder / "next.png", 1))
    slow.browser.click("#go")
    try:
        gate.wait_for(1)
        slow.until("document.querySelector('.state').textContent.startsWith('Waiting for the translation, ')")
        assert slow.visible(".row progress") and slow.visible("#cancel") and not slow.visible("#go")
        animation = slow.value("getComputedStyle(document.querySelector('.row progress')).animationName")
        assert animation == ("none" if still else "wait")
        slow.browser.click("#cancel")
        slow.until("document.getElementById('cancel').hidden")
        assert [state.split(",")[0] for state in slow.states] == [
            "36 \N{MULTIPLICATION SIGN} 24",
            "36 \N{MULTIPLICATION SIGN} 24",
        ] and not slow.visible("#download")
        eventually(lambda: any(event.get("status") == 499 for event in slow.server.events))
    finally:
        gate.open()
    slow.go()
    assert all("translated in" in state for state in slow.states)


def test_a_picture_that_is_removed_at_work_leaves_the_others_at_it(slow: Page, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(slow.server.service.models["photos"], monkeypatch)
    slow.open()
    slow.add(photo, drawn(slow.folder / "next.png", 1))
    slow.browser.click("#go")
    try:
        gate.wait_for(1)
        slow.browser.click(".row .small")
        assert slow.rows == 1 and slow.visible("#cancel")
    finally:
        gate.open()
    slow.until("!document.getElementById('go').hidden")
    assert "translated in" in slow.states[0]


def test_a_server_that_went_away_is_told(slow: Page, photo: Path) -> None:
    slow.open()
    slow.add(photo)
    slow.server.server.should_exit = True
    eventually(lambda: not slow.server.service.queue.alive)
    slow.go()
    assert slow.states == ["The server cannot be reached. Is it running?"]


@pytest.mark.parametrize("limits", [Limits(pixels=700), Limits(body=1000)], ids=["pixels", "bytes"])
def test_limits_are_checked_before_the_upload(
    browser: Browser, bundles: dict[str, Path], photo: Path, tmp_path: Path, limits: Limits
) -> None:
    with served({"photos": bundles["photos"]}, limits) as running:
        page = Page(browser, running, tmp_path).open()
        page.add(photo)
        count, most = ("864 pixels", 700) if limits.pixels == 700 else (f"{photo.stat().st_size:,} bytes", "1,000")
        assert page.states[0] == f"{count} are more than the {most} allowed."
        assert page.value("document.getElementById('go').ariaDisabled") == "true"
        page.browser.click("#go")
        assert not [url for url in browser.requests() if "translate" in url]
        page.browser.click(".what button")
        page.until("!document.querySelector('.state.bad')")
        page.go()
        assert "translated in" in page.states[0]
        page.download("#download", "my photo.png")
        with Image.open(tmp_path / "saved" / "my photo.png") as result:
            assert result.width * result.height <= limits.pixels and result.width > result.height


def test_a_token_is_asked_for_and_kept_in_the_tab(browser: Browser, bundles: dict[str, Path], photo: Path, tmp_path: Path) -> None:
    with served({"photos": bundles["photos"]}, token="secret") as running:
        page = Page(browser, running, tmp_path).open()
        assert page.visible("#door") and not page.visible("#work") and page.value("document.activeElement.id") == "token"
        browser.type("#token", "wrong")
        browser.click("#door button")
        page.until("document.getElementById('door-problem').textContent === 'The server does not know this token.'")
        browser.type("#token", "secret")
        browser.click("#door button")
        page.until("!document.getElementById('work').hidden")
        page.add(photo)
        page.go()
        assert "translated in" in page.states[0] and not page.visible("#door")
        browser.show(f"{running.url}/")
        page.until("!document.getElementById('work').hidden")
        assert page.value("localStorage.length") == 0 and page.value("document.cookie") == ""
        assert "secret" not in running.stream.getvalue()


def test_the_camera_gives_a_picture(page: Page) -> None:
    page.open(*DESKTOP)
    page.browser.click("#camera")
    page.until("document.getElementById('viewfinder').open && document.getElementById('video').videoWidth")
    page.browser.click("#shoot")
    page.until("document.querySelectorAll('.row').length === 1")
    assert page.text(".row strong") == "camera-1.jpg" and not page.value("document.getElementById('viewfinder').open")
    assert page.value("document.getElementById('video').srcObject") is None  # the camera is off
    page.go()
    assert "translated in" in page.states[0]


def test_a_phone_takes_its_own_camera(page: Page) -> None:
    page.open(*PHONE)
    page.value("document.getElementById('capture').addEventListener('click', e => { e.preventDefault(); window.asked = true; })")
    page.browser.click("#camera")
    assert page.value("window.asked") and not page.value("document.getElementById('viewfinder').open")
    assert page.value("document.getElementById('capture').getAttribute('capture')") == "environment"


def test_the_server_is_one_that_tells_its_models(server: Served) -> None:
    """What the page reads of GET /models is there."""
    told = server.client.get("/models").json()
    assert {"pixels", "body_bytes"} <= told["limits"].keys()
    assert all({"name", "method", "direction", "step", "takes", "names"} <= model.keys() for model in told["models"])
