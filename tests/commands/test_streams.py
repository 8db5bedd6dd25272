"""Nobody reads what a command says: its streams are closed, their reader has gone, the disk of its log is full. The work is done."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import warm
from pictures import draw_folders
from smoke import ROOT, smoke_arguments
from tiny_bundles import tiny_bundle
from warm import CLOSED

from gan_style.files import images


@contextmanager
def unread() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """A disk without room."""
    with Path("/dev/full").open("wb") as file:
        yield file.fileno()


@contextmanager
def closed() -> Iterator[None]:
    yield CLOSED


STREAMS = {
    "stderr closed": {"stderr": closed},
    "stdout closed": {"stdout": closed},
    "all closed": {"stdin": closed, "stdout": closed, "stderr": closed},
    "stderr unread": {"stderr": unread},
    "both unread": {"stdout": unread, "stderr": unread},
    "full disk": {"stdout": full, "stderr": full},
    "stdout unread": {"stdout": unread},
    "full disk under stdout": {"stdout": full},
}
streams = pytest.mark.parametrize("opened", STREAMS.values(), ids=STREAMS.keys())
Opened = dict[str, Callable[[], AbstractContextManager[int | None]]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


def code(folder: Path, opened: Opened, *command: str, unbuffered: str = "") -> int:
    with ExitStack() as open_files:
        numbers = {name: open_files.enter_context(open_file()) for name, open_file in opened.items()}
        process = warm.start(command, folder, {"PYTHONUNBUFFERED": unbuffered}, **numbers)
        with warm.ended(process):
            return process.wait()


@streams
def test_training(opened: Opened, data: Path, tmp_path: Path) -> None:
    run = smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=5", "logging.every=1")
    assert code(tmp_path, opened, str(ROOT / "train.py"), *run) == 0
    check_run(tmp_path / "run")
    assert code(tmp_path, opened, str(ROOT / "train.py"), *run, "optim.lrr=1") == 2


def check_run(run_dir: Path) -> None:
    """All of it is there, and no file has the number of a closed stream, and so what was meant for that."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert (run_dir / "bundles/a2b.safetensors").exists()
    lock = (run_dir / ".lock").read_text()
    assert lock.startswith("process ") and lock.count("\n") == 1, "another file got the number of a closed stream"


def test_an_interpreter_that_starts_without_streams(data: Path, tmp_path: Path) -> None:
    """Whatever it loads first may take the numbers of closed streams too."""

    def close() -> None:
        for number in (0, 1, 2):
            os.close(number)

    run = smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=5", "logging.every=1")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "train.py"), *run]
    assert subprocess.run(command, cwd=tmp_path, env=environment, preexec_fn=close, timeout=300, check=False).returncode == 0
    check_run(tmp_path / "run")


@streams
def test_translation(opened: Opened, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "a2b.safetensors", method="cyclegan", seed=1)
    for number in range(3):
        images.write(tmp_path / f"in/{number}.png", np.full((20, 30, 3), 60 * number, np.uint8))
    (tmp_path / "in/bad.png").write_text("no picture")
    command = [str(ROOT / "infer.py"), "--model", "a2b.safetensors", "--input", "in", "--output", "out"]
    assert code(tmp_path, opened, *command) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    (tmp_path / "in/bad.png").unlink()
    assert code(tmp_path, opened, *command, "--overwrite", unbuffered="1") == 0


@streams
def test_measuring_and_preparing(opened: Opened, data: Path, tmp_path: Path) -> None:
    """The exit code says that what is printed, which is the result, found no room."""
    printed = 2 if opened.get("stdout") is full else 0
    sides = ["--results", str(data / "valA"), "--truth", str(data / "valB"), "--metrics", "l1", "--json", "scores.json"]
    assert code(tmp_path, opened, "-m", "gan_style", "evaluate", *sides) == printed
    assert json.loads((tmp_path / "scores.json").read_text())["images"] == 2
    assert code(tmp_path, opened, str(ROOT / "data/prepare.py"), "combine", str(data), "--output", "combined") == printed
    assert len(list((tmp_path / "combined").rglob("*.png"))) == 8
    assert code(tmp_path, opened, str(ROOT / "data/prepare.py"), "check", str(data)) == printed
    assert code(tmp_path, opened, str(ROOT / "data/prepare.py"), "check", "nowhere") == 2


PRINTING = {
    "keys": ["keys"],
    "help": ["--help"],
    "version": ["--version"],
    "no verb": [],
    "a verb's help": ["infer", "--help"],
    "the help of gatys": ["infer", "--model", "gatys", "--help"],
    "check": ["prepare", "check", "DATA"],
    "dry run": ["train", "--config", "smoke/pix2pix", "data.root=DATA", "run_dir=run", "--dry-run"],
    "dry run of a sweep": [
        "train",
        "--config",
        "smoke/pix2pix",
        "data.root=DATA",
        "run_dir=run",
        "--dry-run",
        "--sweep",
        "train.seed=0..1",
    ],
}


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", PRINTING.values(), ids=PRINTING.keys())
def test_what_prints_its_result_says_that_there_was_no_room(words: list[str], unbuffered: str, data: Path, tmp_path: Path) -> None:
    command = ["-m", "gan_style", *(word.replace("DATA", str(data)) for word in words)]
    with (tmp_path / "said").open("wb") as said:
        assert code(tmp_path, {"stdout": full, "stderr": lambda: nullcontext(said.fileno())}, *command, unbuffered=unbuffered) == 2
    line = "error: stdout: cannot be written (No space left on device); make room, or send the output elsewhere"
    assert (tmp_path / "said").read_text().splitlines()[-1] == line
    assert code(tmp_path, {"stdout": unread}, *command, unbuffered=unbuffered) == 0


SPEAKING = """
import sys
from gan_style.errors import UserError
from gan_style.commands.running import run_command
def body():
    print("one ü")
    print("two", file=sys.stderr)
    print("three")
    raise UserError("four")
sys.exit(run_command(body))
"""


def test_what_can_be_read_is_read(tmp_path: Path) -> None:
    """The replaced streams say what the usual ones would, in their order, to the last line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", SPEAKING], env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "one \u00fc\nthree\n", "two\nerror: four\n")
