"""Networks in ONNX from outside: what gan-style export did not write is refused in one line, before onnxruntime sees it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from tiny_bundles import tiny_bundle

from gan_style.errors import UserError
from gan_style.exporting.write import export
from gan_style.translation import onnx_network
from gan_style.translation.predictor import Predictor


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(tiny_bundle(folder / "a2b.safetensors"), folder / "network.onnx")
    return folder / "network.onnx"


def external(model: Any) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")


def loop(model: Any) -> None:
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["never"], body=helper.make_graph([], "body", [], [])))


def other_library(model: Any) -> None:
    model.graph.node.append(helper.make_node("Run", ["image"], ["never"], domain="com.example"))


def renamed(model: Any) -> None:
    about = metadata(model)
    about["inputs"][0]["name"] = "picture"
    replace(model, json.dumps(about))


def metadata(model: Any) -> dict[str, Any]:
    return json.loads(model.metadata_props[0].value)


def replace(model: Any, text: str) -> None:
    model.metadata_props[0].value = text


def changed(**keys: Any) -> Callable[[Any], None]:
    return lambda model: replace(model, json.dumps({**metadata(model), **keys}))


def of_method(name: str) -> Callable[[Any], None]:
    return lambda model: replace(model, json.dumps({**metadata(model), "bundle": {**metadata(model)["bundle"], "method": name}}))


def twice(model: Any) -> None:
    model.metadata_props.append(model.metadata_props[0])


CASES: list[tuple[Callable[[Any], None], str]] = [
    (external, "has weights in other files, which are not read"),
    (loop, r"has operators that gan-style export does not write \(Loop\)"),
    (other_library, r"has operators that gan-style export does not write \(Run\)"),
    (renamed, "its metadata name other inputs or outputs than its graph has"),
    (changed(format=2), "its metadata is not what this version of gan_style reads: format"),
    (changed(size_multiple=2**40), "size_multiple: must be at most 32768"),
    (changed(condition={"kind": "spell"}), "condition"),
    (changed(input="int4"), "input: must be 'uint8' or 'float'"),
    (changed(extra=1), "extra: unknown key"),
    (of_method("magic"), "made by method 'magic', which this version of gan_style does not know"),
    (lambda model: replace(model, "{"), "its metadata are no JSON"),
    (lambda model: replace(model, "[" * 100_000), "its metadata are no JSON"),
    (lambda model: replace(model, " " * (2**20 + 1)), "its metadata have 1048577 characters, more than the 1048576 allowed"),
    (lambda model: replace(model, "null"), "its metadata is not what this version of gan_style reads"),
    (twice, "is not of gan-style export"),
    (lambda model: model.metadata_props.pop(), "is not of gan-style export"),
    (lambda model: model.graph.node.pop(), "onnxruntime cannot run it"),
]


@pytest.mark.parametrize(("change", "words"), CASES)
def test_what_export_did_not_write_is_refused(change: Callable[[Any], None], words: str, exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    change(model)
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=words) as caught:
        Predictor.load(tmp_path / "network.onnx", "cpu")
    assert str(tmp_path / "network.onnx") in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(share: float, exported: Path, tmp_path: Path) -> None:
    content = exported.read_bytes()
    (tmp_path / "network.onnx").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"network\.onnx"):
        Predictor.load(tmp_path / "network.onnx", "cpu")


def test_no_library_sees_a_refused_file(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(exported)
    loop(model)
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    monkeypatch.setattr(onnx_network, "open_session", lambda *_: pytest.fail("a session was opened"))
    with pytest.raises(UserError, match="Loop"):
        Predictor.load(tmp_path / "network.onnx", "cpu")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_regular_file_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "network.onnx")
    with pytest.raises(UserError, match=r"network\.onnx: cannot be read"):
        Predictor.load(tmp_path / "network.onnx", "cpu")
