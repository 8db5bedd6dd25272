"""`gan-style export --web DIR`: a folder that needs no server, or one line on what is wrong."""

import json
import re
from pathlib import Path

import pytest
from tiny_bundles import RESNET_INSTANCE, tiny_bundle

from gan_style.commands.export import export_command
from gan_style.errors import UserError
from gan_style.exporting.runtime import FILES
from gan_style.translation.onnx_network import read_exported


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "tiny.safetensors")


@pytest.fixture
def ort(tmp_path: Path) -> Path:
    """Stands for an unpacked onnxruntime-web."""
    (tmp_path / "ort").mkdir()
    for name in FILES:
        (tmp_path / "ort" / name).write_text(name)
    return tmp_path / "ort"


def export(*words: object) -> int:
    return export_command([str(word) for word in words])


def test_a_folder_with_all_that_its_page_names(bundle: Path, ort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    web = tmp_path / "web"
    assert export("--model", bundle, "--web", web, "--ort", ort) == 0
    assert capsys.readouterr().out.endswith(f"{web}: a page of tiny; python -m http.server --directory {web} shows it\n")
    there = {str(file.relative_to(web)) for file in web.rglob("*") if file.is_file()}
    named = {"network.json", "network.onnx", *(f"ort/{name}" for name in FILES), "page/worker.js"}
    for file in there:
        text = (web / file).read_text() if file.endswith((".html", ".js", ".css")) else ""
        assert re.findall(r"\w+://[^\s\"')]+", text) == [] or file.startswith("ort/")
        named |= {href or f"page/{module}" for href, module in re.findall(r"(?:src|href)=\"([^\"]+)\"|from \"\./([^\"]+)\"", text)}
    assert named - there == {"openapi.json"} and there - named == {"index.html"}  # the link is hidden where no server is described
    html = (web / "index.html").read_text()
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "*" not in policy
    told = json.loads((web / "network.json").read_text())
    assert [model["name"] for model in told["models"]] == ["tiny"] and [port["name"] for port in told["inputs"]] == ["image"]
    info, _ = read_exported(web / "network.onnx")
    assert told["bundle"] == info.bundle.model_dump(mode="json")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "gan-style export: give --output FILE or --web DIR, one of them"),
        (["--web", "web", "--output", "a.onnx"], "gan-style export: give --output FILE or --web DIR, one of them"),
        (["--output", "a.onnx", "--ort", "ort"], "--ort: is for --web DIR; leave it out"),
        (["--web", "web", "--input", "float"], "--input: the page of --web has an ONNX file of uint8 and fp32; leave it out"),
        (["--web", "web", "--precision", "fp16"], "--precision: the page of --web has an ONNX file of uint8 and fp32; leave it out"),
        (["--web", "web", "--triton"], "--triton: the page of --web has an ONNX file of uint8 and fp32; leave it out"),
        (["--web", "full"], "--web full: is not empty; choose another folder, or take --overwrite"),
        (["--web", "tiny.safetensors"], "--web tiny.safetensors: cannot be read (Not a directory); choose another folder"),
        (["--web", "web", "--ort", "full"], f"--ort full: {FILES[0]} cannot be read (No such file or directory); give the folder of"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    words: list[str], line: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UserError) as mistake:
        export("--model", bundle, *words)
    assert str(mistake.value).startswith(line) and not (tmp_path / "web").exists()


def test_networks_without_a_picture_for_the_page_are_refused(ort: Path, tmp_path: Path) -> None:
    many = tiny_bundle(tmp_path / "many.safetensors", RESNET_INSTANCE, in_channels=4)
    with pytest.raises(UserError, match=r"--web: the network takes 4 channels, and the page has 1 or 3; take --output FILE\.onnx"):
        export("--model", many, "--web", tmp_path / "web", "--ort", ort)
    assert not (tmp_path / "web").exists()
