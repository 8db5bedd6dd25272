from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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
