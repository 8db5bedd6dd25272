"""What train.py says: in a file, on a terminal, and at its end, however that comes."""

import os
import pty
import re
import signal
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import warm
from pictures import draw_folders
from smoke import ROOT, smoke_arguments

from gan_style.commands.train import train_command
from gan_style.engine.trainer import Trainer
from gan_style.errors import UserError

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
VALIDATED = ("train.validate_every=3", "validation.best=l1", "validation.metrics=[l1, psnr]")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


def arguments(data: Path, run_dir: Path, *overrides: str, method: str = "pix2pix") -> list[str]:
    return smoke_arguments(method, data, run_dir, "train.steps=6", "logging.every=2", "logging.samples=0", *overrides)


def command(data: Path, run_dir: Path, *overrides: str) -> list[str]:
    return [str(ROOT / "train.py"), *arguments(data, run_dir, *overrides)]


def closing(said: str) -> dict[str, str]:
    """The last five lines by their first words."""
    return dict(line.split(": ", 1) for line in said.splitlines()[-5:])


def at_step(number: int, action: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `action` happen before step `number` is trained."""
    step = Trainer.step

    def acting(self: Trainer, done: int, *rest: Any) -> Any:
        if done == number - 1:
            action()
        return step(self, done, *rest)

    monkeypatch.setattr(Trainer, "step", acting)


def test_a_log_in_a_file_has_plain_lines_with_times(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = warm.start(command(data, tmp_path / "run", *VALIDATED), tmp_path, stdout=log, stderr=log).wait()
    text = log.read_bytes().decode()
    assert code == 0, text
    assert "\r" not in text and "\x1b" not in text
    lines = text.splitlines()
    steps = [line for line in lines if re.match(rf"{TIME}  step \d+/6  ", line)]
    assert [re.split(" +", line)[3] for line in steps] == ["1/6", "2/6", "3/6", "4/6", "6/6"], "those of metrics.jsonl"
    number = r"[-+.e\d]+"
    assert re.fullmatch(
        rf"{TIME}  step 4/6  .*l1 {number}  lr {number}  {number} images/s  \d+ s left",
        steps[3],
    )
    validated = [line for line in lines if " validation: " in line]
    assert re.fullmatch(rf"{TIME}  step 3: validation: l1 {number}, psnr {number}; the best l1 so far", validated[0])
    assert len(validated) == 2
    assert lines.index(validated[0]) < lines.index(steps[2]), "lines stand in the order in which things happened"
    assert list(closing(text)) == ["finished", "bundle", "report", "best", "next"]


def test_on_a_terminal_there_is_a_bar_and_nothing_stands_behind_it(data: Path, tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, 120))
    process = warm.start(command(data, tmp_path / "run", *VALIDATED), tmp_path, stdout=inside, stderr=inside)
    os.close(inside)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    assert process.wait() == 0
    text = shown.decode().replace("\r\n", "\n")
    assert re.search(r"100%\|.*\| 6/6 ", text), "a bar"
    assert not re.search(TIME, text)
    lines = [line.rsplit("\r", 1)[-1] for line in text.split("\n")]  # as they stay on the screen
    assert [line.split(":")[0] for line in lines if line.startswith("step ")] == ["step 3", "step 6"]
    words = ["finished: ", "bundle: ", "report: ", "best: ", "next: "]
    assert [line for line in lines if line][-5:] == [line for word in words for line in lines if line.startswith(word)]


def test_the_end_names_what_there_is(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = tmp_path / "my run"
    assert train_command(arguments(data, run_dir, *VALIDATED)) == 0
    end = closing(capsys.readouterr().out)
    assert re.fullmatch(r"6 of 6 steps, in \d+ s", end["finished"])
    assert end["bundle"] == str(run_dir / "bundles" / "a2b.safetensors") and Path(end["bundle"]).exists()
    assert end["report"] == str(run_dir / "report.html") and Path(end["report"]).exists()
    score, best = end["best"].split(", ")
    assert re.fullmatch(r"l1 [.\d]+ at step [36]", score)
    assert best == str(run_dir / "bundles" / "best_a2b.safetensors") and Path(best).exists()
    assert end["next"] == f"gan-style infer --model '{run_dir}' --input PATH --output DIR"
    assert train_command(arguments(data, run_dir, *VALIDATED)) == 0
    again = closing(capsys.readouterr().out)
    assert again.pop("finished").startswith("all 6 steps were done before; raise train.steps to go on")
    assert again == {key: value for key, value in end.items() if key != "finished"}
    assert train_command(arguments(data, run_dir, *VALIDATED, "train.steps=8")) == 0
    assert re.fullmatch(r"8 of 8 steps, the last 2 of them in \d+ s", closing(capsys.readouterr().out)["finished"])


@pytest.mark.parametrize(
    ("method", "overrides", "key", "said", "then"),
    [
        ("pix2pix", [], "losses", r".*l1 [.\d]+ at step 6", "--input PATH --output DIR"),
        (
            "pix2pix",
            ["train.validate_every=3"],
            "validation",
            r"l1 .* at step 6; validation\.best=METRIC keeps .*",
            "--input PATH --output DIR",
        ),
        ("gan", [], "losses", r".* at step 6", "--samples 16 --output DIR"),
        ("fast_style", [], "losses", r".* at step 6", "--input PATH --output DIR --style NAME"),
    ],
)
def test_the_end_without_a_best_translator(
    method: str, overrides: list[str], key: str, said: str, then: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command(arguments(data, tmp_path / "run", *overrides, method=method)) == 0
    end = closing(capsys.readouterr().out)
    assert list(end) == ["finished", "bundle", "report", key, "next"]
    assert re.fullmatch(said, end[key]) and end["next"].endswith(then)


def test_two_directions_have_two_bundles(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = arguments(data, tmp_path / "run", "train.validate_every=6", "validation.metrics=[l1]", "validation.best=l1", method="cyclegan")
    assert train_command([*run, "data.source=folders"]) == 0
    said = capsys.readouterr().out
    end = closing(said)
    assert "; the best l1 of a2b and b2a so far" in said
    assert end["bundles"] == ", ".join(str(tmp_path / "run" / "bundles" / f"{name}.safetensors") for name in ("a2b", "b2a"))
    assert [Path(best.split(", ")[1]).name for best in end["best"].split("; ")] == ["best_a2b.safetensors", "best_b2a.safetensors"]


def test_the_end_of_a_run_that_was_stopped(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM), during)
        assert train_command(arguments(data, tmp_path / "run")) == 143
    end = closing(capsys.readouterr().out)
    assert list(end) == ["stopped", "bundle", "report", "losses", "next"]
    assert re.fullmatch(r"after step 3 of 6, in \d+ s; a checkpoint is saved", end["stopped"])
    assert end["next"] == "the same command goes on after step 3"
    assert train_command([*arguments(data, tmp_path / "run"), "train.max_minutes=1e-9"]) == 0
    end = closing(capsys.readouterr().out)
    assert end["not finished"] == "3 of 6 steps are done in the minutes that train.max_minutes allows; a checkpoint is saved"
    assert end["next"] == "the same command goes on after step 3"


@pytest.mark.parametrize(
    "problem", [UserError("a.png: is broken"), ZeroDivisionError("x"), KeyboardInterrupt()], ids=lambda each: type(each).__name__
)
def test_the_end_of_a_run_that_failed(
    problem: BaseException, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise problem

    run = arguments(data, tmp_path / "run", "train.checkpoint_every=2", "logging.every=1")
    outcome = "stopped" if isinstance(problem, KeyboardInterrupt) else "failed"
    for step, kept, then in (
        (2, "no checkpoint is saved", "begins anew"),
        (4, "the newest checkpoint is of step 2", "goes on after step 2"),
    ):
        with monkeypatch.context() as during, pytest.raises(type(problem)):
            at_step(step, fail, during)
            train_command(run)
        end = closing(capsys.readouterr().out)
        assert list(end) == [outcome, "bundle", "report", "losses", "next"]
        assert re.fullmatch(rf"after step {step - 1} of 6, in \d+ s; {kept}", end[outcome])
        assert end["next"].endswith(f"the same command {then}")
        assert (end["bundle"] == "none yet, they come with the first checkpoint") == (step == 2)
        assert Path(end["report"]).exists()


def test_the_mistake_itself_is_the_last_line(data: Path, tmp_path: Path) -> None:
    own = draw_folders(tmp_path / "data")
    sorted((own / "trainA").iterdir())[2].write_bytes(b"\x89PNG\r\n\x1a\n")
    log = tmp_path / "log"
    assert warm.start(command(own, tmp_path / "run", "train.batch_size=1"), tmp_path, stdout=log, stderr=log).wait() == 2
    lines = log.read_text().splitlines()
    assert lines[-1].startswith("error: ")
    assert [line.split(":")[0] for line in lines[-6:-1]] == ["failed", "bundle", "report", "losses", "next"]


def test_a_run_that_never_began_has_no_end(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(arguments(data, tmp_path / "run")) == 0
    capsys.readouterr()
    with pytest.raises(UserError, match=r"optim\.lr"):
        train_command(arguments(data, tmp_path / "run", "optim.lr=1"))
    assert not re.search("^(failed|next): ", capsys.readouterr().out, re.MULTILINE)
