"""Nobody reads what a command says: its streams are closed, their reader has gone, the disk of its log is full. The work is done."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import draw_folders
from smoke import ROOT, smoke_arguments
from tiny_bundles import tiny_bundle

from gan_style.files import images


def closed(*numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        for number in numbers:
            os.close(number)

    return prepare


def led_to(path: str, *numbers: int) -> Callable[[], None]:
    def prepare() -> None:
        for number in numbers:
            os.dup2(os.open(path, os.O_WRONLY), number)

    return prepare


def unread(*numbers: int) -> Callable[[], None]:
    """Pipes whose reader has gone."""

    def prepare() -> None:
        reader, writer = os.pipe()
        os.close(reader)
        for number in numbers:
            os.dup2(writer, number)

    return prepare


STREAMS = {
    "stderr closed": closed(2),
    "stdout closed": closed(1),
    "all closed": closed(0, 1, 2),
    "stderr unread": unread(2),
    "both unread": unread(1, 2),
    "full disk": led_to("/dev/full", 1, 2),
}
streams = pytest.mark.parametrize("prepare", STREAMS.values(), ids=STREAMS.keys())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


def code(folder: Path, prepare: Callable[[], None], *command: str, unbuffered: str = "") -> int:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        preexec_fn=prepare,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    return done.returncode


@streams
def test_training(prepare: Callable[[], None], data: Path, tmp_path: Path) -> None:
    run = smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=5", "logging.every=1")
    assert code(tmp_path, prepare, str(ROOT / "train.py"), *run) == 0
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert (tmp_path / "run/bundles/a2b.safetensors").exists()
    lock = (tmp_path / "run/.lock").read_text()
    assert lock.startswith("process ") and lock.count("\n") == 1, "another file got the number of a closed stream"
    assert code(tmp_path, prepare, str(ROOT / "train.py"), *run, "optim.lrr=1") == 2


@streams
def test_translation(prepare: Callable[[], None], tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "a2b.safetensors", method="cyclegan", seed=1)
    for number in range(3):
        images.write(tmp_path / f"in/{number}.png", np.full((20, 30, 3), 60 * number, np.uint8))
    (tmp_path / "in/bad.png").write_text("no picture")
    command = [str(ROOT / "infer.py"), "--model", "a2b.safetensors", "--input", "in", "--output", "out"]
    assert code(tmp_path, prepare, *command) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]
    (tmp_path / "in/bad.png").unlink()
    assert code(tmp_path, prepare, *command, "--overwrite", unbuffered="1") == 0


@streams
def test_measuring_and_preparing(prepare: Callable[[], None], data: Path, tmp_path: Path) -> None:
    sides = ["--results", str(data / "valA"), "--truth", str(data / "valB"), "--metrics", "l1", "--json", "scores.json"]
    assert code(tmp_path, prepare, "-m", "gan_style", "evaluate", *sides) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["images"] == 2
    assert code(tmp_path, prepare, str(ROOT / "data/prepare.py"), "combine", str(data), "--output", "combined") == 0
    assert len(list((tmp_path / "combined").rglob("*.png"))) == 8
    assert code(tmp_path, prepare, str(ROOT / "data/prepare.py"), "check", str(data)) == 0
    assert code(tmp_path, prepare, str(ROOT / "data/prepare.py"), "check", "nowhere") == 2


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
