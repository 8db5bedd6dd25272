"""The report in a real browser: nothing is complained of, and what moves, moves."""

from pathlib import Path

import pytest
from driver import Browser
from PIL import Image
from run_folders import CONFIG, hostile_run, make_run

from gan_style.report.comparison import Comparison
from gan_style.report.page import comparison_page, run_page
from gan_style.report.past import Past

SHOWN = "document.querySelector('.large').src"
STEP = "document.querySelector('#chosen').textContent"
LEGEND = "[...document.querySelectorAll('.card:has(.plot) b')].map(e => e.textContent)"
WIDTHS = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run long enough to be smoothed, with three grids."""
    run = make_run(tmp_path_factory.mktemp("runs") / "run", lines=80, **{"val/psnr": 21.5})
    (run / "report.html").write_text(run_page(Past(run)), encoding="utf-8")
    return run / "report.html"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison of three runs; the last is shorter and has no samples."""
    folder = tmp_path_factory.mktemp("comparison")
    runs = [
        make_run(folder / "a_run_with_quite_a_long_name_for_a_phone", lines=80, grids=6),
        make_run(folder / "b", lines=80, config={**CONFIG, "optim": {"lr": 1e-3, "a_key_that_is_long_too": "value" * 50}}),
        make_run(folder / "c", lines=20, grids=0),
    ]
    (folder / "comparison.html").write_text(comparison_page(Comparison(runs)), encoding="utf-8")
    return folder / "comparison.html"


@pytest.fixture(autouse=True)
def quiet(browser: Browser) -> None:
    browser.console()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("name", ["page", "comparison"])
def test_nothing_is_complained_of_and_everything_fits(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path, name: str, width: int, dark: bool
) -> None:
    browser.show(request.getfixturevalue(name), width, 844, dark)
    for details in ("true", "false"):
        browser.value(f"document.querySelectorAll('details').forEach(e => e.open = {details})")
        page_width, window_width = browser.value(WIDTHS)
        assert page_width <= window_width <= width
    assert browser.console() == []
    assert browser.value("performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length") == 0
    browser.screenshot(tmp_path / "shot.png")
    with Image.open(tmp_path / "shot.png") as shot:
        corner = shot.convert("L").getpixel((2, 2))
    assert isinstance(corner, int) and (corner < 40) == dark and (corner > 220) != dark


def test_the_slider_goes_through_the_steps_by_keys(browser: Browser, page: Path) -> None:
    browser.show(page)
    newest, step = browser.value(SHOWN), browser.value(STEP)
    assert step == "1500"
    seen = {newest}
    for key, expected in (("left", "1000"), ("left", "500"), ("left", "500"), ("right", "1000"), ("home", "500"), ("end", "1500")):
        browser.press("#slider", key)
        assert browser.value(STEP) == expected
        assert browser.value("document.querySelector('#slider').getAttribute('aria-valuetext')") == f"step {expected}"
        assert browser.value("document.querySelector('.large').alt") == f"samples at step {expected}"
        assert browser.value("document.querySelector('.film .shown').dataset.step") == expected
        seen.add(browser.value(SHOWN))
    assert len(seen) == 3 and browser.value(SHOWN) == newest
    assert browser.console() == []


def test_the_slider_obeys_pointer_and_film(browser: Browser, page: Path) -> None:
    browser.show(page)
    browser.value("(s => { s.value = 0; s.dispatchEvent(new Event('input')); })(document.querySelector('#slider'))")
    assert browser.value(STEP) == "500"
    assert browser.value("[...document.querySelectorAll('.chosen')].every(e => !e.hidden && e.style.left === '12.5%')")  # 500 of 4000
    browser.click(".film li:nth-child(2)")
    assert (browser.value(STEP), browser.value("document.querySelector('#slider').value")) == ("1000", "1")


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_the_legends_give_the_values_at_the_pointer(browser: Browser, page: Path, kind: str) -> None:
    browser.show(page, 390 if kind == "touch" else 1200)
    titles = browser.value("[...document.querySelectorAll('.card:has(.plot) h3')].map(e => e.textContent)")
    assert titles[:3] == ["psnr", "l1", "discriminator"]
    newest = browser.value(LEGEND)
    assert newest[:4] == ["21.5", "92.5", "0.00625", "0.005"]
    browser.point(".card:nth-child(1) > .plot", 0.5, kind)
    at = browser.value(LEGEND)
    assert at[:4] == ["21.5", "52.5", "0.0125", "0.01"]  # line 40, which is step 2000
    assert at[-3:] == ["2e-4", "31.25", "4 %"]
    assert browser.value("document.querySelector('.pill').textContent") == "step 2000"
    browser.release()
    browser.value("document.querySelector('.plot').dispatchEvent(new PointerEvent('pointerleave'))")
    assert browser.value(LEGEND) == newest
    assert browser.console() == []


