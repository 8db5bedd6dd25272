"""A network in ONNX that `gan-style export` wrote, run by onnxruntime in the place of a bundle's network.

A file from outside is a program (docs/guide/untrusted.md). Before onnxruntime sees it, its metadata are checked against a schema, and a
graph with weights in other files, with control flow or with operators beyond ONNX's own is refused. All sessions of the process together
get `SHARE` of the memory that is free before the first one.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gan_style.bundles.exported import EXTRA, ExportInfo
from gan_style.bundles.file import MAX_HEADER_BYTES, METADATA_KEY, unreadable
from gan_style.conditions import Exemplar, Mix, Noise
from gan_style.errors import UserError
from gan_style.files.bounded import reason
from gan_style.files.opening import read_regular
from gan_style.machine.device import choose_device
from gan_style.machine.free_memory import free_memory
from gan_style.machine.memory import no_room
from gan_style.types import to_floats

MAX_BYTES = 2**31  # of a file: protobuf reads no larger ones
SHARE = 0.75
_SAID = 200  # characters of a message of onnxruntime
_LOOPS = {"If", "Loop", "Scan", "SequenceMap"}
_EIGHT_BITS = 1e-3  # distance of a value from a whole number of 255ths that rounding explains


def is_exported(path: Path) -> bool:
    """Is it a network in ONNX by its name?"""
    return path.suffix.lower() == ".onnx"


def load_libraries(*names: str) -> list[Any]:
    """The modules of the extra. `UserError` names the extra if one is missing."""
    try:
        return [import_module(name) for name in names]
    except ImportError as failure:
        raise UserError(f"ONNX needs {failure.name or names[0]}: pip install 'gan_style[{EXTRA}]'") from failure


class OnnxNetwork(nn.Module):
    """A session of onnxruntime with the call of a bundle's network: pictures [B, C, H, W] and a condition -> [B, C', H, W], in [-1, 1].

    A picture of the door `uint8` must have 8 bits, else `UserError`. The constructor raises one for a file that is not run, a call for a
    graph that fails or gives a result of another shape. It names the file without its folder, which a client of a server need not know.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        super().__init__()
        self._path = path
        self.info, content = read_exported(path)
        self.size_multiple, self.minimum_size = self.info.size_multiple, self.info.minimum_size
        self._session = open_session(content, path, device)
        self._check_ports(path)

    def encode(self, picture: Tensor) -> Tensor:
        """A style picture [1, 3, H, W] is encoded in the graph."""
        return picture

    def forward(
        self,
        image: Tensor,
        condition: Tensor | None = None,
        features: Sequence[Tensor] = (),
        shares: Tensor | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """condition: of a `Label` or a `Mix`; features, alpha: the style picture and the strength of an `Exemplar`, whose share is 1"""
        given = [image if isinstance(self.info.condition, Noise) else self._through(image)]
        if condition is not None:
            given.append(condition)
        if isinstance(self.info.condition, Mix):
            given.append(image.new_ones(len(image), 1))
        if isinstance(self.info.condition, Exemplar):
            (style,) = features
            given += [self._through(style).expand(len(image), -1, -1, -1), image.new_full((len(image), 1), alpha)]
        named = {port.name: each.contiguous().cpu().numpy() for port, each in zip(self.info.inputs, given, strict=True)}
        result = torch.from_numpy(self._run(named))
        result = to_floats(result.permute(0, 3, 1, 2)) if self.info.input == "uint8" else result
        self._check_shape(image, result)
        return result

    def _run(self, named: dict[str, Any]) -> Any:
        """The only output."""
        try:
            return self._session.run(None, named)[0]
        except Exception as failure:
            if no_room(failure):
                raise
            raise UserError(f"{self._path.name}: onnxruntime fails to run it ({_words(failure)}); export it again") from failure

    def _check_shape(self, image: Tensor, result: Tensor) -> None:
        batch, _, *size = image.shape if image.dim() == 4 else (*image.shape, *result.shape[2:])
        wanted = [batch, self.info.bundle.out_channels, *size]
        if list(result.shape) != wanted or not result.numel():
            raise UserError(f"{self._path.name}: its result has the shape {list(result.shape)} in place of {wanted}; export it again")

    def _through(self, pictures: Tensor) -> Tensor:
        """Pictures in [-1, 1] as the door takes them."""
        if self.info.input == "float":
            return pictures.float()
        values = (pictures.float() + 1.0) * 127.5
        whole = values.round()
        if (values - whole).abs().max() > _EIGHT_BITS or whole.min() < 0 or whole.max() > 255:
            raise UserError("has values between those of 8 bits, which the network in ONNX takes; export it with --input float")
        return whole.to(torch.uint8).permute(0, 2, 3, 1)

    def _check_ports(self, path: Path) -> None:
        types = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}
        told = [(port.name, types[port.type], len(port.shape)) for port in (*self.info.inputs, *self.info.outputs)]
        there = [(port.name, port.type, len(port.shape)) for port in (*self._session.get_inputs(), *self._session.get_outputs())]
        if told != there:
            raise UserError(f"{path}: its metadata name other inputs or outputs than its graph has; export it again")


