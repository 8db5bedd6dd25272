"""Pictures by regions whose translation was killed, or refused by the disk: the next command goes on, and nothing stays."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from large_pictures import Main, command, error, kill_within
from smoke import ROOT
from tiny_bundles import pixels

from gan_style.files import images
from gan_style.files.atomic import replacing
from gan_style.files.region_writer import RegionWriter
from gan_style.tiling.tiled import Tiling
from gan_style.translation import large
from gan_style.translation.inputs import Job

pytestmark = pytest.mark.usefixtures("large_inputs")


def test_a_killed_translation_goes_on(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    options = command("--tile", "48", "--scratch", "there", "--format", "tiff", input="big")
    assert main([*options[:4], "--output", "undisturbed", *options[6:]]) == 0
    kill_within(options, lambda: bool(list(Path("there").glob("*/pass_0003.raw"))))
    assert not Path("out/big.tiff").exists()
    capsys.readouterr()
    assert main(options) == 0
    assert "going on with earlier work" in capsys.readouterr().out
    assert Path("out/big.tiff").read_bytes() == Path("undisturbed/big.tiff").read_bytes()
    assert not list(Path("there").iterdir())


def test_two_processes_do_not_share_scratch_files(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    options = command("--tile", "48", "--scratch", "there", "--format", "tiff", input="big")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(ROOT / "infer.py"), *options], env=environment)
    while process.poll() is None and not list(Path("there").glob("*/pass_0000.raw")):
        time.sleep(0.01)
    assert main(options) == 2
    assert "scratch files in use by process" in error(capsys)
    process.terminate()
    process.wait()


def test_another_format_leaves_no_scratch_files_of_the_first(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    options = ("--tile", "48", "--scratch", "there")
    kill_within(command(*options, "--format", "tiff", input="big"), lambda: bool(list(Path("there").glob("*/pass_0002.raw"))))
    assert main(command(*options, input="big")) == 0
    assert "going on" not in capsys.readouterr().out
    assert not list(Path("there").iterdir())


def test_work_of_another_start_of_the_machine_begins_anew(
    main: Main, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    options = command("--tile", "48", "--scratch", "there", "--format", "tiff", input="big")
    kill_within(options, lambda: bool(list(Path("there").glob("*/pass_0002.raw"))))
    monkeypatch.setattr(large, "boot", lambda: "another")
    assert main(options) == 0
    assert "going on" not in capsys.readouterr().out
    assert not list(Path("there").iterdir())


def test_what_a_kill_left_beside_the_result_is_removed(main: Main) -> None:
    left = Path("out") / temporary_name("out/wide.tiff")
    left.write_bytes(b"half a file")
    (left.parent / ".mine.1.tmp.tiff").write_bytes(b"not of this result")
    assert main(command("--tile", "64", "--format", "tiff")) == 0
    assert sorted(os.listdir("out")) == [".mine.1.tmp.tiff", "wide.tiff"]  # noqa: PTH208


def temporary_name(path: str) -> str:
    """Of the file that a writer of `path` makes."""
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(b"")
    Path(path).unlink()
    return temporary.name


@pytest.mark.parametrize("where", ["scratch", "result"])
def test_a_full_disk_is_one_line_and_the_work_goes_on(
    where: str, main: Main, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    options = command("--tile", "48", "--scratch", "there", "--format", "tiff", input="big")
    assert main([*options[:4], "--output", "undisturbed", *options[6:]]) == 0
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patched:
        if where == "scratch":
            pwrite, calls = os.pwrite, list[int]()

            def nearly_full(*given: Any) -> int:
                calls.append(1)
                if len(calls) > 200:
                    raise full
                return pwrite(*given)

            patched.setattr(os, "pwrite", nearly_full)
        else:
            patched.setattr(RegionWriter, "_write", lambda *given: (_ for _ in ()).throw(full))
        capsys.readouterr()
        assert main(options) == 2
    assert "No space left on device" in error(capsys)
    assert main(options) == 0
    assert "going on with earlier work" in capsys.readouterr().out
    assert Path("out/big.tiff").read_bytes() == Path("undisturbed/big.tiff").read_bytes()


@pytest.mark.parametrize("options", [["--tile", "none"], ["--resize", "64"], []])
def test_a_picture_that_is_then_translated_at_once_leaves_no_scratch_files(options: list[str], main: Main) -> None:
    images.write(Path("big/big.png"), pixels(400, 420))
    left = list[Path]()

    def begun() -> bool:
        left.extend(Path("out").glob(".regions/*/result.raw"))
        return bool(left)

    kill_within(command("--tile", "48", "--format", "tiff", input="big"), begun)
    assert left[0].is_file()
    assert main(command(*options, "--format", "tiff", input="big")) == 0
    assert os.listdir("out") == ["big.tiff"]  # noqa: PTH208


def test_scratch_files_of_a_process_at_work_stay(main: Main) -> None:
    images.write(Path("big/big.png"), pixels(40, 42))
    folder = large.scratch_folder(Job(Path("big/big.png"), Path("out/big.png")), Tiling())
    program = f"""
import time
from pathlib import Path
from gan_style.tiling.scratch import Scratch
Scratch(Path({str(folder)!r})).begin({{}})
print(flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
        assert main(command(input="big")) == 0
        assert (folder / "plan.json").is_file()
    finally:
        process.kill()
        process.wait()
