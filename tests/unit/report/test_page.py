"""report.html: self-contained, true to the run folder, safe with hostile names, of bounded size."""

import base64
import hashlib
import json
import os
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_folders import CONFIG, EVIL, hostile_run, make_run

from gan_style.report.comparison import Comparison
from gan_style.report.page import comparison_page, run_page
from gan_style.report.past import Past
from gan_style.report.pictures import MAX_PICTURE_BYTES, MAX_PICTURES


class Page(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())
        (self.numbers,) = [json.loads(text) for text in re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script"):
            self.words.append(data)

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag and kind in ["", *(attributes.get("class") or "").split(" ")]]


def page_of(run: Path) -> Page:
    return Page(run_page(Past(run)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "my run")


@pytest.mark.parametrize("compared", [False, True])
def test_needs_nothing_else(run: Path, tmp_path: Path, compared: bool) -> None:
    html = comparison_page(Comparison([run, make_run(tmp_path / "other")])) if compared else run_page(Past(run))
    assert not re.search(r"https?:", html)
    assert not re.search(r"@import|url\(", html)
    page = Page(html)
    assert page.all("img")
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), attributes


def test_the_browser_is_told_to_run_our_script_alone(run: Path) -> None:
    html = run_page(Past(run))
    (policy,) = [meta["content"] or "" for meta in Page(html).all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    ours = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(ours) == 1
    digest = base64.b64encode(hashlib.sha256(ours[0].encode()).digest()).decode()
    assert policy.split("; ") == ["default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'"]


def test_says_what_the_run_did(run: Path) -> None:
    text = page_of(run).text
    assert "my run" in text and "pix2pix on data/demo/paired" in text
    assert "step 2000 of 4000 · 50 %" in text
    assert "trained for 39 min" in text  # 39 gaps of a minute
    assert "left, at this pace 40 min" in text  # 2000 steps at 50 a minute
    assert "images per second 31.25" in text
    assert "waiting for data 4 %" in text
    assert "learning rate 2e-4" in text
    assert "discriminator_fake 0.0125" in text and "discriminator_real 0.01" in text
    assert "loss/l1 52.5 13.5 at step 50 52.5 at step 2000" in text  # last, lowest, highest
    assert '"root": "data/demo/paired"' in text


def test_charts_have_titles_units_legends_and_words(run: Path) -> None:
    page = page_of(run)
    titles = {svg["aria-label"] for svg in page.all("svg")}
    assert titles == {
        "l1 over steps 0 to 2000; newest: 52.5",
        "discriminator over steps 0 to 2000; newest: discriminator_fake 0.0125, discriminator_real 0.01",
        "contrast of the output over steps 0 to 2000; newest: 0.3075",
        "learning rate over steps 0 to 2000; newest: 2e-4",
        "throughput over steps 0 to 2000; newest: 31.25",
        "waiting for data over steps 0 to 2000; newest: 4 %",
    }
    assert all(svg["role"] == "img" for svg in page.all("svg"))
    assert page.html.count('class="unit"') == len(page.all("svg"))
    assert "weighted loss" in page.text and "images per second" in page.text and "share of the time" in page.text


def test_the_discriminators_of_ada_share_charts(tmp_path: Path) -> None:
    kinds = {"augmentation": 0.25, "overfitting": 0.5}
    logged = {f"health/discriminator_{domain}_{kind}": value for domain in "ab" for kind, value in kinds.items()}
    page = page_of(make_run(tmp_path / "run", **logged))
    titles = " ".join(str(svg["aria-label"]) for svg in page.all("svg"))
    assert "probability of augmentation over steps 0 to 2000; newest: discriminator_a 0.25, discriminator_b 0.25" in titles
    assert "overfitting of the discriminator over steps 0 to 2000; newest: discriminator_a 0.5, discriminator_b 0.5" in titles
    assert "Augmentation" in page.text


def test_the_numbers_behind_the_charts_are_those_of_the_log(run: Path) -> None:
    page = page_of(run)
    chart = page.numbers["charts"][0]  # of the generator: it comes first
    (line,) = chart["lines"]
    assert chart["end"] == 2000
    assert page.numbers["steps"][line["steps"]] == list(range(50, 2001, 50))
    assert line["values"] == [12.5 + place for place in range(1, 41)]


def test_samples_have_a_slider_over_their_steps(run: Path) -> None:
    page = page_of(run)
    assert page.numbers["stops"] == [500, 1000, 1500]
    assert [frame["data-step"] for frame in page.all("li") if "data-step" in frame] == ["500", "1000", "1500"]
    (large,) = page.all("img", "large")
    assert large["alt"] == "samples at step 1500"  # without scripts the newest is to be seen
    (box,) = page.all("div", "slider")
    assert "hidden" in box  # shown by the script that makes it work
    (handle,) = [tag for tag in page.all("input") if tag["type"] == "range"]
    assert (handle["min"], handle["max"], handle["value"]) == ("0", "2", "2")
    assert handle["aria-label"] == "step of the samples"


def test_one_sample_needs_no_slider(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "run", grids=1))
    assert len(page.all("img")) == 1 and not page.all("div", "slider")


def test_samples_newer_than_the_log_count_as_steps(tmp_path: Path) -> None:
    assert "step 1500 of 4000" in page_of(make_run(tmp_path / "run", lines=2)).text


def test_without_a_length_no_share_is_claimed(run: Path) -> None:
    (run / "config.yaml").write_text("train: {steps: null, epochs: 3}\n", encoding="utf-8")
    page = page_of(run)
    assert "step 2000" in page.text and "of 4000" not in page.text and "left, at" not in page.text
    assert not page.all("div", "bar")


