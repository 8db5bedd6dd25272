"""report.html: self-contained, true to the run folder, safe with hostile names, and never the end of a training."""

import json
import re
import stat
import warnings
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from gan_style.engine import report
from gan_style.engine.report import duration, hardware, render, write_report

CONFIG = "run_dir: runs/x\nmethod:\n  name: pix2pix\ndata:\n  root: data/demo/paired\ntrain:\n  steps: 4000\n"


class Page(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script"):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make_run(folder: Path, lines: int = 40, pictures: int = 3) -> Path:
    (folder / "samples").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as file:
        for line in range(1, lines + 1):
            losses = {"loss/discriminator_fake": 0.5 / line, "loss/discriminator_real": 0.4 / line, "loss/l1": 12.5 + line}
            rates = {"lr/discriminator": 2e-4, "lr/generator": 2e-4}
            pace = {"images_per_second": 31.25, "data_wait": 0.04}
            file.write(json.dumps({"step": line * 50, "time": 1000.0 + 60 * line, **losses, **rates, **pace}) + "\n")
    for place in range(1, pictures + 1):
        Image.new("RGB", (30, 20), (place, 0, 0)).save(folder / "samples" / f"step_{place * 500:07d}.png")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "my run")


def test_needs_nothing_else(run: Path) -> None:
    write_report(run)
    html = (run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:", html)
    assert not re.search(r"@import|url\(", html)
    page = Page(html)
    assert page.all("img")
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:"), attributes
    (policy,) = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_says_what_the_run_did(run: Path) -> None:
    text = Page(render(run)).text
    assert "my run" in text and "pix2pix on data/demo/paired" in text
    assert "step 2000 of 4000 · 50 %" in text
    assert "39 min trained for" in text or "trained for 39 min" in text  # 39 gaps of a minute
    assert "left, at this pace 40 min" in text  # 2000 steps at 50 a minute
    assert "images per second 31.25" in text
    assert "waiting for data 4 %" in text
    assert "0.0002" in text
    assert "52.5" in text  # the last l1
    assert "discriminator_fake 0.0125" in text and "discriminator_real 0.01" in text
    assert "root: data/demo/paired" in text
    assert "torch" in text and "cores" in text


def test_charts_group_losses_and_players(run: Path) -> None:
    page = Page(render(run))
    titles = [svg["aria-label"] for svg in page.all("svg")]
    assert titles == [
        f"{name} over steps" for name in ("discriminator", "l1", "learning rate", "images per second", "time spent waiting for data")
    ]
    assert len([path for path in page.all("path") if path["d"]]) == 2 + 1 + 1 + 1 + 1
    assert "Losses" in page.text and "Validation" not in page.text


def test_players_that_learn_at_different_rates_have_a_curve_each(run: Path) -> None:
    (run / "metrics.jsonl").write_text(
        '{"step": 1, "lr/a": 1e-4, "lr/b": 4e-4}\n{"step": 2, "lr/a": 1e-4, "lr/b": 2e-4}\n', encoding="utf-8"
    )
    text = Page(render(run)).text
    assert "a 0.0001" in text and "b 0.0002" in text and "all players" not in text


def test_validation_metrics_are_drawn_where_there_are_some(run: Path) -> None:
    (run / "metrics.jsonl").write_text('{"step": 1, "val/psnr": 21.5}\n', encoding="utf-8")
    page = Page(render(run))
    assert "Validation" in page.text and "21.5" in page.text
    assert [svg["aria-label"] for svg in page.all("svg")] == ["psnr over steps"]


def test_the_newest_picture_is_visible_without_scripts(run: Path) -> None:
    page = Page(render(run))
    figures = page.all("figure")
    assert [figure["data-step"] for figure in figures] == ["500", "1000", "1500"]
    assert ["hidden" in figure for figure in figures] == [True, True, False]
    (slider,) = [tag for tag in page.all("div") if tag.get("class") == "slider"]
    assert "hidden" in slider  # shown by the script that makes it work
    (handle,) = page.all("input")
    assert (handle["min"], handle["max"], handle["value"]) == ("0", "2", "2")


def test_a_given_length_goes_before_the_configured_one(run: Path) -> None:
    assert "step 2000 of 8000 · 25 %" in Page(render(run, 8000)).text
    assert "step 2000 of 2000 · finished" in Page(render(run, 2000)).text


def test_without_a_length_no_share_is_claimed(run: Path) -> None:
    (run / "config.yaml").write_text("train: {steps: null, epochs: 3}\n", encoding="utf-8")
    page = Page(render(run))
    assert "step 2000" in page.text and "of 4000" not in page.text and "left, at" not in page.text
    assert not [tag for tag in page.all("div") if tag.get("class") == "bar"]


def test_time_in_which_the_run_was_stopped_does_not_count(run: Path) -> None:
    lines = [json.dumps({"step": step, "time": 100.0 * step + (1e6 if step > 5 else 0)}) for step in range(1, 11)]
    (run / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert "trained for 13 min" in Page(render(run)).text  # 8 of 9 gaps of 100 s


def test_hostile_names_are_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'>&"
    run = make_run(tmp_path / evil.replace("/", "|"), lines=1)
    (run / "config.yaml").write_text(CONFIG + f"# {evil}\n", encoding="utf-8")
    hostile = {"method": {"name": evil}, "data": {"root": evil}, "train": {"steps": 9}, "note": "</pre>" + evil}
    (run / "config.yaml").write_text(json.dumps(hostile), encoding="utf-8")
    metrics = {"step": 1, f"loss/{evil}_x": 1.0, f"loss/{evil}_y": float("nan"), f"lr/{evil}": 1.0, f"lr/{evil}2": 2.0, f"val/{evil}": 3.0}
    (run / "metrics.jsonl").write_text(json.dumps(metrics), encoding="utf-8")
    html = render(run)
    page = Page(html)
    assert "alert(1)" not in " ".join(re.findall(r"<script>.*?</script>", html, re.DOTALL))
    assert len(page.all("script")) == 1 == html.count("<script")
    assert page.text.count(evil.replace("/", "|")) >= 1 and page.text.count(evil) >= 6
    assert {"onerror", "onload", "onclick"}.isdisjoint({name for _, attributes in page.tags for name in attributes})


def test_losses_that_are_not_finite_are_pointed_at(run: Path) -> None:
    lines = [{"step": step, "loss/l1": float("nan") if step >= 7 else 1.0} for step in range(1, 10)]
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert "l1 was not a finite number at step 7 and 2 times more" in Page(render(run)).text


def test_slow_data_is_pointed_at(run: Path) -> None:
    assert "raise data.workers" not in Page(render(run)).text
    lines = [{"step": step, "data_wait": 0.3} for step in range(1, 10)]
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert "30 % of the time is spent waiting for data: raise data.workers" in Page(render(run)).text


def test_long_runs_make_no_large_file(tmp_path: Path) -> None:
    run = make_run(tmp_path / "long", lines=20_000, pictures=40)
    html = render(run)
    assert len(html) < 1_000_000
    longest = max(path["d"].count("L") for path in Page(html).all("path") if path["d"])
    assert 500 <= longest <= 1001
    assert len(Page(html).all("img")) <= 12


@pytest.mark.parametrize("missing", ["config.yaml", "metrics.jsonl", "samples"])
def test_what_is_missing_is_left_out(run: Path, missing: str) -> None:
    (run / missing).rename(run / "elsewhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(run)
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    assert bool(page.all("img")) == (missing != "samples")
    assert bool(page.all("svg")) == (missing != "metrics.jsonl")
    assert bool(page.all("pre")) == (missing != "config.yaml")


def test_an_empty_folder_has_a_report(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "step 0" in page.text and "No line of metrics.jsonl is written yet" in page.text
    assert not page.all("script")


@pytest.mark.parametrize("config", [b"", b"a: [", b"\xff\xfe", b"train: 5\nmethod: []", b"train: {steps: many}", b"train: {steps: -1}"])
def test_a_broken_configuration_is_no_obstacle(run: Path, config: bytes) -> None:
    (run / "config.yaml").write_bytes(config)
    assert "step 2000" in Page(render(run)).text


def test_no_problem_ends_a_training(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> str:
        raise RuntimeError("a burst pipe")

    monkeypatch.setattr(report, "render", burst)
    with pytest.warns(UserWarning, match="report.html is not written .RuntimeError: a burst pipe"):
        write_report(run)


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="is not written"):
        write_report(tmp_path / "file")


def test_the_file_is_replaced_as_a_whole(run: Path) -> None:
    write_report(run)
    before = {path.name for path in run.iterdir()}
    first = (run / "report.html").stat()
    write_report(run)
    assert {path.name for path in run.iterdir()} == before
    assert (run / "report.html").stat().st_ino != first.st_ino
    assert stat.S_ISREG(first.st_mode)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3570, "1 h 00 min"), (11_100, "3 h 05 min"), (187_200, "2 d 4 h")]
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_hardware_is_named() -> None:
    facts = hardware()
    assert set(facts) >= {"CPU", "processes", "system", "software"}
    assert all(facts.values())
