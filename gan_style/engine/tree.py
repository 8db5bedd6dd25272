"""Nested state (dicts, lists, numbers, strings, tensors) in one safetensors file: tensors plus JSON, no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from gan_style.bundles.file import opened

KEY = "tree"
MAX_HEADER_BYTES = 2**24  # 150 000 tensors; a replay buffer of as many images would fill any memory first


def save_tree(path: Path, tree: Any) -> None:
    """Write `tree` to `path`. Keys of dicts may be strings or integers; tuples are read back as lists."""
    tensors: dict[str, torch.Tensor] = {}
    skeleton = _pack(tree, tensors)
    save_file(tensors, path, metadata={KEY: json.dumps(skeleton)})


def load_tree(path: Path, branch: str | None = None) -> Any:
    """Read a file that `save_tree` wrote, with tensors on the CPU. `OSError` or `ValueError` if it is not such a file.

    branch: read the value under this key of the tree alone
    """
    try:
        with opened(path, KEY, MAX_HEADER_BYTES) as (file, skeleton):
            return _unpack(skeleton if branch is None else dict(skeleton["mapping"])[branch], file, set())
    except (OSError, MemoryError):
        raise
    except Exception as problem:  # from safetensors, JSON or a tree of another shape: KeyError, TypeError, RecursionError, ...
        raise ValueError(f"{path.name}: not the state of a run ({type(problem).__name__}: {problem})") from problem


def _pack(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """JSON in which a tensor is replaced by its name, and a mapping by a list of pairs (JSON would turn integer keys into strings)."""
    if isinstance(node, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = node.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(node, Mapping):
        return {"mapping": [[key, _pack(value, tensors)] for key, value in node.items()]}
    if isinstance(node, list | tuple):
        return [_pack(value, tensors) for value in node]
    if node is None or isinstance(node, bool | int | float | str):
        return node
    raise TypeError(f"a {type(node).__name__} cannot be stored in a checkpoint")


def _unpack(node: Any, file: Any, used: set[str]) -> Any:
    """The tree of a skeleton. used: collects the names of its tensors; `ValueError` if one occurs twice"""
    if isinstance(node, list):
        return [_unpack(value, file, used) for value in node]
    if isinstance(node, dict):
        if "tensor" not in node:
            return {key: _unpack(value, file, used) for key, value in node["mapping"]}
        if node["tensor"] in used:
            raise ValueError(f"tensor {node['tensor']} is in two places")
        used.add(node["tensor"])
        return file.get_tensor(node["tensor"])
    return node