def test_starts_name_their_machine_and_later_ones_what_changed(run: Path) -> None:
    assert "not recorded" in page_of(run).text
    starts = [
        {"step": 0, "time": 0.0, "hardware": {"CPU": "fast", "GPU": "one"}},
        {"step": 500, "time": 90_000.0, "hardware": {"CPU": "fast", "GPU": "two"}},
    ]
    (run / "run.json").write_text(json.dumps({"starts": starts, "more": 7}), encoding="utf-8")
    text = page_of(run).text
    assert re.search(r"step 0 1970-01-0\d .* CPU fast GPU one 7 more starts step 500 1970-01-0\d \S+ \S+ GPU two All numbers", text)


@pytest.mark.parametrize("compared", [False, True])
def test_hostile_texts_are_text(tmp_path: Path, compared: bool) -> None:
    run = hostile_run(tmp_path)
    html = comparison_page(Comparison([run, make_run(tmp_path / "other")])) if compared else run_page(Past(run))
    page = Page(html)
    assert len(page.all("script")) == 2 == html.count("<script") == html.count("</script")
    assert page.text.count(EVIL) >= (7 if compared else 12)
    assert page.text.count(EVIL.replace("/", "|")) >= 1
    assert {"onerror", "onload", "onclick"}.isdisjoint({name for _, attributes in page.tags for name in attributes})
    assert all((image["src"] or "").startswith("data:") for image in page.all("img"))


def test_halves_of_characters_are_shown_as_escapes(tmp_path: Path) -> None:
    run = make_run(tmp_path / os.fsdecode(b"run\xff"), lines=1)
    (run / "metrics.jsonl").write_text('{"step": 1, "loss/\\ud800": 1, "alarms": ["\\u0000\\udfff"]}', encoding="utf-8")
    html = run_page(Past(run))
    assert "<h1>run\\udcff</h1>" in html and "loss/\\ud800" in html and "\\udfff" in html
    (tmp_path / "page.html").write_text(html, encoding="utf-8")


def test_long_runs_make_no_large_file(tmp_path: Path) -> None:
    short, long = make_run(tmp_path / "short", lines=500), make_run(tmp_path / "long", lines=20_000, grids=60)
    sizes = [len(run_page(Past(run))) for run in (short, long)]
    assert sizes[1] < 1.6 * sizes[0] < 400_000
    page = page_of(long)
    assert len(page.all("li")) - page.html.count('class="key') <= MAX_PICTURES
    assert max(len(line["values"]) for chart in page.numbers["charts"] for line in chart["lines"]) <= 400


def test_pictures_keep_to_their_budget(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", lines=2, grids=0)
    for step in range(1, 41):
        pixels = np.random.default_rng(step).integers(0, 256, (500, 600, 3), np.uint8)
        Image.fromarray(pixels).save(run / "samples" / f"step_{step:07d}.png")
    assert len(run_page(Past(run))) < (MAX_PICTURES + 1) * MAX_PICTURE_BYTES * 4 / 3 + 100_000


@pytest.mark.parametrize("missing", ["config.yaml", "metrics.jsonl", "samples"])
def test_what_is_missing_is_left_out(run: Path, missing: str) -> None:
    (run / missing).rename(run / "elsewhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = page_of(run)
    assert bool(page.all("img")) == (missing != "samples")
    assert bool(page.all("svg")) == (missing != "metrics.jsonl")
    assert bool(page.all("pre")) == (missing != "config.yaml")


def test_an_empty_folder_has_a_report(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "step 0" in page.text and "No line of metrics.jsonl is written yet" in page.text


def test_a_comparison_overlays_each_metric_in_the_colour_of_its_run(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", lines=20, config={**CONFIG, "optim": {"lr": 1e-3}})
    (tmp_path / "third" / "samples").mkdir(parents=True)
    (tmp_path / "third" / "metrics.jsonl").write_text('{"step": 100, "loss/l1": 3.0, "val/psnr": 20.5}\n', encoding="utf-8")
    page = Page(comparison_page(Comparison([run, tmp_path / "third", other])))
    labels = [svg["aria-label"] or "" for svg in page.all("svg")]
    assert labels[0] == "psnr over steps 0 to 2000; newest: 20.5"
    assert "l1 over steps 0 to 2000; newest: my run 52.5, third 3, other 32.5" in labels
    assert "discriminator_fake over steps 0 to 2000; newest: my run 0.0125, other 0.025" in labels
    assert "learning rate over steps 0 to 2000; newest: my run 2e-4, other 2e-4" in labels  # one chart: the players' rates are equal
    legends = re.findall(r'<li class="c(\d+)"><i class="key c(\d+)"></i><span>([^<]+)</span>', page.html)
    assert {(first, second, name) for first, second, name in legends} == {("0", "0", "my run"), ("1", "1", "third"), ("2", "2", "other")}
    assert "optim.lr 0.0002 \N{EN DASH} 0.001" in page.text
    assert page.numbers["stops"] == [500, 1000, 1500]
    assert len(page.all("img", "large")) == 2
    assert [box["data-run"] for box in page.all("input") if "data-run" in box] == ["0", "1", "2"]


def test_a_comparison_shares_the_budget_of_pictures(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"run{place}", lines=2, grids=60) for place in range(4)]
    page = Page(comparison_page(Comparison(runs)))
    assert len([frame for frame in page.all("li") if "data-step" in frame]) <= MAX_PICTURES
