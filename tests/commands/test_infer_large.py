"""infer.py on pictures that it translates by regions."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from large_pictures import Main, command, differ, error
from tiny_bundles import UNET_BATCH, pixels, tiny_bundle

from gan_style.files import bounded, images
from gan_style.files.opening import open_regular
from gan_style.files.writing import encode
from gan_style.terminal.progress import Progress
from gan_style.translation import large

pytestmark = pytest.mark.usefixtures("large_inputs")


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


def test_sizes_that_a_format_cannot_hold_are_refused_before_any_work(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("long/long.png"), np.zeros((20, 16384, 1), np.uint8))
    assert main(command("--tile", "64", "--format", "webp", "--scratch", "there", input="long")) == 2
    said = capsys.readouterr()
    assert "out/long.webp: 16384 x 20 pixels do not fit this format, whose sides end at 16383; use .png or .tif" in said.err
    assert "by regions" not in said.out
    assert not Path("there").exists()


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


@pytest.mark.parametrize("level", [0, 1, 9])
def test_the_compression_of_a_png_by_regions_is_that_of_one_at_once(level: int, main: Main) -> None:
    assert main(command("--png-compression", str(level), output="at_once")) == 0
    assert main(command("--png-compression", str(level), "--tile", "32")) == 0
    size, at_once = (Path(f"{folder}/wide.png").stat().st_size for folder in ("out", "at_once"))
    assert abs(size - at_once) < at_once / 50


def test_the_writing_of_a_tiff_shows_its_progress(main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a log gets each half minute, here after each tile."""
    images.write(Path("in/wide.png"), pixels(600, 90))
    monkeypatch.setattr(Progress, "_line", lambda self: f"{self.what} {self.done}/{self.total} {self.unit}")
    monkeypatch.setattr(Progress.__init__, "__kwdefaults__", {**Progress.__init__.__kwdefaults__, "every": 0.0})
    assert main(command("--tile", "64", "--format", "tiff", "--pyramid")) == 0
    lines = [line.split("  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert [line for line in lines if "tiles" in line] == [f"writing wide.tiff {done}/4 tiles" for done in (1, 2, 3, 4)]
