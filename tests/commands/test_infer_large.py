"""infer.py on pictures that it translates by regions."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from smoke import ROOT
from tiny_bundles import UNET_BATCH, pixels, tiny_bundle

import gan_style
from gan_style.files import bounded, images
from gan_style.files.atomic import replacing
from gan_style.files.opening import open_regular
from gan_style.files.region_writer import RegionWriter
from gan_style.files.writing import encode
from gan_style.translation import large

Main = Callable[..., int]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("a.safetensors"))
    tiny_bundle(Path("other.safetensors"), seed=3)
    images.write(Path("in/wide.png"), pixels(70, 90))


def command(*options: str, model: str = "a.safetensors", input: str = "in", output: str = "out") -> list[str]:
    return ["--model", model, "--input", input, "--output", output, "--device", "cpu", *options]


def read(path: str, channels: int = 3) -> np.ndarray:
    return images.read(Path(path), channels).pixels.astype(int)


def differ(one: str, other: str, channels: int = 3) -> int:
    return int(np.abs(read(one, channels) - read(other, channels)).max())


def error(captured: pytest.CaptureFixture[str]) -> str:
    lines = captured.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


@pytest.mark.parametrize("options", ["", "--scratch there", "--format tiff", "--format tiff --pyramid --compression none"])
def test_a_picture_by_regions_is_the_picture_at_once(options: str, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(output="at_once")) == 0
    assert main(command("--tile", "32", *options.split())) == 0
    suffix = "tiff" if "tiff" in options else "png"
    assert "70 pixels by regions" in capsys.readouterr().out
    assert differ(f"out/wide.{suffix}", "at_once/wide.png") <= 1
    assert sorted(os.listdir("out")) == [f"wide.{suffix}"], "no scratch files stay"  # noqa: PTH208
    assert not os.path.exists("there") or not os.listdir("there")  # noqa: PTH110, PTH208


def test_a_picture_that_needs_too_much_memory_goes_by_regions_by_itself(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images.write(Path("in/wide.png"), pixels(500, 510))
    assert main(command(output="at_once")) == 0
    monkeypatch.setattr(large, "SMALL", 100)
    assert main(command("--max-memory", "6M")) == 0
    assert "by regions" in capsys.readouterr().out
    assert differ("out/wide.png", "at_once/wide.png") <= 1
    assert main(command("--tile", "none", "--overwrite")) == 0
    assert "by regions" not in capsys.readouterr().out


def test_each_file_is_opened_once(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    images.write(Path("in/other.tif"), pixels(40, 30))
    opened = list[Path]()
    monkeypatch.setattr(bounded, "open_regular", lambda path: opened.append(path) or open_regular(path))
    assert main(command()) == 0
    assert sorted(opened) == [Path("in/other.tif"), Path("in/wide.png")]


@pytest.mark.parametrize("shape", [(9000, 7000, 3), (11000, 10000, 3)])
def test_a_tiff_that_is_not_decoded_at_once_goes_by_regions(shape: tuple[int, ...], main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first has 16 bits and more bytes than pixels would allow, the second more pixels."""
    tifffile.imwrite("in/huge.tif", shape=shape, dtype=np.uint16 if shape[0] == 9000 else np.uint8, photometric="rgb", rowsperstrip=64)
    translated = list[Path]()
    monkeypatch.setattr(large.LargePictures, "translate", lambda self, job: translated.append(job.source))
    assert main(command("--max-memory", "100G")) == 0
    assert translated == [Path("in/huge.tif")]
    assert os.listdir("out") == ["wide.png"]  # noqa: PTH208


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_alpha_depth_and_resolution_stay(suffix: str, main: Main) -> None:
    Path("in/deep.tif").write_bytes(encode(Path("deep.tif"), pixels(60, 50, 4, 16), (72.0, 96.0)))
    (Path("in") / "wide.png").unlink()
    assert main(command("--format", suffix, output="at_once")) == 0
    assert main(command("--tile", "32", "--format", suffix)) == 0
    at_once, found = (images.read(Path(f"{folder}/deep.{suffix}"), 4) for folder in ("at_once", "out"))
    assert found.pixels.dtype == np.uint16
    assert np.abs(found.pixels.astype(int) - at_once.pixels).max() <= 2
    assert found.dots_per_inch == pytest.approx(at_once.dots_per_inch)


def test_a_unet_in_half_precision(main: Main) -> None:
    tiny_bundle(Path("unet.safetensors"), UNET_BATCH)
    assert main(command(model="unet.safetensors", output="at_once")) == 0
    assert main(command("--tile", "16", "--scratch-precision", "half", model="unet.safetensors")) == 0
    assert differ("out/wide.png", "at_once/wide.png") <= 3
    assert main(command("--tile", "16", "--precision", "bf16", "--scratch", "there", model="unet.safetensors", output="bf16")) == 0
    assert differ("bf16/wide.png", "at_once/wide.png") <= 12


