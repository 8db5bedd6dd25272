"""gan-style serve as a user calls it."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import warm
from served import eventually
from tiny_bundles import pixels, tiny_bundle

from gan_style.commands import serve
from gan_style.commands.infer import infer_command
from gan_style.commands.running import run_command
from gan_style.files import images


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("run/bundles/a2b.safetensors"))
    images.write(Path("photo.png"), pixels(40, 50))


def events(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@contextmanager
def serving(tmp_path: Path, *options: str, **variables: str) -> Iterator[tuple[warm.WarmProcess, str]]:
    """A running `gan-style serve` of the run, and its URL. Its log is the file `log`, what it says to people `said`."""
    program = tmp_path / "program.py"
    program.write_text("import sys\nfrom gan_style.__main__ import main\nsys.argv[0] = 'gan-style'\nmain()\n")
    command = [str(program), "serve", "--model", "run", "--port", "0", "--device", "cpu", *options]
    log, said = tmp_path / "log", tmp_path / "said"
    process = warm.start(command, tmp_path, env={**os.environ, **variables}, stdout=log, stderr=said)
    try:
        eventually(lambda: process.poll() is not None or '"serving"' in log.read_text())
        assert process.poll() is None, said.read_text()
        yield process, events(log)[0]["url"]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_answers_with_the_file_of_infer_and_drains_after_a_signal(number: int, tmp_path: Path) -> None:
    picture = Path("photo.png").read_bytes()
    assert infer_command(["--model", "run", "--input", "photo.png", "--output", "out", "--device", "cpu"]) == 0
    with serving(tmp_path) as (process, url), ThreadPoolExecutor(16) as threads:
        assert httpx.get(f"{url}/ready").json() == {"status": "ready"}
        answers = [threads.submit(httpx.post, f"{url}/translate", content=picture, timeout=60) for _ in range(16)]
        eventually(lambda: any(answer.done() for answer in answers))
        process.send_signal(number)
        assert process.wait(60) == 0
    taken = [answer.result() for answer in answers if answer.exception() is None]
    assert taken and {answer.status_code for answer in taken} <= {200, 503}
    assert {answer.content for answer in taken if answer.status_code == 200} == {Path("out/photo.png").read_bytes()}
    assert re.fullmatch(r"serving run on http://127\.0\.0\.1:\d+; Ctrl-C ends it\n", Path("said").read_text())
    told = events(Path("log"))
    assert [event["event"] for event in told if event["event"] != "request"] == ["serving", "draining", "stopped"]
    assert len([event for event in told if event.get("status") == 200]) == 1 + sum(answer.status_code == 200 for answer in taken)


def test_the_token_of_the_environment_is_asked_for_and_told_nowhere(tmp_path: Path) -> None:
    with serving(tmp_path, GAN_STYLE_TOKEN="sesame-77") as (process, url):
        assert httpx.get(f"{url}/models").status_code == 401
        assert httpx.get(f"{url}/models", headers={"Authorization": "Bearer sesame-77"}).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "sesame" not in Path("log").read_text() + Path("said").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "nowhere"], "--model nowhere: no such file or folder; give a .safetensors bundle or a run folder"),
        (
            ["--model", "run", "--host", "0.0.0.0"],
            "--host 0.0.0.0: others could connect without a token; set GAN_STYLE_TOKEN, or say --without-token",
        ),
        (["--model", "a" * 300], "a: cannot be opened (File name too long); give a .safetensors bundle or a run folder"),
        (["--model", "x=" + "a" * 300], "a: cannot be opened (File name too long); give a .safetensors bundle or a run folder"),
        (["--model", "run", "--model", "run"], "--model run: another model is called 'run'; give --model NAME=run"),
        (["--model", "run", "--port", "70000"], "--port: '70000' is no whole number from 0 to 65535"),
        (["--model", "photo.png", "--port", "0"], "photo.png: not a gan_style bundle"),
        (["--model", "run", "--prot", "1"], "unrecognized arguments: --prot 1, did you mean '--port'?"),
        ([], "the following arguments are required: --model"),
    ],
    ids=" ".join,
)
def test_mistakes(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: serve.serve_command(options)) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line and line.startswith("error: ")


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    find: Callable[[str], Any] = serve.find_spec
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    assert run_command(lambda: serve.serve_command(["--model", "run"])) == 2
    assert capsys.readouterr().err == "error: gan-style serve: needs uvicorn: pip install 'gan_style[serve]'\n"
