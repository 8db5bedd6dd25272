"""infer.py as a user calls it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import warm
from compilers import refusing
from smoke import ROOT
from tiny_bundles import pixels, tiny_bundle

from gan_style.files import images
from gan_style.translation.predictor import Predictor


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run folder with both directions, and some pictures."""
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("run/bundles/a2b.safetensors"), method="cyclegan", seed=1)
    tiny_bundle(Path("run/bundles/b2a.safetensors"), method="cyclegan", seed=2, direction="b2a")
    images.write(Path("in/wide.png"), pixels(30, 50))
    images.write(Path("in/deep/gray16.tif"), pixels(21, 33, 1, 16))


def command(*options: str, model: str = "run", input: str = "in", output: str = "out") -> list[str]:
    return ["--model", model, "--input", input, "--output", output, "--device", "cpu", *options]


KEPT = "kept: 2 files that existed in out, whatever model and options made them; --overwrite replaces them"


def errors(captured: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    lines = captured.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def translated_by(bundle: str, name: str) -> np.ndarray:
    predictor = Predictor.load(bundle, "cpu")
    return images.to_pixels(predictor(images.to_tensor(images.read(Path("in", name), 3).pixels)))


def test_a_folder_by_a_run_folder(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 translated, 0 skipped (exist), 0 failed -> out"
    assert sorted(map(str, images.find_images(Path("out")))) == ["deep/gray16.png", "wide.png"]
    np.testing.assert_array_equal(images.read(Path("out/wide.png"), 3).pixels, translated_by("run/bundles/a2b.safetensors", "wide.png"))
    assert images.probe(Path("out/deep/gray16.png")) == images.Header(33, 21, 3, 16, False)

    assert main(command()) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [KEPT, "0 translated, 2 skipped (exist), 0 failed -> out"]
    assert main(command("--overwrite")) == 0
    assert "kept" not in (said := capsys.readouterr().out) and said.splitlines()[-1] == "2 translated, 0 skipped (exist), 0 failed -> out"


def test_directions(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("--direction", "b2a")) == 0
    b2a = translated_by("run/bundles/b2a.safetensors", "wide.png")
    np.testing.assert_array_equal(images.read(Path("out/wide.png"), 3).pixels, b2a)
    assert not np.array_equal(b2a, translated_by("run/bundles/a2b.safetensors", "wide.png"))
    assert main(command("--direction", "b2a", "--overwrite", model="run/bundles/b2a.safetensors")) == 0
    capsys.readouterr()

    assert main(command("--direction", "a2b", model="run/bundles/b2a.safetensors")) == 2
    assert "--direction a2b: run/bundles/b2a.safetensors translates b2a" in errors(capsys)
    Path("run/bundles/a2b.safetensors").unlink()
    assert main(command("--overwrite")) == 0, "the only direction there is"
    np.testing.assert_array_equal(images.read(Path("out/wide.png"), 3).pixels, b2a)
    capsys.readouterr()
    assert main(command("--direction", "a2b")) == 2
    assert "--direction a2b: run has only a bundle for b2a" in errors(capsys)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["--resize", "train"], (30, 50)),
        (["--resize", "train", "--keep-resized"], (32, 32)),
        (["--resize", "15"], (30, 50)),
        (["--resize", "15", "--keep-resized"], (15, 25)),
    ],
)
def test_resize(main: Callable[..., int], options: list[str], size: tuple[int, int]) -> None:
    assert main(command(*options, "--batch-size", "2")) == 0
    header = images.probe(Path("out/wide.png"))
    assert (header.height, header.width) == size


