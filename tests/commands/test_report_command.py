"""python -m gan_style report as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from run_folders import make_run
from smoke import ROOT

from gan_style.commands.report import report_command
from gan_style.commands.running import run_command


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def report(*arguments: str) -> int:
        return run_command(lambda: report_command(arguments))

    return report


def test_one_run_is_written_anew(report: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert report("run") == 0
    assert capsys.readouterr().out == "run/report.html\n"
    assert "step 2000 of 4000" in (run / "report.html").read_text(encoding="utf-8")
    assert {path: path.read_bytes() for path in before} == before
    assert report("run", "--output", "else/where.html") == 0
    assert (tmp_path / "else/where.html").exists()


def test_a_name_of_any_bytes_will_do(report: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / os.fsdecode(b"run\xff"))
    assert report(run.name) == 0
    assert capsys.readouterr().out == "run\\udcff/report.html\n"
    assert (run / "report.html").exists()


def test_several_runs_are_compared(report: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        make_run(tmp_path / name)
    assert report("a", "b") == 0
    assert capsys.readouterr().out == "comparison.html\n"
    assert "Comparison of 2 runs" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert not (tmp_path / "a" / "report.html").exists()


def test_what_is_no_run_is_passed_over_among_others(report: Callable[..., int], tmp_path: Path) -> None:
    """`report *` names whatever lies there."""
    for name in ("a", "b"):
        make_run(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.warns(UserWarning, match="passed over") as caught:
        assert report("a", "b", "empty", "notes.txt") == 0
    assert [str(warning.message) for warning in caught] == [
        "passed over: empty: no run folder, it holds neither config.yaml nor metrics.jsonl",
        "passed over: notes.txt: no folder",
    ]
    assert "Comparison of 2 runs" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_a_run_that_is_going_on_is_left_alone(report: Callable[..., int], tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 2050, "loss/l1": 1')
    content = (run / "metrics.jsonl").read_bytes()
    assert report("run") == 0
    assert (run / "metrics.jsonl").read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: RUN_DIR"),
        (["nowhere"], "nowhere: no such folder; give the run_dir of a training"),
        (["empty"], "empty: no run folder, it holds neither config.yaml nor metrics.jsonl"),
        (["run/metrics.jsonl"], "run/metrics.jsonl: no folder; give the run_dir of a training"),
        (["empty", "run/metrics.jsonl"], "empty: no run folder, it holds neither config.yaml nor metrics.jsonl"),
        (["run", "nowhere"], "nowhere: no such folder; give the run_dir of a training"),
        (["a\0b"], "holds a NUL character"),
        (["run", "./run/"], "a RUN_DIR is given twice"),
        (["run", "--output", "empty"], "empty: cannot be written"),
        (["run", "--output", "run/config.yaml/x.html"], "run/config.yaml/x.html: cannot be written"),
        ([f"run{place}" for place in range(13)], "13 runs: one page shows 12 at most"),
    ],
)
def test_mistakes_are_one_line(
    report: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], said: str
) -> None:
    make_run(tmp_path / "run", lines=1, grids=0)
    (tmp_path / "empty").mkdir()
    for place in range(13):
        (tmp_path / f"run{place}").mkdir()
        (tmp_path / f"run{place}" / "metrics.jsonl").touch()
    assert report(*arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and said in err and len(err.splitlines()) == 1 and out == ""


def test_broken_pictures_are_a_warning(report: Callable[..., int], tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "samples" / "step_0001500.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="left out of the report: run/samples/step_0001500.png: .*not an image"):
        assert report("run") == 0


def test_the_module_is_a_command_that_loads_neither_trainer_nor_torch(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    program = (
        "import runpy, sys; sys.argv = ['gan-style', 'report', 'run']\n"
        "slow = {'torch', 'cv2', 'accelerate', 'albumentations', 'gan_style.datasets'}\n"
        "try: runpy.run_module('gan_style', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, sorted(slow & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["run/report.html", "0 []"], done.stderr
