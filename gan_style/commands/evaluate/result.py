"""The result of a measurement, as a table and as JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_style.config.metrics import metric_of
from gan_style.errors import UserError, one_line
from gan_style.files import atomic


@dataclass(frozen=True)
class Seam:
    """The seam index of pictures, in tiles of `tile` pixels."""

    tile: int
    index: float


@dataclass
class Result:
    """The result of a measurement. what: the two sides, in words; networks: metric -> the network behind it"""

    what: dict[str, str]
    images: int
    metrics: dict[str, float] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    segmentation: dict[str, Any] | None = None
    seam: Seam | None = None


def result_table(result: Result) -> str:
    """The numbers as a table."""
    lines = [one_line(f"{side:10} {words}") for side, words in result.what.items()]
    lines.append(f"images     {result.images}")
    width = max(10, *map(len, result.metrics)) if result.metrics else 10
    for name, value in result.metrics.items():
        metric = metric_of(name)
        assert metric
        network = f" ({result.networks[name]})" if name in result.networks else ""
        better = "higher" if metric.higher_is_better else "lower"
        lines.append(one_line(f"{name:{width}} {value:<12.6g} {better} is better: {metric.words}{network}"))
    if seam := result.seam:
        lines.append(f"seam       {seam.index:<12.6g} 1 is best: gradient across borders of tiles of {seam.tile} pixels over others")
    if task := result.segmentation:
        lines.append(one_line(f"segmenter  {task['segmenter']}: {task['classes']} classes"))
        for name, value in task["translated"].items():
            lines.append(f"{name:15} {value:.4f} on translations, {task['real'][name]:.4f} on the real photos")
    return "\n".join(lines)


def write_json(path: Path, result: Result) -> None:
    """Write the numbers as JSON. A number that is not finite becomes null."""
    tree = {
        "what": result.what,
        "images": result.images,
        "metrics": _plain(result.metrics),
        "networks": result.networks,
        "segmentation": _plain(result.segmentation),
        "seam": None if result.seam is None else _plain(asdict(result.seam)),
    }
    with written(path):
        atomic.write_text(path, json.dumps(tree, indent=1) + "\n")


@contextmanager
def written(path: Path | str) -> Iterator[None]:
    """While entered, a disk error for --json becomes a `UserError`."""
    try:
        yield
    except OSError as failure:
        raise UserError(f"--json {path}: cannot be written ({failure.strerror}); choose another place") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    return None if isinstance(value, float) and value - value != 0.0 else value
