"""Writing an exported network: it is compared before it has its name, holds what a program needs, and tells nothing else."""

import functools
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import torch.nn.functional as F
from tiny_bundles import GENERATORS, RESNET_INSTANCE, tiny_bundle

from gan_style.bundles.exported import ExportInfo
from gan_style.bundles.file import digest
from gan_style.errors import UserError
from gan_style.exporting import write
from gan_style.exporting.formats import FORMATS, PT2
from gan_style.exporting.write import export
from gan_style.networks.layers.normalisation import InstanceNorm2d
from gan_style.translation.onnx_network import read_exported
from gan_style.translation.predictor import Predictor
from gan_style.version import VERSION

ROOT = Path(__file__).parents[3]
COLOURS = ["#000000", "#ff0000", "#00ff00", "#0a14fa"]


def metadata(path: Path) -> ExportInfo:
    """As another program finds them."""
    if path.suffix == ".onnx":
        texts = {each.key: each.value for each in onnx.load(path).metadata_props}
    elif path.suffix == ".pt2":
        texts = {"gan_style": ""}
        torch.export.load(path, extra_files=texts)
    else:
        texts = {"gan_style": ""}
        torch.jit.load(path, _extra_files=texts)
    assert set(texts) == {"gan_style"}
    return ExportInfo.model_validate(json.loads(texts["gan_style"]))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("door", ["uint8", "float"])
