"""The formats of exported networks: each traces a graph for free sizes, writes it with its metadata, and opens the file again."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.bundles.exported import Port
from gan_style.bundles.file import METADATA_KEY
from gan_style.errors import UserError
from gan_style.exporting.graph import Graph
from gan_style.machine.memory import no_room
from gan_style.translation.onnx_network import load_libraries, open_session

OPSET = 18  # of ONNX: the one that torch writes without conversion
Run = Callable[..., Tensor]


class Format(ABC):
    """A traced graph. The constructor traces it with `example`, inputs that `ports` describe."""

    opset: int | None = None

    @abstractmethod
    def __init__(self, graph: Graph, example: Sequence[Tensor], ports: Sequence[Port], result: Port) -> None: ...

    @abstractmethod
    def save(self, path: Path, metadata: str) -> None:
        """Write the file, with JSON as its metadata under the key `gan_style`."""

    @staticmethod
    @abstractmethod
    def open(path: Path) -> Run:
        """The function of a file from inputs to the result."""


class PT2(Format):
    """torch.export's format, for `torch.export.load`."""

    def __init__(self, graph: Graph, example: Sequence[Tensor], ports: Sequence[Port], result: Port) -> None:
        free = {name: torch.export.Dim(name, min=_least(name, graph)) for port in ports for name in port.shape if isinstance(name, str)}
        shapes = [{axis: free[name] for axis, name in enumerate(port.shape) if isinstance(name, str)} for port in ports]
        with _quiet():
            self.program = torch.export.export(graph, tuple(example), dynamic_shapes=(tuple(shapes),))
        self.program.example_inputs = None  # they alone would be pickled
        for node in self.program.graph.nodes:
            node.meta.pop("stack_trace", None)  # it tells of this machine's folders

    def save(self, path: Path, metadata: str) -> None:
        content = BytesIO()  # torch ends the process where a disk is full
        torch.export.save(self.program, content, extra_files={METADATA_KEY: metadata})
        path.write_bytes(content.getbuffer())

    @staticmethod
    def open(path: Path) -> Run:
        return torch.export.load(path).module()


class ONNX(Format):
    """ONNX, one file with its weights."""

    opset = OPSET

    def __init__(self, graph: Graph, example: Sequence[Tensor], ports: Sequence[Port], result: Port) -> None:
        load_libraries("onnx", "onnxscript", "onnxruntime")
        program = PT2(graph, example, ports, result).program
        names = [port.name for port in ports]
        with _quiet():
            written = torch.onnx.export(
                program, dynamo=True, opset_version=OPSET, input_names=names, output_names=[result.name], verbose=False
            )
        assert written is not None
        self.program, self.model = written, _plain(written.model, [*ports, result])

    def save(self, path: Path, metadata: str) -> None:
        self.model.metadata_props[METADATA_KEY] = metadata
        self.program.save(path, external_data=False)

    @staticmethod
    def open(path: Path) -> Run:
        session = open_session(path.read_bytes(), path, torch.device("cpu"))
        names = [port.name for port in session.get_inputs()]

        def run(*inputs: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {name: each.numpy() for name, each in zip(names, inputs, strict=True)})[0])

        return run


def _plain(model: Any, ports: Sequence[Port]) -> Any:
    """`model`, changed: free dimensions have their names, and nothing tells of the code and the folders that the graph was made in."""
    [onnx_ir] = load_libraries("onnx_ir")
    graph = model.graph
    for node in graph:
        for each in (node, *node.outputs):
            each.metadata_props.clear()
        for value in node.outputs:
            value.shape = None  # of torch's own symbols
    for value, port in zip((*graph.inputs, *graph.outputs), ports, strict=True):
        value.metadata_props.clear()
        value.shape = onnx_ir.Shape(port.shape)
    model.metadata_props.clear()
    return model


class TorchScript(Format):
    """TorchScript, for programs of `torch.jit.load`, as in C++ with older versions of torch."""

    def __init__(self, graph: Graph, example: Sequence[Tensor], ports: Sequence[Port], result: Port) -> None:
        with _quiet():
            try:
                traced = _TracedGraph(graph.network, graph.condition, graph.door)
                self.program = torch.jit.trace(traced, tuple(example), check_trace=False)
            except (RuntimeError, AttributeError, NotImplementedError, TypeError) as failure:
                if no_room(failure):
                    raise
                raise UserError(f"torch {torch.__version__} makes no TorchScript of this network; take FILE.onnx or FILE.pt2") from failure

    def save(self, path: Path, metadata: str) -> None:
        content = BytesIO()
        with _quiet():
            torch.jit.save(self.program, content, _extra_files={METADATA_KEY: metadata})
        path.write_bytes(content.getbuffer())

    @staticmethod
    def open(path: Path) -> Run:
        with _quiet():
            program = torch.jit.load(path)

        def run(*inputs: Tensor) -> Tensor:
            try:
                return program(*inputs)
            except RuntimeError as failure:
                if no_room(failure):
                    raise
                raise UserError("its TorchScript runs at one size or batch alone; take FILE.onnx or FILE.pt2") from failure

        return run


class _TracedGraph(Graph):
    """A trace keeps no number that was computed in Python, so a script pads."""

    def padded(self, photos: Tensor) -> Tensor:
        return _script()(photos, self.size_multiple, self.minimum_size)


@cache
def _script() -> Any:
    return torch.jit.script(_padded)


def _padded(photos: Tensor, multiple: int, minimum: int) -> Tensor:
    """`Graph.padded` in the language of TorchScript."""
    height, width = photos.shape[2], photos.shape[3]
    below = (max(height, minimum) + multiple - 1) // multiple * multiple - height
    right = (max(width, minimum) + multiple - 1) // multiple * multiple - width
    if right > 0:
        photos = F.pad(photos, [0, right, 0, 0], mode="reflect" if right < width else "replicate")
    if below > 0:
        photos = F.pad(photos, [0, 0, 0, below], mode="reflect" if below < height else "replicate")
    return photos


def _least(name: str, graph: Graph) -> int:
    """The smallest side of a free dimension: a style picture is not padded."""
    return graph.minimum_size if name.startswith("style_") else 1


@contextmanager
def _quiet() -> Iterator[None]:
    """While entered, no warning of a library is shown: that a format is deprecated, or that a size was traced, which is checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


FORMATS: dict[str, type[Format]] = {".onnx": ONNX, ".pt2": PT2, ".ts": TorchScript}
