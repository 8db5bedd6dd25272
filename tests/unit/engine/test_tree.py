from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from gan_style.engine.tree import load_tree, save_tree

keys = st.integers(-5, 5) | st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=12)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    path = tmp_path_factory.mktemp("tree") / "tree.safetensors"
    save_tree(path, tree)
    assert load_tree(path) == tree


def test_tensors_of_every_layout_and_type(tmp_path: Path) -> None:
    image = torch.rand(2, 3, 4, 5)
    tree = {
        0: {"last": image.contiguous(memory_format=torch.channels_last), "view": image[:, 1], "same": image},
        "numbers": [torch.tensor(3), torch.tensor([1.5], dtype=torch.float64), torch.tensor([1.5], dtype=torch.bfloat16)],
    }
    save_tree(tmp_path / "t.safetensors", tree)
    got = load_tree(tmp_path / "t.safetensors")
    assert torch.equal(got[0]["last"], image)
    assert torch.equal(got[0]["view"], image[:, 1])
    assert torch.equal(got[0]["same"], image)
    assert [value.dtype for value in got["numbers"]] == [torch.int64, torch.float64, torch.bfloat16]


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set"):
        save_tree(tmp_path / "t.safetensors", {"a": {1, 2}})


def write(path: Path, skeleton: str, **tensors: torch.Tensor) -> Path:
    save_file(tensors, path, metadata={"tree": skeleton})
    return path


@pytest.mark.parametrize(
    "skeleton",
    [
        "",
        "{",
        '{"tensor": "absent"}',
        '{"tensor": []}',
        '{"map": []}',
        '{"mapping": [[[], 1]]}',
        '{"mapping": 5}',
        '{"mapping": [1]}',
        "[" * 9000,
    ],
)
def test_a_skeleton_that_is_none(tmp_path: Path, skeleton: str) -> None:
    with pytest.raises(ValueError, match=r"t\.safetensors: not the state of a run"):
        load_tree(write(tmp_path / "t.safetensors", skeleton, x=torch.zeros(1)))


def test_a_tensor_is_in_one_place(tmp_path: Path) -> None:
    """Else a few bytes for each place would make an object of a thousand."""
    path = write(tmp_path / "t.safetensors", '[{"tensor": "x"}, {"tensor": "x"}]', x=torch.zeros(1))
    with pytest.raises(ValueError, match="in two places"):
        load_tree(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    for content in (b"", b"text", b"\xff" * 8, (2**24 + 1).to_bytes(8, "little"), (2).to_bytes(8, "little") + b"{}"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not the state of a run"):
            load_tree(path)
    with pytest.raises(OSError):
        load_tree(tmp_path)