def test_formats_and_inputs(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/notes.txt").touch()
    assert main(["--model", "run", "--input", "in/*", "in/deep/gray16.tif", "--output", "out", "--device", "cpu", "--format", "keep"]) == 0
    assert "left out: 1 .txt" in capsys.readouterr().out
    assert sorted(map(str, images.find_images(Path("out")))) == ["gray16.tif", "wide.png"]


@pytest.mark.parametrize("level", [0, 9])
def test_the_compression_of_png_changes_no_pixel(main: Callable[..., int], level: int) -> None:
    assert main(command()) == main(command("--png-compression", str(level), output="other")) == 0
    for name in ("wide.png", "deep/gray16.png"):
        usual, other = Path("out", name), Path("other", name)
        np.testing.assert_array_equal(images.read(usual, 3).pixels, images.read(other, 3).pixels)
        assert (other.stat().st_size > usual.stat().st_size) == (level == 0)


def test_what_is_left_out_is_named_once_and_recalled_at_the_end(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("1.heic", "2.heic", "brain.mgz", "notes.txt"):
        Path("in", name).touch()
    Path("in/deep/gray16.tif").unlink()
    assert main(command()) == 0
    out = capsys.readouterr().out
    assert out.count("heif-convert") == 1 and "\n1 image; left out: 2 .heic (" in out
    assert out.splitlines()[-1] == "left out: 3 files with pictures, named at the start"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("net.pth", "is weights of PyTorch, not an image that is read; infer.py --model takes"),
        ("run/bundles/a2b.safetensors", "is a bundle or other safetensors, not an image that is read; infer.py takes a bundle as --model"),
        ("brain.mgz", "is a volume, not an image that is read; save its slices"),
        ("net.onnx", "is a network in ONNX, not an image that is read; infer.py --model takes"),
        ("set.h5", "is a store of arrays, not an image that is read; save its arrays"),
        ("IMG_1.HEIC", "is a HEIC picture, not an image that is read; convert it: heif-convert IMG_1.HEIC IMG_1.png"),
    ],
)
def test_what_is_no_picture_is_named_before_anything_is_loaded(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    if not Path(name).exists():
        Path(name).write_bytes(bytes(range(200, 256)))
    assert main(command(input=name)) == 2
    assert f"--input {name}: {words}" in errors(capsys) and not Path("out").exists()
    if not name.endswith(".safetensors"):
        assert main(command(model=name)) == 2
        expected = "not a network in ONNX" if name.endswith(".onnx") else "not a gan_style bundle; train.py writes those"
        assert f"{name}: is " in (line := errors(capsys)) and expected in line


def test_pictures_beside_a_damaged_video_are_translated(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    assert main(["--model", "run", "--input", "in/wide.png", "clip.mp4", "--output", "out", "--device", "cpu"]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "1 translated, 0 skipped (exist), 1 failed -> out"
    assert "error: clip.mp4: is no video that can be read, or is cut short" in captured.err


def test_a_picture_under_a_wrong_suffix_is_translated(main: Callable[..., int]) -> None:
    Path("in/wide.png").rename("in/wide.mp4")
    assert main(command(input="in/wide.mp4")) == 0
    assert images.probe(Path("out/wide.png")).width == 50


def test_bad_files(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/a_text.png").write_text("no picture")
    assert main(command()) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "2 translated, 0 skipped (exist), 1 failed -> out"
    assert captured.err.startswith("error: in/a_text.png: ") and captured.err.count("\n") == 1

    whole = Path("in/wide.png").read_bytes()
    Path("in/b_cut.png").write_bytes(whole[: len(whole) // 2])
    assert main(command()) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "0 translated, 2 skipped (exist), 2 failed -> out"
    lines = captured.err.splitlines()
    assert [line.split(": ")[:2] for line in lines[:2]] == [["failed", "in/a_text.png"], ["failed", "in/b_cut.png"]]
    assert lines[2].startswith("error: 2 files failed, the first of them in/a_text.png") and len(lines) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--model"),
        (command("--keep-resized"), "--keep-resized: has no effect without --resize train or --resize N; leave it out"),
        (command("--resize", "train", "--resize", "none"), "--resize: given twice, and only one can count"),
        (command("--resize", "0"), "--resize: '0' is neither none, train nor a number from 1"),
        (command("--batch-size", "many"), "--batch-size: 'many'"),
        (command("--format", "gif"), "--format"),
        (command("--png-compression", "10"), "--png-compression: '10' is no whole number from 0 to 9"),
        (command("--png-compression", "1", "--format", "jpg"), "--png-compression: the results are jpg; leave it out"),
        (
            command("--compile", "--tile", "64"),
            "--compile: --tile 64 computes every picture region by region, uncompiled; leave one of them out",
        ),
        (command("--presision", "bf16"), "--presision"),
        (command(model="nowhere"), "--model nowhere: no such"),
        (command(model="in"), "--model in: a folder without bundles/"),
        (command(model="in/wide.png"), "in/wide.png: not a gan_style bundle"),
        (command(input="nowhere"), "--input nowhere: no such"),
        (command(output="in"), "--output in: is the input folder itself"),
        (command(output="in/wide.png"), "--output in/wide.png: a file"),
        (command(output="in/wide.png/deeper"), "--output in/wide.png/deeper: cannot be created"),
        (command(model=""), "--model : is empty"),
        (command(model="a\0b"), r"--model a\x00b: holds a NUL character"),
        (command(input=""), "--input : is empty"),
        (command(input="in/*\0"), r"--input in/*\x00: holds a NUL character"),
        (command("--mask", ""), "--mask : is empty"),
        (command(output=""), "--output : is empty"),
        (command(output="o\0"), r"--output o\x00: holds a NUL character"),
        (command(model="x" * 300), "File name too long"),
        (command(input="x" * 300), "File name too long"),
        (command(input="x" * 300 + "*"), "no images there"),
        (command("--mask", "x" * 300), "File name too long"),
        (command("--statistics", "x" * 300), "File name too long"),
        (command("--strength", "0"), "--strength: a bundle of cyclegan takes no style"),
        (command("--strength", "high"), "--strength/--alpha: 'high' is no number from 0 to 1"),
        (command("--samples", "many"), "--samples: 'many' is no whole number from 1 to 1000000"),
        (command("--samples", "9" * 5000), "is no whole number from 1 to 1000000"),
        (command(output="x" * 300), "File name too long"),
        (command(input="loop"), "symbolic links"),
        (command(output="loop/deeper"), "symbolic links"),
        (command(model="pipe"), "pipe: cannot be read (it is not a regular file)"),
        (command(input="pipe"), "pipe: cannot be opened (it is not a regular file)"),
    ],
)
def test_mistakes(main: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str], named: str) -> None:
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    assert main(arguments) == 2
    assert named in errors(capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_text(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"in\xff new\nline")
    Path("in").rename(odd)
    assert main(command(input=odd, output=os.fsdecode(b"out\xff"))) == 0
    assert "2 translated, 0 skipped (exist), 0 failed -> out\\udcff" in capsys.readouterr().out
    assert len(images.find_images(Path(os.fsdecode(b"out\xff")))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_hostile_files_by_hostile_names(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named in a printable line, and the picture among them is translated."""
    names = [os.fsdecode(name) for name in (b"\x1b[2J.png", b"\xff\xfe.png", b"new\nline.png", b"\xe2\x80\xa8.png", b"carriage\r.png")]
    Path("bad").mkdir()
    for name in names:
        Path("bad", name).write_bytes(b"no picture")
    Path("bad/empty.png").touch()
    Path("bad/loop.png").symlink_to("loop.png")
    os.mkfifo("bad/pipe.png")
    Path("bad/zero.png").symlink_to("/dev/zero")
    Path("bad/folder.png").mkdir()
    images.write(Path("bad/ribbon.png"), pixels(1, 100_000))
    images.write(Path("bad", os.fsdecode(b"good \xff\n\x1b.png")), pixels(8, 9))
    assert main(command("--resize", "256", input="bad")) == 2
    captured = capsys.readouterr()
    lines = captured.err.split("\n")
    assert len(lines) == 10 + 1 + 1 and all(line.isprintable() for line in lines)
    assert lines[-2].startswith("error: 10 files failed, the first of them bad/")
    assert captured.out.splitlines()[-1] == "1 translated, 0 skipped (exist), 10 failed -> out"
    assert os.listdir("out") == [os.fsdecode(b"good \xff\n\x1b.png")]  # noqa: PTH208


def test_neither_training_nor_its_libraries_are_loaded() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import infer
assert infer.main({command(model="nowhere")!r}) == 2
assert infer.main({command(input="nowhere")!r}) == 2
assert "torch" not in sys.modules, "a mistake should be reported at once"
assert infer.main({command()!r}) == 0
assert "torch" in sys.modules
rooms = {{"gan_style.engine", "gan_style.report", "gan_style.datasets"}}
heavy = {{"torch._dynamo", "accelerate", "albumentations", "torchmetrics", "torchvision", *rooms}}
loaded = heavy & set(sys.modules)
print(sorted(loaded))
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["2 translated, 0 skipped (exist), 0 failed -> out", "[]"]


def test_a_compiled_network_that_cannot_be_compiled_is_one_warning(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch)
    with pytest.warns(UserWarning, match=r"^--compile: the network is not compiled \(.*no kernel for this.*\); it runs as it is$") as told:
        assert main(command("--compile")) == 0
    assert len(told) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 translated, 0 skipped (exist), 0 failed -> out"
    np.testing.assert_array_equal(images.read(Path("out/wide.png"), 3).pixels, translated_by("run/bundles/a2b.safetensors", "wide.png"))


@pytest.mark.skipif(not shutil.which("g++") and not shutil.which("clang++"), reason="torch's compiler needs one of C++")
def test_a_compiled_network_gives_the_same_pictures_up_to_rounding() -> None:
    """By torch's own compiler, in a process of its own, for it leaves variables behind."""
    Path("in/deep/gray16.tif").unlink()
    done = warm.run([ROOT / "infer.py", *command("--compile")], Path.cwd())
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    plain = translated_by("run/bundles/a2b.safetensors", "wide.png").astype(int)
    assert np.abs(images.read(Path("out/wide.png"), 3).pixels - plain).max() <= 1
