"""A network's statistics as a file: for one translation of a large image, or for all that are to look alike.

A safetensors file. For statistic n of the network it holds `n.count` [cells], `n.mean` and `n.squares` [cells, C], float64, and in its
metadata the bundle that it belongs to.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.tiling.graph import Statistics
from gan_style.tiling.statistics import Moments, merged

_KEY = "gan_style_statistics"
_MOST_CELLS = 2**24
_LARGEST = 1e30  # float32 holds its square root's square


def is_table(path: Path) -> bool:
    """Does a file hold statistics?"""
    try:
        with safe_open(path, framework="np") as file:
            return _KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def save_table(path: Path, moments: Mapping[Statistics, Moments], bundle: str, about: str) -> None:
    """Write the statistics of a translation. bundle: the digest of the bundle; about: the bundle in words."""
    arrays: dict[str, np.ndarray] = {}
    for node, found in moments.items():
        channels = found.mean.shape[-1]
        arrays[f"{node.number}.count"] = np.ascontiguousarray(found.positions.reshape(-1))
        arrays[f"{node.number}.mean"] = np.ascontiguousarray(found.mean.reshape(-1, channels))
        arrays[f"{node.number}.squares"] = np.ascontiguousarray(found.squares.reshape(-1, channels))
    try:
        with replacing(path) as temporary:
            save_file(arrays, temporary, metadata={_KEY: json.dumps({"bundle": bundle, "about": about})})
    except OSError as failure:
        raise UserError(f"--save-statistics {path}: cannot be written ({failure.strerror or failure}); choose another place") from failure


def load_table(path: Path, nodes: Sequence[Statistics], bundle: str, about: str) -> dict[Statistics, Moments]:
    """The statistics of a file for the network whose statistics are `nodes`. `UserError` for a file of another bundle, or a damaged one."""
    try:
        with safe_open(path, framework="np") as file:
            said: Any = json.loads((file.metadata() or {}).get(_KEY, "null"))
            if not isinstance(said, dict):
                raise UserError(f"--statistics {path}: holds no statistics; give a file that --save-statistics wrote")
            if said.get("bundle") != bundle:
                other = f"of another bundle ({said.get('about')}), not of {about}"
                raise UserError(f"--statistics {path}: {other}; measure again with --save-statistics")
            return {node: merged(_moments(file, node)) for node in nodes}
    except UserError:
        raise
    except Exception as failure:  # a hostile file has types that NumPy lacks, nested metadata, and more
        words = " ".join(str(failure).split())[:200] or type(failure).__name__
        raise UserError(f"--statistics {path}: cannot be read ({words}); give a file that --save-statistics wrote") from failure


def _moments(file: Any, node: Statistics) -> Moments:
    count, mean, squares = (f"{node.number}.{name}" for name in ("count", "mean", "squares"))
    if not {count, mean, squares} <= set(file.keys()):
        raise ValueError(f"it lacks statistic {node.number}")
    cells = file.get_slice(count).get_shape()
    shapes = [file.get_slice(name).get_shape() for name in (mean, squares)]
    if len(cells) != 1 or not 0 < cells[0] <= _MOST_CELLS or shapes != [[cells[0], node.channels]] * 2:
        raise ValueError(f"statistic {node.number} has not {node.channels} channels")
    found = Moments(*(file.get_tensor(name).astype(np.float64) for name in (count, mean, squares)))
    total = found.positions.sum()
    sizes = np.abs(found.mean).max(), found.squares.max() / max(total, 1)
    if not (found.positions.min() >= 0 and total >= 1 and found.squares.min() >= 0 and max(sizes) < _LARGEST):  # NaN fails too
        raise ValueError(f"statistic {node.number} has values that no image has")
    return found
