"""gan-style export, and infer and load with the file that it wrote."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from full_disk import files_of_at_most
from PIL import Image
from tiny_bundles import pixels, tiny_bundle

import gan_style
from gan_style.__main__ import run
from gan_style.errors import UserError

ROOT = Path(__file__).parents[2]
SCRIPT, BY_TORCH, LABELLED = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guide/export.md").read_text(encoding="utf-8"), re.S)
WITHOUT = "import sys, runpy; sys.modules |= dict.fromkeys(sys.argv[2:]); runpy.run_path(sys.argv[1], run_name='__main__')"
BUNDLES: dict[str, dict[str, Any]] = {
    "pix2pix": {},
    "stargan": {"keys": {"domain_names": ["day", "dusk"]}},
    "fast_style": {"generator": {"name": "transformer_net", "base_channels": 4, "num_blocks": 1}, "keys": {"styles": {"a": "x", "b": "y"}}},
    "adain": {"generator": {"name": "adain", "base_channels": 4, "depth": "relu2_1"}, "style": True},
    "gan": {"generator": {"name": "dcgan", "base_channels": 4}, "keys": {"size": 16, "latent": 3}},
}
FLOATS = ("pix2pix", "adain")
OPTIONS = {"pix2pix": [], "stargan": ["--to", "dusk"], "fast_style": ["--style", "a:0.25,b:0.75", "--strength", "0.5"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of each condition and its ONNX file uint8.onnx, in a folder each; float.onnx of some; photo.png, deep.png and style.png."""
    root = tmp_path_factory.mktemp("export")
    for name, fields in BUNDLES.items():
        bundle = tiny_bundle(root / name / "a2b.safetensors", method=name, **fields)
        for door in ("uint8", "float") if name in FLOATS else ("uint8",):
            assert run(["export", "--model", str(bundle), "--output", str(root / name / f"{door}.onnx"), "--input", door]) == 0
    Image.fromarray(pixels(50, 61)).save(root / "photo.png")
    photo = Image.open(root / "photo.png")
    photo.save(root / "clip.gif", save_all=True, append_images=[photo.transpose(Image.Transpose.ROTATE_180)])
    Image.fromarray(pixels(40, 33, seed=1)).save(root / "style.png")
    Image.fromarray(pixels(20, 30, 1, depth=16)[..., 0]).save(root / "deep.png")
    return root


def inferred(model: Path, photo: Path, output: Path, *options: str) -> np.ndarray:
    source = ["--input", str(photo)] if "--samples" not in options else []
    assert run(["infer", "--model", str(model), *source, "--output", str(output), *options]) == 0
    return np.stack([np.asarray(Image.open(path), dtype=np.int64) for path in sorted(output.iterdir())])


@pytest.mark.parametrize(("name", "door"), [*((name, "uint8") for name in BUNDLES), *((name, "float") for name in FLOATS)])
def test_infer_gives_the_bundles_pictures_within_one_level(name: str, door: str, files: Path, tmp_path: Path) -> None:
    adain = ["--style", str(files / "style.png"), "--strength", "0.6", "--preserve-color", "luminance"]
    options = {**OPTIONS, "adain": adain, "gan": ["--samples", "3", "--seed", "5"]}[name]
    exported = inferred(files / name / f"{door}.onnx", files / "photo.png", tmp_path / "exported", *options)
    own = inferred(files / name / "a2b.safetensors", files / "photo.png", tmp_path / "own", *options)
    assert exported.shape == own.shape and np.abs(exported - own).max() <= 1
    assert own.std() > 1


