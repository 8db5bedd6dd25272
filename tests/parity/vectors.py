"""Reading of golden vectors: safetensors files whose metadata says, as JSON under `spec`, what was computed with what."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.networks import DISCRIMINATORS, GENERATORS, STYLIZERS


@dataclass(frozen=True)
class Vectors:
    """One file: spec, the JSON of its metadata; tensors by name."""

    path: Path
    spec: dict[str, Any]
    tensors: dict[str, Tensor]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name starts with `prefix` and a dot, by the rest of the name."""
        start = f"{prefix}."
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def read_spec(path: Path) -> dict[str, Any]:
    """The spec of a file, without its tensors."""
    with safe_open(path, framework="pt") as file:
        return json.loads((file.metadata() or {})["spec"])


def read_vectors(path: Path) -> Vectors:
    """The whole file, on the CPU."""
    with safe_open(path, framework="pt") as file:
        spec = json.loads((file.metadata() or {})["spec"])
        return Vectors(path, spec, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


def build_network(spec: dict[str, Any]) -> nn.Module:
    """Our network for a network's spec; one that we do not have yet skips the test."""
    name = spec["network"]
    registry = next((registry for registry in (GENERATORS, STYLIZERS, DISCRIMINATORS) if name in registry), None)
    if registry is None:
        pytest.skip(f"network {name}: not yet supported")
    return tiny_network(registry, name, **{key: value for key, value in spec.items() if key != "network"})