def test_the_file_holds_what_a_program_needs(suffix: str, door: Any, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    info = export(bundle, tmp_path / f"network{suffix}", door)
    found = metadata(tmp_path / f"network{suffix}")
    assert found == info and found.sha256 == digest(bundle) and found.version == VERSION
    assert found.bundle.method == "pix2pix" and found.bundle.direction == "a2b" and found.bundle.step == 7
    assert (found.size_multiple, found.minimum_size, found.opset) == (4, 8, 18 if suffix == ".onnx" else None)
    assert found.value_range == {"uint8": (0, 255), "float": (-1, 1)}[door]
    shape = {"uint8": ["batch", "height", "width", 3], "float": ["batch", 3, "height", "width"]}[door]
    assert [(port.name, port.shape) for port in (*found.inputs, *found.outputs)] == [("image", shape), ("result", shape)]
    assert found.accuracy is not None and found.accuracy.error <= found.accuracy.allowed == 1e-4
    assert {batch for batch, _, _ in found.accuracy.images} == {1, 3} and len({image[1:] for image in found.accuracy.images}) == 2
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_dimensions_have_names_and_the_file_tells_nothing_of_this_machine(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    for suffix in FORMATS:
        export(bundle, tmp_path / f"network{suffix}")
        assert str(ROOT).encode() not in (tmp_path / f"network{suffix}").read_bytes()
    model = onnx.load(tmp_path / "network.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import] == [18]
    for port in (*model.graph.input, *model.graph.output):
        assert [side.dim_param or side.dim_value for side in port.type.tensor_type.shape.dim] == ["batch", "height", "width", 3]


def test_a_file_of_torch_export_holds_no_pickle(tmp_path: Path) -> None:
    export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.pt2")
    with zipfile.ZipFile(tmp_path / "network.pt2") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    pickled = [name for name, content in contents.items() if content and name.endswith((".pt", ".pkl"))]
    assert not pickled


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_each_image_of_a_batch_has_its_own_statistics(generator: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    """pytorch#128501: a batch of 2 was traced, and one image and three are run."""
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator)
    export(bundle, tmp_path / f"network{suffix}", "float")
    run, predictor = FORMATS[suffix].open(tmp_path / f"network{suffix}"), Predictor.load(bundle, "cpu")
    photos = torch.rand(3, 3, 24, 40) * torch.tensor([1.0, 0.2, 0.6])[:, None, None, None] - 0.5
    together = run(photos)
    torch.testing.assert_close(together, torch.cat([run(photo) for photo in photos.split(1)]), rtol=0, atol=1e-5)
    torch.testing.assert_close(together, predictor.translate(photos), rtol=0, atol=1e-4)


@pytest.mark.parametrize("edges", ["none", "labels", "alpha"])
def test_label_maps_are_encoded_in_the_graph(edges: str, tmp_path: Path) -> None:
    generator = {"name": "spade", "base_channels": 4, "num_downs": 2, "init_gain": 0.15}
    keys = {"labels": {"one_hot": True, "colours": COLOURS, "edges": edges}}
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator, "pix2pixhd", keys=keys, in_channels=4 if edges == "alpha" else 3)
    for suffix in FORMATS:
        info = export(bundle, tmp_path / f"network{suffix}")
        assert info.accuracy is not None and info.accuracy.error < 1e-4


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_precision_is_smaller_and_within_its_own_tolerance(suffix: str, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", {**RESNET_INSTANCE, "base_channels": 16})
    full, half = (export(bundle, tmp_path / f"{precision}{suffix}", "float", precision) for precision in ("fp32", "fp16"))
    assert full.accuracy is not None and half.accuracy is not None and half.precision == "fp16"
    assert full.accuracy.error < 1e-4 < half.accuracy.error <= half.accuracy.allowed == 0.03
    sizes = [(tmp_path / f"{precision}{suffix}").stat().st_size for precision in ("fp32", "fp16")]
    assert sizes[1] < 0.8 * sizes[0]
    assert FORMATS[suffix].open(tmp_path / f"fp16{suffix}")(torch.zeros(1, 3, 9, 9)).dtype == torch.float32


def test_normalisation_of_half_precision_measures_in_float32(tmp_path: Path) -> None:
    """onnxruntime#9879: statistics in half precision overflow."""
    export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.onnx", precision="fp16")
    graph = onnx.shape_inference.infer_shapes(onnx.load(tmp_path / "network.onnx")).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    measured = [types[node.input[0]] for node in graph.node if node.op_type == "ReduceMean"]
    computed = [types[node.output[0]] for node in graph.node if node.op_type == "Conv"]
    assert measured and set(measured) == {onnx.TensorProto.FLOAT}
    assert computed and set(computed) == {onnx.TensorProto.FLOAT16}


def test_a_file_that_computes_something_else_is_refused_in_one_line_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here an epsilon of the exported normalisation alone, as in TensorRT#260."""
    bundle, own = tiny_bundle(tmp_path / "a2b.safetensors"), InstanceNorm2d.forward
    other = functools.partial(F.instance_norm, eps=1e-3)
    monkeypatch.setattr(InstanceNorm2d, "forward", lambda _, x: other(x) if torch.compiler.is_exporting() else own(_, x))
    with pytest.raises(UserError) as caught:
        export(bundle, tmp_path / "network.onnx")
    told = r".*network\.onnx: not written, because its results are \S+ of the range from torch's, more than 0\.0001; take another format"
    assert re.fullmatch(told, str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["a2b.safetensors"]


def test_a_result_that_is_not_finite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = PT2.open
    monkeypatch.setattr(PT2, "open", lambda path: lambda *inputs: opened(path)(*inputs) * float("nan"))
    with pytest.raises(UserError, match="not written"):
        export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.pt2", "float")
    assert not (tmp_path / "network.pt2").exists()


def test_where_torch_makes_no_torchscript_the_message_names_the_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise RuntimeError("torch.jit is not supported in this version")

    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    monkeypatch.setattr(torch.jit, "trace", gone)
    with pytest.raises(UserError, match=r"torch .* makes no TorchScript of this network; take FILE.onnx or FILE.pt2"):
        export(bundle, tmp_path / "network.ts")
    assert not (tmp_path / "network.ts").exists()


def test_a_network_that_torchscript_holds_at_one_size_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    monkeypatch.setattr(InstanceNorm2d, "forward", lambda _, x: x + torch.zeros([int(side) for side in x.shape]))
    with pytest.raises(UserError, match=r"runs at one size or batch alone; take FILE\.onnx or FILE\.pt2"):
        export(bundle, tmp_path / "network.ts")


def test_a_line_is_said_about_each_comparison(tmp_path: Path) -> None:
    lines: list[str] = []
    export(tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "network.onnx", say=lines.append)
    assert [line.split(":")[0] for line in lines] == ["1 x 128 x 128", "3 x 128 x 128", "1 x 133 x 99", "3 x 133 x 99"]
    assert all(line.endswith("of the range from torch") for line in lines)


def test_pictures_from_noise_are_compared_at_their_own_size(tmp_path: Path) -> None:
    lines: list[str] = []
    fields: Any = {"generator": {"name": "dcgan", "base_channels": 4}, "keys": {"size": 16, "latent": 3}}
    about = export(tiny_bundle(tmp_path / "a2b.safetensors", method="gan", **fields), tmp_path / "network.pt2", say=lines.append)
    assert [line.split(":")[0] for line in lines] == ["1 x 16 x 16", "3 x 16 x 16"]
    assert about.accuracy and list(about.accuracy.images) == [(1, 16, 16), (3, 16, 16)]


def test_an_exported_network_is_not_exported_again_and_a_direction_must_be_the_bundles(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    export(bundle, tmp_path / "network.onnx")
    with pytest.raises(UserError, match=r"network\.onnx: is an exported network; give the bundle that it was made of"):
        export(tmp_path / "network.onnx", tmp_path / "other.onnx")
    with pytest.raises(UserError, match=r"direction b2a: .*a2b\.safetensors translates a2b"):
        export(bundle, tmp_path / "other.onnx", direction="b2a")
    assert read_exported(tmp_path / "network.onnx")[0].bundle.direction == "a2b"
    assert write.ALLOWED == {"fp32": 1e-4, "fp16": 0.03}