def test_load_gives_the_bundles_results(files: Path) -> None:
    own, exported = (gan_style.load(files / "pix2pix" / name) for name in ("a2b.safetensors", "float.onnx"))
    assert exported.info.model_copy(update={"condition": None}) == own.info
    photo = pixels(33, 47)
    assert np.abs(own(photo).astype(int) - exported(photo)).max() <= 1
    assert np.abs(own([photo, photo[:20]])[1].astype(int) - exported([photo, photo[:20]])[1]).max() <= 1
    assert np.abs(own(photo / 255, value_range=(0, 1)) - exported(photo / 255, value_range=(0, 1))).max() < 1e-4
    eight = gan_style.load(files / "pix2pix" / "uint8.onnx")
    with pytest.raises(
        UserError, match="has values between those of 8 bits, which the network in ONNX takes; export it with --input float"
    ):
        eight(photo / 300, value_range=(0, 1))
    with pytest.raises(UserError, match=r"^compile: .*uint8\.onnx is an exported network, which has its own; leave it out"):
        gan_style.load(files / "pix2pix" / "uint8.onnx", compile=True)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("pix2pix", ["--compile"], "--compile: "),
        ("pix2pix", ["--precision", "bf16"], "--precision: "),
        ("pix2pix", ["--tile", "32"], "--tile 32: an exported network translates pictures at once"),
        ("pix2pix", ["--max-memory", "2G"], "--max-memory: an exported network translates pictures at once"),
        ("pix2pix", ["--pyramid", "--format", "tiff"], "--pyramid: an exported network translates pictures at once"),
        ("pix2pix", ["--statistics", "local"], "--statistics: an exported network translates pictures at once"),
        ("pix2pix", ["--input", "clip.gif", "--statistics", "shared"], "--statistics shared: an exported network measures each picture by"),
        ("pix2pix", ["--direction", "b2a"], "--direction b2a: "),
        ("pix2pix", ["--device", "mps"], "--device mps: "),
        ("pix2pix", ["--to", "dusk"], "--to dusk: a bundle of pix2pix has no domains"),
        ("fast_style", ["--style", "a", "--mask", "photo.png"], "--mask: an exported network mixes styles over the whole picture"),
        ("adain", ["--style", "style.png", "style.png"], "--style: an exported network takes one style picture"),
        ("adain", ["--style", "style.png", "--preserve-color", "histogram"], "--preserve-color histogram: "),
    ],
)
def test_options_that_cannot_apply_are_refused_in_one_line(
    name: str,
    options: list[str],
    words: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    assert run(["infer", "--model", f"{name}/uint8.onnx", "--input", "photo.png", "--output", str(tmp_path / "out"), *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {words}") and not (tmp_path / "out").exists()


def test_an_animation_alone_has_its_scratch_folder_and_its_bound(files: Path, tmp_path: Path) -> None:
    command = [
        "infer",
        "--model",
        str(files / "pix2pix" / "uint8.onnx"),
        "--input",
        str(files / "clip.gif"),
        "--output",
        str(tmp_path / "out"),
    ]
    assert run([*command, "--scratch", str(tmp_path), "--max-pixels", "100000"]) == 0
    assert Image.open(tmp_path / "out" / "clip.gif").n_frames == 2  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["network.ts", "network.pt2"])
def test_infer_names_what_it_takes_in_place_of_a_network_for_other_programs(
    name: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "--model", str(files / "pix2pix" / "a2b.safetensors"), "--output", str(tmp_path / name)]) == 0
    assert run(["infer", "--model", str(tmp_path / name), "--input", str(files / "photo.png"), "--output", str(tmp_path / "out")]) == 2
    words = "not a gan_style bundle; networks in .pt2 and .ts are for other programs: give the bundle, or export an .onnx file"
    assert capsys.readouterr().err == f"error: {tmp_path / name}: {words}\n"


def test_a_file_of_8_bits_refuses_a_picture_of_16_and_one_of_floats_keeps_its_depth(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = files / "pix2pix"
    assert run(["infer", "--model", str(model / "uint8.onnx"), "--input", str(files / "deep.png"), "--output", str(tmp_path / "no")]) == 2
    assert "deep.png: has values between those of 8 bits" in capsys.readouterr().err
    bundle = ["infer", "--input", str(files / "deep.png"), "--format", "tiff"]
    for kind in ("float.onnx", "a2b.safetensors"):
        assert run([*bundle, "--model", str(model / kind), "--output", str(tmp_path / kind)]) == 0
    import tifffile

    exported, own = (tifffile.imread(tmp_path / kind / "deep.tiff").astype(int) for kind in ("float.onnx", "a2b.safetensors"))
    assert np.abs(exported - own).max() <= 7  # 1e-4 of the range


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "network.bin"], "--output network.bin: its suffix chooses the format; name it network.onnx, network.pt2, network.ts"),
        (["--output", "network.pt2", "--triton"], "--triton: is for ONNX; name the output network.onnx, or leave it out"),
        (["--output", "there.onnx"], "--output there.onnx: exists; choose another name, or take --overwrite"),
        (["--output", "there.onnx/network.onnx"], "--output there.onnx/network.onnx: cannot be written"),
        (["--output", "network.onnx", "--direction", "b2a"], "direction b2a: "),
        (["--output", "network.onnx", "--input", "uint16"], "argument --input: 'uint16' is none of uint8, float"),
        (["--output", "network.onnx", "--precision", "int8"], "argument --precision: 'int8' is none of fp32, fp16"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    arguments: list[str], words: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.onnx").write_text("another's")
    assert run(["export", "--model", str(files / "pix2pix/a2b.safetensors"), *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {words}")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["another's"]


def test_a_run_folder_is_exported_with_a_config_for_triton(
    trained: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "network.onnx"
    output.write_text("old")
    assert run(["export", "--model", str(trained[0]), "--output", str(output), "--triton", "--overwrite"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert (
        len(told) == 6
        and told[-2]
        == f"{tmp_path / 'config.pbtxt'}: for the folder network/ of Triton's model repository, and network.onnx for network/1/"
    )
    assert re.fullmatch(rf"{output}: pix2pix a2b, step 2, uint8, fp32, opset 18, within \S+ of the range \(allowed: 0\.0001\)", told[-1])
    assert (tmp_path / "config.pbtxt").read_text() == (
        'name: "network"\nbackend: "onnxruntime"\ndefault_model_filename: "network.onnx"\nmax_batch_size: 8\ndynamic_batching { }\n'
        'input [ { name: "image" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]\n'
        'output [ { name: "result" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]\n'
    )


def without_gan_style(script: str, folder: Path, *hidden: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script)
    command = [sys.executable, "-c", WITHOUT, "script.py", "gan_style", *hidden]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False)


def test_the_guides_script_runs_the_file_where_gan_style_cannot_be_imported(files: Path, tmp_path: Path) -> None:
    assert without_gan_style("import gan_style", tmp_path).returncode != 0
    (tmp_path / "network.onnx").write_bytes((files / "pix2pix/uint8.onnx").read_bytes())
    (tmp_path / "photo.png").write_bytes((files / "photo.png").read_bytes())
    done = without_gan_style(SCRIPT, tmp_path, "torch")
    assert done.returncode == 0 and done.stdout.startswith("pix2pix a2b error "), done.stderr
    own = inferred(files / "pix2pix/a2b.safetensors", files / "photo.png", tmp_path / "own")
    assert np.abs(np.asarray(Image.open(tmp_path / "translated.png"), dtype=int) - own[0]).max() <= 1


def test_so_does_the_one_for_torch(files: Path, tmp_path: Path) -> None:
    bundle = files / "pix2pix" / "a2b.safetensors"
    assert run(["export", "--model", str(bundle), "--output", str(tmp_path / "network.pt2")]) == 0
    (tmp_path / "photo.png").write_bytes((files / "photo.png").read_bytes())
    done = without_gan_style(BY_TORCH, tmp_path)
    assert done.returncode == 0 and ast.literal_eval(done.stdout)["error"] < 1e-4, done.stderr
    own = inferred(bundle, files / "photo.png", tmp_path / "own")[0]
    assert np.abs(np.asarray(Image.open(tmp_path / "translated_by_torch.png"), np.int64) - own).max() <= 1


def test_so_does_the_one_about_domains(files: Path, tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes((files / "stargan/uint8.onnx").read_bytes())
    (tmp_path / "photo.png").write_bytes((files / "photo.png").read_bytes())
    opened = SCRIPT.split("[translated]")[0]
    done = without_gan_style(f"{opened}\n{LABELLED}\nImage.fromarray(translated[0]).save('translated.png')\n", tmp_path, "torch")
    assert done.returncode == 0, done.stderr
    own = inferred(files / "stargan/a2b.safetensors", files / "photo.png", tmp_path / "own", "--to", "dusk")
    assert np.abs(np.asarray(Image.open(tmp_path / "translated.png"), dtype=int) - own[0]).max() <= 1


def test_a_missing_library_is_told_with_its_extra(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = ["--model", str(files / "pix2pix/a2b.safetensors")]
    assert run(["export", *model, "--output", str(tmp_path / "network.onnx")]) == 2
    assert "pip install 'gan_style[export]'" in capsys.readouterr().err
    exported = ["--model", str(files / "pix2pix/uint8.onnx")]
    assert run(["infer", *exported, "--input", str(files / "photo.png"), "--output", str(tmp_path / "out")]) == 2
    assert "pip install 'gan_style[export]'" in capsys.readouterr().err
    assert run(["export", *model, "--output", str(tmp_path / "network.pt2")]) == 0


def test_a_foreign_network_is_refused_by_name(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = onnx.load(files / "pix2pix/uint8.onnx")
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    assert run(["infer", "--model", str(tmp_path / "foreign.onnx"), "--input", str(files / "photo.png"), "--output", str(tmp_path)]) == 2
    assert "foreign.onnx: is not of gan-style export (it has no 'gan_style' in its metadata)" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".ts"])
def test_a_full_disk_is_one_line_and_leaves_nothing(suffix: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / f"network{suffix}"
    with files_of_at_most(2000):
        assert run(["export", "--model", str(files / "pix2pix/a2b.safetensors"), "--output", str(target)]) == 2
    assert capsys.readouterr().err == f"error: {target}: cannot be written (File too large); make room or choose another place\n"
    assert not list(tmp_path.iterdir())
