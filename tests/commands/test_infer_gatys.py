"""infer.py --model gatys as a user calls it, with random weights and shallow layers."""

import errno
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pictures import draw
from tiny_bundles import tiny_bundle

from gan_style.files import images

ROOT = Path(__file__).parents[2]
SMALL = ["--vgg", "random", "--style-layers", "relu1_1,relu2_1", "--content-layers", "relu2_1", "--size", "32", "--steps", "2"]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    images.write(Path("in/a.jpg"), draw(1, 64)[:48])
    images.write(Path("in/b.png"), draw(2, 40))
    images.write(Path("style.png"), draw(3, 40))
    images.write(Path("left.png"), np.repeat(np.array([[255, 0]], np.uint8), 48, axis=0).repeat(32, axis=1)[..., None])
    images.write(Path("right.png"), 255 - images.read(Path("left.png"), 1).pixels)


def command(*options: str, input: str = "in/a.jpg", style: str = "style.png", small: Sequence[str] = SMALL) -> list[str]:
    """Options of one value stand in for the small ones."""
    usual = ["--model", "gatys", "--input", input, "--style", style, "--output", "out", "--device", "cpu", *small]
    pairs = [usual[place : place + 2] for place in range(0, len(usual), 2)]
    several = ("--style", "--style-layers")
    return [*(word for pair in pairs if pair[0] not in options or pair[0] in several for word in pair), *options]


