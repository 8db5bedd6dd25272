"""Networks in ONNX from outside: what gan-style export did not write is refused in one line, before onnxruntime sees it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image
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


def external_list(model: Any) -> None:
    node = helper.make_node("Constant", [], ["never"])
    tensor = node.attribute.add(name="value", type=9).tensors.add(data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    model.graph.node.append(node)


def sparse(model: Any) -> None:
    model.graph.sparse_initializer.add().dims.append(2**40)


def inner_graph(model: Any) -> None:
    node = helper.make_node("Identity", ["image"], ["never"])
    node.attribute.add(name="body", type=5).g.name = "inner"
    model.graph.node.append(node)


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
    (external_list, "has weights in other files, which are not read"),
    (sparse, r"has operators that gan-style export does not write \(sparse tensors\)"),
    (inner_graph, r"has operators that gan-style export does not write \(graphs in graphs\)"),
    (loop, r"has operators that gan-style export does not write \(Loop"),
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


def replaced(path: Path, nodes: Sequence[Any], **constants: Sequence[int]) -> Path:
    """A file whose metadata are those of gan-style export, and whose graph is another one."""
    model = onnx.load(path)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(helper.make_tensor(name, TensorProto.INT64, [len(values)], values) for name, values in constants.items())
    path.write_bytes(model.SerializeToString())
    return path


NODE = helper.make_node
GRAPHS: dict[str, tuple[list[Any], dict[str, list[int]], str]] = {
    "fails": ([NODE("Reshape", ["image", "shape"], ["result"])], {"shape": [7, 7, 7, 7]}, r"onnxruntime fails to run it \(.*Input shape:"),
    "one pixel": (
        [NODE("ReduceMean", ["image", "axes"], ["result"], keepdims=1)],
        {"axes": [2, 3]},
        r"its result has the shape \[1, 3, 1, 1\] in place of \[1, 3, 8, 12\]",
    ),
    "two pictures": ([NODE("Concat", ["image", "image"], ["result"], axis=0)], {}, r"its result has the shape \[2, 3, 8, 12\]"),
    "six channels": ([NODE("Concat", ["image", "image"], ["result"], axis=1)], {}, r"its result has the shape \[1, 6, 8, 12\]"),
    "nothing": (
        [NODE("Slice", ["image", "start", "end", "axis"], ["result"])],
        {"start": [0], "end": [0], "axis": [2]},
        r"its result has the shape \[1, 3, 0, 12\]",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_fails_or_gives_another_shape_is_one_line(name: str, tmp_path: Path) -> None:
    nodes, constants, words = GRAPHS[name]
    export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.onnx", "float")
    predictor = Predictor.load(replaced(tmp_path / "network.onnx", nodes, **constants), "cpu")
    with pytest.raises(UserError, match=rf"network\.onnx: {words}"):
        predictor.translate(torch.zeros(1, 3, 8, 12))


LIMITED = """
import sys
from gan_style.__main__ import run
from gan_style.translation import onnx_network

onnx_network.free_memory = lambda: 2**28
sys.exit(run(sys.argv[1:]))
"""


def test_a_graph_gets_no_more_memory_than_its_share(tmp_path: Path) -> None:
    """4 GiB of zeros. In a process of its own, since the bound holds for a process."""
    export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.onnx", "float")
    made = NODE("ConstantOfShape", ["shape"], ["zeros"])
    added = [NODE("ReduceMax", ["zeros"], ["most"], keepdims=1), NODE("Add", ["image", "most"], ["result"])]
    replaced(tmp_path / "network.onnx", [made, *added], shape=[1, 1024, 1024, 1024])
    Image.new("RGB", (12, 8)).save(tmp_path / "photo.png")
    names = ["--model", tmp_path / "network.onnx", "--input", tmp_path / "photo.png", "--output", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "infer", *names, "--device", "cpu"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.endswith(
        "photo.png: cpu has no memory for 1 image of 12 x 8 pixels; translate smaller with --resize N\n"
    )


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
