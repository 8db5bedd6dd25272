"""The state in a checkpoint: whatever the file holds, an `OSError` or a `ValueError` says so."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import JSON_VALUES, changed, damaged

from gan_style.engine.tree import load_tree, save_tree

TREE = {"step": 3, 0: {"images": [torch.ones(1, 2), torch.zeros(3)], "seen": {"a": 1.5}}, "names": ["x", None, True]}
ALLOWED = (OSError, ValueError)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tree") / "training.safetensors"
    save_tree(path, TREE)
    return path.read_bytes()


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header and tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: Any, tensors: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + tensors


def load(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    load_tree(path)


@fuzz(allowed=ALLOWED, data=st.data())
def test_bytes(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    load(tmp_path / "t.safetensors", data.draw(st.binary(max_size=100) | damaged([whole])))


@fuzz(allowed=ALLOWED, data=st.data())
def test_headers(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    header, tensors = split(whole)
    load(tmp_path / "t.safetensors", join(data.draw(changed(header, JSON_VALUES)), tensors))


@fuzz(allowed=ALLOWED, data=st.data())
def test_skeletons(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    header, tensors = split(whole)
    skeleton = data.draw(changed(json.loads(header["__metadata__"]["tree"]), JSON_VALUES))
    header["__metadata__"]["tree"] = json.dumps(skeleton)
    load(tmp_path / "t.safetensors", join(header, tensors))