def test_numbers_are_written_as_in_the_text(browser: Browser, page: Path) -> None:
    from gan_style.report.charts import in_digits, per_cent

    browser.show(page)
    values = [0.0, 1.0, 12.35, 0.0123, 0.0002, 1e-5, 2.5e-8, 123500.0, 1e6, 12350000.0, -0.5, -2e-4, 3e38]
    assert browser.value(f"{values}.map(value => written(value, false))") == [in_digits(value) for value in values]
    shares = [0.0, 0.0123, 0.5, 1.0]
    assert browser.value(f"{shares}.map(value => written(value, true))") == [per_cent(share) for share in shares]
    assert browser.value("written(null, false)") == in_digits(float("nan"))


def test_smoothing_can_be_switched_off(browser: Browser, page: Path) -> None:
    browser.show(page)
    visible = "getComputedStyle(document.querySelector('.smooth')).display"
    assert browser.value(visible) != "none"
    browser.click(".smoothing")
    assert browser.value(visible) == "none"
    assert browser.value("[...document.querySelectorAll('.smoothing')].some(e => e.checked)") is False
    browser.click(".smoothing")
    assert browser.value(visible) != "none"


@pytest.mark.parametrize("still", [False, True])
def test_nothing_moves_for_those_who_asked_for_it(browser: Browser, page: Path, still: bool) -> None:
    browser.show(page, still=still)
    assert browser.value("getComputedStyle(document.documentElement).scrollBehavior") == ("auto" if still else "smooth")


def test_without_samples_or_lines_there_is_a_page(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(run_page(Past(tmp_path)), encoding="utf-8")
    browser.show(tmp_path / "report.html")
    assert browser.console() == []


def test_runs_can_be_hidden_and_samples_follow_the_slider(browser: Browser, comparison: Path) -> None:
    browser.show(comparison)
    steps = "[...document.querySelectorAll('figcaption span')].map(e => e.textContent)"
    assert browser.value(steps) == ["3000", "1500"]
    browser.press("#slider", "home", "right")
    assert browser.value(steps) == ["1000", "1000"]
    visible = "[...document.querySelectorAll('svg .c1, .legend li.c1, td.c1, .strip.c1')].map(e => getComputedStyle(e).display !== 'none')"
    assert set(browser.value(visible)) == {True}
    browser.click("[data-run='1']")
    assert set(browser.value(visible)) == {False}
    assert "none" not in browser.value("[...document.querySelectorAll('svg .c0, td.c0')].map(e => getComputedStyle(e).display)")
    browser.click("[data-run='1']")
    assert set(browser.value(visible)) == {True}
    # Behind the end of a run there is no value of it.
    browser.point("#Losses .plot", 0.9)
    assert browser.value("[...document.querySelectorAll('#Losses .card:first-child b')].map(e => e.textContent)")[2] == "\N{EN DASH}"
    browser.release()
    assert browser.console() == []


@pytest.mark.parametrize("compared", [False, True])
def test_a_script_in_a_name_does_not_run(browser: Browser, tmp_path: Path, compared: bool) -> None:
    run = hostile_run(tmp_path)
    html = comparison_page(Comparison([run, make_run(tmp_path / "other")])) if compared else run_page(Past(run))
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    browser.show(tmp_path / "page.html", 390)
    browser.point(".plot", 0.5)
    browser.release()
    assert browser.value("typeof window.stolen") == "undefined"
    assert browser.value("document.querySelectorAll('img[onerror]').length") == 0
    assert browser.console() == []
    page_width, window_width = browser.value(WIDTHS)
    assert page_width <= window_width


def test_a_script_that_got_past_the_escaping_would_not_run_either(browser: Browser, tmp_path: Path) -> None:
    html = run_page(Past(make_run(tmp_path / "run")))
    (tmp_path / "page.html").write_text(html.replace("</h1>", "<script>window.stolen = 1</script></h1>"), encoding="utf-8")
    browser.show(tmp_path / "page.html")
    assert browser.value("typeof window.stolen") == "undefined"
    assert any("Content Security Policy" in line for line in browser.console())