def error(captured: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in captured.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_folder(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(input="in")) == 0
    assert capsys.readouterr().out.splitlines() == ["2 images", "2 translated, 0 skipped (exist), 0 failed -> out"]
    assert images.probe(Path("out/a.png")) == images.Header(43, 32, 3, 8, False)  # 64 x 48 with a shorter side of 32
    assert main(command("--size", "0", input="in")) == 0
    kept = "kept: 2 files that existed in out, whatever model and options made them; --overwrite replaces them"
    assert capsys.readouterr().out.splitlines()[1:] == [kept, "0 translated, 2 skipped (exist), 0 failed -> out"]
    assert main(command("--size", "0", "--overwrite")) == 0
    assert images.probe(Path("out/a.png")) == images.Header(64, 48, 3, 8, False)


def test_one_bad_picture_does_not_stop_the_others(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/0.png").write_text("no picture")
    assert main(command(input="in")) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "2 translated, 0 skipped (exist), 1 failed -> out"
    assert captured.err.splitlines()[-1].startswith("error: in/0.png: is a text, not an image")


@pytest.mark.parametrize(
    "options",
    [
        ["--optimizer", "adam", "--learning-rate", "0.1", "--pyramid", "2", "--tv-weight", "0.001"],
        ["--start", "noise", "--seed", "4", "--pooling", "max", "--vgg-name", "vgg16", "--strength", "3"],
        ["--start", "style", "--preserve-color", "histogram", "--style-scale", "0.8"],
        ["--style", "in/b.png", "--style-layers", "relu2_1=2", "--style-scale", "1", "2", "--mask", "left.png", "right.png"],
    ],
)
def test_options(main: Callable[..., int], options: list[str]) -> None:
    assert main(command(*options)) == 0
    written = images.read(Path("out/a.png"), 3).pixels
    assert written.shape == (32, 43, 3) and written.std() > 5


def test_luminance_keeps_the_photos_chroma(main: Callable[..., int]) -> None:
    assert main(command("--preserve-color", "luminance", "--size", "0", "--steps", "20", "--strength", "20")) == 0
    photo, result = (images.read(Path(path), 3).pixels.astype(float) for path in ("in/a.jpg", "out/a.png"))
    weights = np.array([0.299, 0.587, 0.114])
    luma = [(picture @ weights)[..., None] for picture in (photo, result)]
    assert np.abs((result - luma[1]) - (photo - luma[0])).max() <= 3
    assert np.abs(luma[1] - luma[0]).mean() > 2  # it was stylised


def test_shares_weigh_the_styles(main: Callable[..., int]) -> None:
    written = {}
    for share in ("0", "0.5", "1"):
        styles = ["--style", f"in/b.png:{share}", "--steps", "8", "--overwrite"]
        assert main(command(*styles, style=f"style.png:{1 - float(share)}")) == 0
        written[share] = images.read(Path("out/a.png"), 3).pixels.astype(float)
    between, across = (np.abs(written["0"] - written[share]).mean() for share in ("0.5", "1"))
    assert 0.5 < between < across


def test_termination_unwinds(main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("gan_style.translation.stylisation.optimise", terminated)
    with pytest.raises(SystemExit) as left:
        main(command())
    assert left.value.code == 143
    assert capsys.readouterr().out.splitlines()[-1] == "0 translated, 0 skipped (exist), 0 failed -> out"


def test_no_memory_is_one_line(main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("gan_style.translation.stylisation.optimise", refused)
    assert main(command()) == 2
    assert "in/a.jpg: cpu has no memory for 43 x 32 pixels; take a smaller --size" in error(capsys)


def test_the_same_command_gives_the_same_picture(main: Callable[..., int]) -> None:
    written = []
    for _ in range(2):
        assert main(command("--overwrite", "--start", "noise", "--seed", "7")) == 0
        written.append(Path("out/a.png").read_bytes())
    assert written[0] == written[1]


def test_a_full_disk_ends_the_run(main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(images, "replacing", refuse)
    assert main(command(input="in")) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "0 translated, 0 skipped (exist), 1 failed -> out"
    assert "out/a.png: cannot be written (No space left on device)" in captured.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--mask", "left.png", "right.png"], "--mask: 2 for 1 of --style"),
        (["--mask", "style.png"], "--mask style.png: is 40 x 40 pixels, but in/a.jpg is 64 x 48"),
        (["--input", "x" * 300], "--input " + "x" * 300 + ": cannot be opened (File name too long)"),
        (["--output", "x" * 300], "--output " + "x" * 300 + ": cannot be opened (File name too long)"),
        (["--mask", "a\0b"], r"--mask a\x00b: holds a NUL character"),
        (["--vgg", "x" * 300], "--vgg " + "x" * 300 + ": cannot be opened (File name too long)"),
        (["--style", "x" * 300], "xxx: no such file; give PICTURE or PICTURE:SHARE"),
        (["--style", "x" * 300 + ":0.5"], "xxx:0.5: no such file; give PICTURE or PICTURE:SHARE"),
        (["--style", ""], "--style : no such file"),
        (["--mask", "nowhere.png"], "nowhere.png: cannot be opened"),
        (["--style", "nowhere.png"], "--style nowhere.png: no such file"),
        (["--style", "in/b.png:-2"], "--style in/b.png: the share '-2' is no number from 0 to 1"),
        (["--style", "in/b.png:0.5"], "--style: give every style a share, or none"),
        (["--style-layers", "relu1_1,relu2_1"], "--style-layers: given 2 times for 1 of --style"),
        (["--content-layers", "rely2_1"], "has no layer 'rely2_1'; did you mean relu2_1?"),
        (["--style-scale", "1", "2", "3"], "--style-scale: given 3 times for 1 of --style"),
        (["--strength", "-1"], "argument --strength: '-1' is no number from 0 to 1e+06"),
        (["--learning-rate", "0.1"], "--learning-rate: has no effect without --optimizer adam; leave it out"),
        (["--seed", "0"], "--seed: has no effect without --start noise; leave it out"),
        (["--content-weight", "0"], "--content-layers: has no effect without a --content-weight above 0"),
        (["--steps", "0"], "argument --steps: '0' is no whole number"),
        (["--vgg", "nowhere.pth"], "nowhere.pth: no such file of VGG weights"),
        (["--vgg", "style.png"], "style.png: holds more than tensors"),
        (["--size", "1"], "in/a.jpg: an image of 1 x 1 pixels is too small"),
        (["--compile"], "--compile: --model gatys optimises each picture and has no network of its own to compile; leave it out"),
        (["--direction", "a2b"], "unrecognized arguments: --direction a2b; see gan-style infer --model gatys --help"),
    ],
)
def test_mistakes_are_one_line(main: Callable[..., int], capsys: pytest.CaptureFixture[str], options: list[str], why: str) -> None:
    assert main(command(*options)) == 2
    assert why in error(capsys)
    assert not list(Path().glob("out/*"))


def test_imagenet_without_a_network(main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    assert main(command("--vgg", "imagenet")) == 2
    assert "the ImageNet weights of vgg19 cannot be downloaded (no network)" in error(capsys)


def test_a_picture_that_would_not_fit_into_memory(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_style.translation.stylisation.BYTES_PER_PIXEL", 1e12)
    assert main(command()) == 2
    assert "in/a.jpg: 43 x 32 pixels would take about" in error(capsys)


def test_a_run_folder_may_be_called_gatys(main: Callable[..., int]) -> None:
    tiny_bundle(Path("gatys/bundles/a2b.safetensors"), method="cyclegan", seed=1)
    assert main(["--model", "./gatys", "--input", "in/a.jpg", "--output", "out", "--device", "cpu"]) == 0


def test_a_ribbon_that_would_become_huge_is_named(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for constant in ("BYTES_PER_PIXEL", "BYTES_PER_STYLE_PIXEL"):
        monkeypatch.setattr(f"gan_style.translation.stylisation.{constant}", 0)
    images.write(Path("in/a.jpg"), draw(1, 64)[:2])
    assert main(command("--size", "10000")) == 2
    assert "in/a.jpg: --size 10000: has 64 x 2 pixels and would be resized to 320000 x 10000" in error(capsys)


def test_a_result_whose_name_is_too_long_is_named(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    long = "in/" + "x" * 253
    Path("in/b.png").rename(long)
    assert main(command(input=long)) == 2
    assert "File name too long" in error(capsys)
