"""report.html while a run goes on: whole, cheap, told of mistakes, and never the end of a training."""

import stat
import warnings
from pathlib import Path

import pytest
from run_folders import draw_grid, make_run

from gan_style.report import pictures, writer
from gan_style.report.record import read_record
from gan_style.report.writer import REST, Report

PLAYERS = {"generator": ("l1",), "judge": ("discriminator_real", "discriminator_fake")}


class Clock:
    """A clock that moves when told, and by `each` with every look."""

    def __init__(self) -> None:
        self.now, self.each = 100.0, 0.0

    def monotonic(self) -> float:
        self.now += self.each
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(writer, "time", clock)
    return clock


def test_players_machine_and_length_are_recorded_and_shown(run: Path) -> None:
    report = Report(run)
    report.start(0, 8000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report.write(8000, PLAYERS)
    record = read_record(run)
    assert (record.steps, set(record.players), [start.step for start in record.starts]) == (8000, {"generator", "judge"}, [0])
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "step 2000 of 8000" in html and "judge, weighted loss" in html
    again = Report(run)
    again.start(2000, 8000)
    again.write(8000, PLAYERS)
    assert [start.step for start in read_record(run).starts] == [0, 2000]


def test_a_mistake_is_told_until_the_next_start(run: Path) -> None:
    report = Report(run)
    report.start(0, 8000)
    report.write(4000, PLAYERS, "loss l1 is not finite, on \udcff.png", last=True)
    assert "loss l1 is not finite, on \\udcff.png" in (run / "report.html").read_text(encoding="utf-8")
    report = Report(run)
    report.start(1000, 4000)
    report.write(4000, PLAYERS)
    assert "ended early" not in (run / "report.html").read_text(encoding="utf-8")


def test_a_finished_run_that_is_asked_for_more_adds_no_start(run: Path) -> None:
    Report(run).write(2000, {}, last=True)
    assert read_record(run).starts == []
    assert "finished" in (run / "report.html").read_text(encoding="utf-8")


def test_it_rests_in_proportion_to_its_cost_but_not_at_the_end(run: Path, clock: Clock) -> None:
    report = Report(run)
    page = run / "report.html"

    def written(last: bool = False) -> bool:
        page.unlink(missing_ok=True)
        report.write(4000, {}, last=last)
        return page.exists()

    clock.each = 1.0  # between the looks at the beginning and the end of writing
    assert written()
    clock.each = 0.0
    clock.now += REST - 0.1
    assert not written()
    assert written(last=True)
    clock.now += 0.2
    assert written()


def test_pictures_and_lines_that_are_known_are_not_read_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(run)
    report.write(4000, {}, last=True)
    opened = []
    original = pictures.open_image
    monkeypatch.setattr(pictures, "open_image", lambda stream, path: opened.append(path.name) or original(stream, path))
    report.write(4000, {}, last=True)
    assert opened == []
    draw_grid(run, 2000)
    report.write(4000, {}, last=True)
    assert opened == ["step_0002000.png"]


def test_no_problem_ends_a_training(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> str:
        raise RuntimeError("a burst pipe")

    monkeypatch.setattr(writer, "run_page", burst)
    with pytest.warns(UserWarning, match="report.html is not written .RuntimeError: a burst pipe"):
        Report(run).write(4000, {})


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="is not written"):
        Report(tmp_path / "file").write(4000, {})


def test_the_file_is_replaced_as_a_whole(run: Path) -> None:
    report = Report(run)
    report.write(4000, {})
    before = {path.name for path in run.iterdir()}
    first = (run / "report.html").stat()
    report.write(4000, {}, last=True)
    assert {path.name for path in run.iterdir()} == before
    assert (run / "report.html").stat().st_ino != first.st_ino
    assert stat.S_ISREG(first.st_mode)
