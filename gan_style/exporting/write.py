"""Writing an exported network: traced, written, opened again and compared with torch before it has its name."""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from gan_style.bundles.exported import Accuracy, Door, ExportInfo
from gan_style.bundles.file import digest
from gan_style.errors import UserError
from gan_style.exporting.examples import Example, sizes
from gan_style.exporting.formats import FORMATS, Run
from gan_style.exporting.graph import Graph
from gan_style.exporting.ports import RANGES, inputs_of, output_of
from gan_style.files.atomic import replacing
from gan_style.networks.half import in_half, measuring_in_float
from gan_style.translation.predictor import Predictor
from gan_style.version import VERSION

ALLOWED = {"fp32": 1e-4, "fp16": 3e-2}  # the largest distance from torch's float32, as a share of the range
TRACED = 2  # pictures in the batch that is traced
COMPARED = (1, 3)  # pictures in the batches that are compared


def export(
    bundle: Path,
    output: Path,
    door: Door | None = None,
    precision: Literal["fp32", "fp16"] = "fp32",
    direction: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ExportInfo:
    """Write the network of a bundle to `output`, whose suffix is one of `FORMATS`. Returns the metadata of the file.

    door: layout and range of the pictures (`Graph`); None: uint8, and float of a bundle of measurements, which 8 bits do not hold
    precision: of convolutions and linear layers
    direction: a2b or b2a, which the bundle must translate; None: any
    say: is called with a line about each comparison
    `UserError`, and no file, if a result is farther from torch's than `ALLOWED`, or if the format cannot hold the network.
    """
    predictor = Predictor.load(bundle, "cpu")
    if predictor.exported:
        raise UserError(f"{bundle}: is an exported network; give the bundle that it was made of")
    if direction not in (None, predictor.info.direction):
        raise UserError(f"direction {direction}: {bundle} translates {predictor.info.direction}; give the other bundle or leave it out")
    measured = predictor.info.values_in is not None or predictor.info.values_out is not None
    if measured and door == "uint8":
        raise UserError(f"--input uint8: {bundle} is of measurements, which 8 bits do not hold; take --input float")
    door = door or ("float" if measured else "uint8")
    network = copy.deepcopy(predictor.network).to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    if precision == "fp16":
        network = measuring_in_float(in_half(network, torch.float16))
    info, condition = predictor.info, predictor.condition
    graph = Graph(network, condition, door).eval()
    _, traced_size = places = sizes(graph.size_multiple, graph.minimum_size)
    ports, result = inputs_of(condition, info.in_channels, door), output_of(info.out_channels, door)
    kind = FORMATS[output.suffix.lower()]
    with torch.no_grad():
        traced = kind(graph, Example(predictor, TRACED, *traced_size).inputs(door), ports, result)
    about = ExportInfo(
        version=VERSION,
        bundle=info.model_copy(update={"condition": condition}),
        sha256=digest(bundle),
        condition=condition,
        input=door,
        value_range=RANGES[door],
        precision=precision,
        opset=kind.opset,
        size_multiple=graph.size_multiple,
        minimum_size=graph.minimum_size,
        inputs=ports,
        outputs=[result],
    )
    with _written(output) as temporary:
        traced.save(temporary, about.model_dump_json())
        accuracy = _compared(predictor, kind.open(temporary), door, places, ALLOWED[precision], say)
        if not accuracy.error <= accuracy.allowed:
            advice = "take --precision fp32" if precision == "fp16" else "take another format"
            far = f"{accuracy.error:.2g} of the range from torch's, more than {accuracy.allowed:g}"
            raise UserError(f"{output}: not written, because its results are {far}; {advice}")
        about = about.model_copy(update={"accuracy": accuracy})
        traced.save(temporary, about.model_dump_json())
    return about


@contextmanager
def _written(output: Path) -> Iterator[Path]:
    """`replacing`, with a full disk in one line."""
    try:
        with replacing(output) as temporary:
            yield temporary
    except OSError as failure:
        raise UserError(f"{output}: cannot be written ({failure.strerror or failure}); make room or choose another place") from failure


def _compared(
    predictor: Predictor, run: Run, door: Door, places: Sequence[tuple[int, int]], allowed: float, say: Callable[[str], None]
) -> Accuracy:
    """Run the file on pictures of each size in batches of each length."""
    errors: dict[tuple[int, int, int], float] = {}
    for (height, width), batch in itertools.product(places, COMPARED):
        example = Example(predictor, batch, height, width)
        expected = example.expected()
        shape = (batch, expected.shape[2], expected.shape[3])
        if shape in errors:  # pictures from noise have one size
            continue
        errors[shape] = _distance(run(*example.inputs(door)), expected, door)
        say(f"{' x '.join(map(str, shape))}: {errors[shape]:.2g} of the range from torch")
    return Accuracy(error=max(errors.values()), allowed=allowed, images=list(errors))


def _distance(result: Tensor, expected: Tensor, door: Door) -> float:
    """The largest distance as a share of the range; of whole numbers what rounding does not explain. NaN if a value is not finite.

    expected: [B, C, H, W] in [-1, 1]
    """
    if door == "float":
        wanted, low, high, rounding = expected, -1.0, 1.0, 0.0
    else:
        wanted, low, high, rounding = (expected.permute(0, 2, 3, 1) + 1.0) * 127.5, 0.0, 255.0, 0.5
    if result.shape != wanted.shape:
        return math.inf
    return float((result.double() - wanted.double()).abs().sub(rounding).clamp(min=0.0).max()) / (high - low)
