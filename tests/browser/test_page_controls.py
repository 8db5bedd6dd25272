"""The controls of the page: what a model takes decides them, everyone can use them, and they fit."""

import random
from pathlib import Path

import pytest
from PIL import Image
from served_page import Page, drawn

SHARES = "[...document.querySelectorAll('.style output')].map(e => parseInt(e.textContent))"
PHONE, DESKTOP = (360, 740), (1200, 850)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return drawn(tmp_path / "photo.png")


def asked(page: Page) -> str:
    """The query of the last translation."""
    return [url for url in page.browser.requests() if "/translate?" in url][-1].partition("?")[2]


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("photos", set()),
        ("domains", {"#to"}),
        ("named", {"#style-name", "#strength", "#colour"}),
        ("pictures", {"#choose-style", "#strength", "#colour"}),
    ],
)
def test_a_model_shows_its_own_controls(page: Page, model: str, shown: set[str]) -> None:
    page.open()
    page.choose("model", model)
    controls = ("#to", "#style-name", "#choose-style", "#strength", "#colour", "#resize", "#format")
    assert {control for control in controls if page.visible(control)} == shown | {"#resize", "#format"}
    page.until("document.getElementById('about').textContent.endsWith('trained at 32 pixels')")


def test_a_domain_is_asked_for(page: Page, photo: Path) -> None:
    page.open()
    page.choose("model", "domains")
    page.choose("to", "red")
    page.add(photo)
    page.go()
    assert asked(page) == "model=domains&format=png&resize=none&to=red"
    assert page.download("#download", "photo.png") == page.server.translate(photo.read_bytes(), model="domains", to="red").content


def test_named_styles_are_mixed(page: Page, photo: Path) -> None:
    page.open()
    page.choose("model", "named")
    page.add(photo)
    page.go()
    assert asked(page) == "model=named&format=png&resize=none&style=waves"
    page.browser.click("#add-style")
    page.browser.click("#add-style")
    assert page.value(SHARES) == [34, 33, 33] and not page.visible("#add-style")
    page.browser.press(".style:nth-child(2) input", "end")
    assert page.value(SHARES) == [0, 100, 0]
    page.browser.press(".style:nth-child(2) input", "left", "left")
    assert page.value(SHARES) == [1, 98, 1]
    page.browser.click(".style:nth-child(1) .small")
    assert page.value(SHARES) == [99, 1] and page.value("document.activeElement.ariaLabel") == "Remove the style dusk"
    page.browser.press("#strength", "left")
    page.choose("colour", "luminance")
    page.choose("resize", "train")
    page.go()
    assert asked(page) == ("model=named&format=png&resize=train&style=dusk%3A0.99&style=ink%3A0.01&strength=0.99&preserve_color=luminance")
    options = {"style": ["dusk:0.99", "ink:0.01"], "strength": "0.99", "preserve_color": "luminance", "resize": "train"}
    assert page.download("#download", "photo.png") == page.server.translate(photo.read_bytes(), model="named", **options).content


def test_style_pictures_are_mixed(page: Page, photo: Path, tmp_path: Path) -> None:
    first, second = (drawn(tmp_path / f"style{number}.png", number, (40, 40)) for number in (1, 2))
    page.open()
    page.choose("model", "pictures")
    page.add(photo)
    page.browser.click("#go")
    assert page.text("#missing") == "Add a style picture first." and page.visible("#go")
    page.browser.type("#style-files", str(first))
    page.until("document.querySelectorAll('.style').length === 1")
    page.browser.drop("#styles", second)
    page.until("document.querySelectorAll('.style').length === 2")
    assert page.rows == 1
    assert page.text("#missing") == ""
    page.browser.press(".style:nth-child(1) input", "right")
    page.go()
    assert asked(page) == "model=pictures&format=png&resize=none&share=0.51&share=0.49"
    files = [("image", photo.read_bytes()), ("style", first.read_bytes()), ("style", second.read_bytes())]
    query = {"model": "pictures", "share": [0.51, 0.49]}
    answer = page.server.client.post("/translate", params=query, files=[(name, (name, content)) for name, content in files])
    assert page.download("#download", "photo.png") == answer.content