def open_session(content: bytes, path: Path, device: torch.device) -> Any:
    """A session of onnxruntime on the CPU or on CUDA, with as many threads as torch has. path: for messages

    `UserError` if onnxruntime cannot run the network.
    """
    [onnxruntime] = load_libraries("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised
    _bound_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    providers = ["CPUExecutionProvider"] if device.type == "cpu" else ["CUDAExecutionProvider", "CPUExecutionProvider"]
    try:
        # Constants that are computed beforehand would lie outside the bound.
        return onnxruntime.InferenceSession(content, options, providers=providers, disabled_optimizers=["ConstantFolding"])
    except Exception as failure:  # its own classes, which have no base of their own
        if no_room(failure):
            raise
        raise UserError(f"{path}: onnxruntime cannot run it ({_words(failure)}); export it again") from failure


@cache
def _bound_memory() -> None:
    """Bound the memory of all sessions of this process together."""
    [onnxruntime] = load_libraries("onnxruntime")
    place = onnxruntime.OrtMemoryInfo("Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT)
    usual = -1
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(int(SHARE * free_memory()), usual, usual, usual))


def _words(failure: Exception) -> str:
    """The end of what onnxruntime says, without the names of its sources and functions."""
    return re.sub(r"/onnxruntime_src/\S+ [^)]*\) ?", "", reason(failure))[-_SAID:]


def device_for(name: str) -> torch.device:
    """Where onnxruntime computes. name: auto, cpu, cuda or mps. `UserError` if it cannot compute there."""
    [onnxruntime] = load_libraries("onnxruntime")
    there = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    place = choose_device(name)
    if place.type == "cuda" and not there and name == "cuda":
        raise UserError("--device cuda: this onnxruntime has no CUDA; pip install onnxruntime-gpu, or take --device cpu")
    if name == "mps":
        raise UserError("--device mps: networks in ONNX run on the CPU or on CUDA; take --device cpu")
    return place if place.type == "cuda" and there else torch.device("cpu")


def read_exported(path: Path) -> tuple[ExportInfo, bytes]:
    """The metadata and the content of a network in ONNX. `UserError` names the file and why it is not run."""
    [onnx] = load_libraries("onnx")
    model = onnx.ModelProto()
    try:
        content = read_regular(path, MAX_BYTES)
        model.ParseFromString(content)
    except OSError as problem:
        raise UserError(f"{path}: cannot be read ({problem.strerror or problem}); check the path") from None
    except Exception as failure:  # DecodeError of protobuf
        if no_room(failure):
            raise
        raise UserError(f"{path}: is damaged, or not a network in ONNX; export it again") from failure
    found = [each.value for each in model.metadata_props if each.key == METADATA_KEY]
    if len(found) != 1:
        raise UserError(
            f"{path}: is not of gan-style export (it has no {METADATA_KEY!r} in its metadata); export a bundle, and give that file"
        )
    if len(found[0]) > MAX_HEADER_BYTES:
        raise UserError(f"{path}: its metadata have {len(found[0])} characters, more than the {MAX_HEADER_BYTES} allowed; export it again")
    _check_graph(path, model)
    try:
        return ExportInfo.model_validate(json.loads(found[0])), content
    except ValidationError as mistakes:
        raise UserError(f"{path}: {unreadable(mistakes)}") from None
    except (ValueError, RecursionError) as problem:
        raise UserError(f"{path}: its metadata are no JSON ({problem}); export it again") from None


def _check_graph(path: Path, model: Any) -> None:
    """`UserError` for a graph that `gan-style export` does not write."""
    attributes = [each for node in model.graph.node for each in node.attribute]
    held = [*model.graph.initializer, *(tensor for each in attributes for tensor in (each.t, *each.tensors))]
    if any(each.external_data or each.data_location for each in held):
        raise UserError(f"{path}: has weights in other files, which are not read; export it again")
    others = {node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx") or node.op_type in _LOOPS}
    others |= set(_rare(model, attributes))
    if others:
        raise UserError(f"{path}: has operators that gan-style export does not write ({', '.join(sorted(others)[:5])}); export it again")


def _rare(model: Any, attributes: Sequence[Any]) -> Iterator[str]:
    """The names of parts that a graph of ours never has."""
    if model.functions:
        yield "functions"
    if model.graph.sparse_initializer or any(each.HasField("sparse_tensor") or each.sparse_tensors for each in attributes):
        yield "sparse tensors"
    if any(each.HasField("g") or each.graphs for each in attributes):
        yield "graphs in graphs"