def test_statistics_are_saved_and_used(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("--save-statistics", "s.safetensors")) == 0
    assert main(command("--statistics", "s.safetensors", output="same")) == 0
    assert differ("out/wide.png", "same/wide.png") <= 1
    images.write(Path("dark/one.png"), pixels(40, 40) // 4)
    assert main(command(input="dark", output="own")) == 0
    assert main(command("--statistics", "s.safetensors", input="dark", output="given")) == 0
    assert differ("own/one.png", "given/one.png") > 3
    given = gan_style.load("a.safetensors", device="cpu", statistics="s.safetensors")(Image.open("dark/one.png"))
    assert np.abs(np.asarray(given).astype(int) - read("given/one.png")).max() <= 1, "Python has the same statistics"
    capsys.readouterr()
    assert main(command("--statistics", "s.safetensors", model="other.safetensors", output="no")) == 2
    assert "of another bundle (pix2pix a2b, step 7)" in error(capsys)
    Path("s.safetensors").write_bytes(b"nothing")
    assert main(command("--statistics", "s.safetensors", output="no")) == 2
    assert "s.safetensors: cannot be read" in error(capsys)


def test_local_and_masked_statistics(main: Main) -> None:
    assert main(command(output="at_once")) == 0
    assert main(command("--statistics", "local")) == 0
    assert differ("out/wide.png", "at_once/wide.png") > 1
    mask = np.full((70, 90, 1), 255, np.uint8)
    images.write(Path("mask.png"), mask)
    assert main(command("--statistics", "mask", "--mask", "mask.png", output="all")) == 0
    assert differ("all/wide.png", "at_once/wide.png") <= 3, "but for the padding, the whole picture counts"
    mask[:, 40:] = 0
    images.write(Path("mask.png"), mask)
    assert main(command("--statistics", "mask", "--mask", "mask.png", output="half")) == 0
    assert differ("half/wide.png", "at_once/wide.png") > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tile", "none", "--statistics", "local"], "--statistics: --tile none"),
        (["--resize", "64", "--save-statistics", "s.safetensors"], "--save-statistics: pictures that are resized"),
        (["--statistics", "mask"], "has no alpha that could tell its background; give --mask FILE"),
        (["--statistics", "nowhere"], "--statistics nowhere: is neither image, local, mask, shared nor a file"),
        (["--statistics", "mask", "--mask", "in/wide.png", "--mask", "in/wide.png"], "--mask: give one mask"),
        (["--max-memory", "2G", "--tile", "none"], "--max-memory: --tile none"),
        (["--pyramid"], "--pyramid: is of TIFF files"),
        (["--save-statistics", "a.safetensors"], "a.safetensors: exists, and holds no statistics"),
        (["--save-statistics", "in/wide.png"], "the file is a .safetensors"),
        (["--statistics", "mask", "--mask", "nowhere.png"], "--mask nowhere.png: no such file"),
        (["--scratch", "a.safetensors/x", "--tile", "32", "--format", "tiff"], "give --scratch another folder"),
        (["--max-memory", "much"], "'much' is no size of memory"),
        (["--tile", "3"], "--tile"),
    ],
)
def test_options_that_do_not_fit(options: list[str], words: str, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(*options)) == 2
    assert words in error(capsys)


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


def test_a_mask_in_which_nothing_counts_is_refused(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("mask.png"), np.zeros((70, 90, 1), np.uint8))
    assert main(command("--statistics", "mask", "--mask", "mask.png")) == 2
    assert "nothing counts in its mask" in error(capsys)


def test_statistics_of_a_result_that_exists_are_not_promised(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command()) == 0
    assert main(command("--save-statistics", "s.safetensors")) == 2
    assert "take --overwrite" in error(capsys)


def test_sizes_that_a_format_cannot_hold_are_refused_before_any_work(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("long/long.png"), np.zeros((20, 16384, 1), np.uint8))
    assert main(command("--tile", "64", "--format", "webp", "--scratch", "there", input="long")) == 2
    said = capsys.readouterr()
    assert "out/long.webp: 16384 x 20 pixels do not fit this format, whose sides end at 16383; use .png or .tif" in said.err
    assert "by regions" not in said.out
    assert not Path("there").exists()


def kill_within(options: list[str], reached: Callable[[], bool]) -> None:
    """Start infer and kill it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(ROOT / "infer.py"), *options], env=environment)
    while process.poll() is None and not reached():
        time.sleep(0.002)
    process.kill()
    assert process.wait() != 0, "it ended before it was killed"


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


def test_a_png_that_is_not_decoded_at_once_is_refused_with_the_way_to_tiles(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("--max-pixels", "6000")) == 2
    assert error(capsys).endswith("make a tiled TIFF of it: vips copy in/wide.png 'wide.tif[tile,compression=deflate,bigtiff]'")
    assert main(command("--max-pixels", "6300")) == 0


def test_a_scene_keeps_its_place_on_the_earth_at_once_and_by_regions(main: Main) -> None:
    place = [(33550, "d", 3, (10.0, 10.0, 0.0), True), (34735, "H", 4, (1, 1, 0, 0), True)]
    tifffile.imwrite("scene.tif", pixels(40, 50), photometric="rgb", extratags=place)
    for folder, options in {"at_once": [], "by_regions": ["--tile", "32"]}.items():
        assert main(command("--format", "tiff", *options, input="scene.tif", output=folder)) == 0
        tags = tifffile.TiffFile(f"{folder}/scene.tiff").pages.first.tags
        assert [tags[code].value for code, *_ in place] == [(10.0, 10.0, 0.0), (1, 1, 0, 0)]