def test_shares_are_whole_per_cents_whose_sum_is_100(page: Page) -> None:
    page.open()
    draw = random.Random(0)
    for _ in range(30):
        count = draw.randint(1, 16)
        place, value = draw.randrange(count), draw.randint(-5, 105)
        calls = f"[even, shares.moved(even, {place}, {value}), shares.without(even, {place})]"
        equal, moved, left = page.value(
            f"import('/page/shares.js').then(shares => {{ const even = shares.equal({count}); return {calls}; }})"
        )
        assert sum(equal) == sum(moved) == 100 and sum(left) == (100 if count > 1 else 0)
        assert max(equal) - min(equal) <= 1 and min(moved) >= 0 and len(moved) == count and len(left) == count - 1
        assert moved[place] == (min(100, max(0, value)) if count > 1 else 100)


@pytest.mark.parametrize("model", ["photos", "domains", "named", "pictures"])
def test_every_control_has_a_name(page: Page, photo: Path, tmp_path: Path, model: str) -> None:
    page.open()
    assert page.controls == ["Choose pictures", "Format", "Interface", "Model", "Size", "Take a picture", "Translate"]
    page.choose("model", model)
    if model == "named":
        page.browser.click("#add-style")
    if model == "pictures":
        page.browser.type("#style-files", f"{photo}\n{drawn(tmp_path / 'style.png')}")
        page.until("document.querySelectorAll('.style').length === 2")
    page.add(photo)
    page.go()
    assert "" not in page.controls and len(page.controls) > 10
    page.browser.click("#camera")
    page.until("document.getElementById('viewfinder').open")
    assert page.controls == ["Close", "Take the picture"]
    page.browser.click("#close")


def test_the_keyboard_alone_is_enough(page: Page, photo: Path) -> None:
    """Every control is reached by tabs, in the order of the page; Enter translates."""
    page.open()
    page.add(photo)
    page.go()
    page.value("(body => { body.tabIndex = -1; body.focus(); })(document.body)")  # where tabs begin
    reached = []
    for _ in range(30):
        page.browser.devtools("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(page.value("(e => e.id || e.className || e.tagName)(document.activeElement)"))
        if reached[-1] == "interface":
            break
    order = ["divider", "download", "thumb", "button save", "small", "choose", "camera", "model", "resize", "format", "go", "interface"]
    assert reached == order
    page.choose("format", "webp")
    page.value("document.getElementById('go').focus()")
    page.browser.devtools("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    page.until("document.getElementById('download').download === 'photo.webp'")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everything_fits(page: Page, photo: Path, tmp_path: Path, size: tuple[int, int], dark: bool) -> None:
    page.open(*size, dark=dark)
    assert page.fits()
    page.browser.screenshot(tmp_path / "shot.png")
    with Image.open(tmp_path / "shot.png") as shot:
        corner = shot.convert("L").getpixel((2, 2))
    assert isinstance(corner, int) and (corner < 40 if dark else corner > 220)
    wide = drawn(tmp_path / ("a name that is far too long for a phone " * 5 + ".png"), size=(400, 20))
    (tmp_path / "broken.png").write_text("no picture")
    page.choose("model", "named")
    page.browser.click("#add-style")
    page.add(photo, wide, drawn(tmp_path / "tall.png", size=(20, 400)), tmp_path / "broken.png")
    page.go()
    for row in range(1, 5):
        page.browser.click(f".row:nth-child({row}) .thumb")
        assert page.fits()
        view = page.value("document.getElementById('view').getBoundingClientRect()")
        assert view["width"] <= size[0] and view["height"] <= size[1] * 0.95
