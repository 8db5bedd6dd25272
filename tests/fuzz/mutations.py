"""Valid files and trees, damaged."""

import copy
import math
from typing import Any

from hypothesis import strategies as st

# Where readers stumble: ends of integer types, signs, things that are almost numbers.
INTEGERS = st.sampled_from([0, 1, -1, 2, 12, 64, 255, 1024, 4096, 16384, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63])
HUGE = st.sampled_from([2**64, 10**30, -(10**400), 10**4000])
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "\x1b[2J",
        "a\nb",
        "a\u2028b",
        "..",
        "/",
        "~",
        "no",
        "null",
        "1e5",
        "../" * 2000,
        "x" * 300,
        "é" * 5000,
        "{}",
        "None",
    ]
)
FLOATS = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 5e-324])
SCALARS = st.none() | st.booleans() | INTEGERS | st.integers() | FLOATS | TEXTS


def trees(leaves: st.SearchStrategy[Any] = SCALARS, keys: st.SearchStrategy[Any] = TEXTS) -> st.SearchStrategy[Any]:
    """Nested lists and mappings, some of them a hundred levels deep."""
    small = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12)
    return small | st.builds(nested, leaves, st.integers(1, 100), st.sampled_from(["list", "dict"]))


def nested(value: Any, depth: int, kind: str) -> Any:
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


YAML_VALUES = trees(SCALARS | HUGE | st.dates() | st.binary(max_size=8), SCALARS.filter(lambda key: key == key) | st.dates())
JSON_VALUES = trees()


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """One of `files` with up to six edits, most of them near its beginning."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, min(len(data), 120)) | st.integers(0, len(data)))
        edit = draw(st.sampled_from(["flip", "word", "short", "cut", "delete", "insert", "repeat"]))
        if edit == "flip" and place < len(data):
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif edit in ("word", "short"):
            size = 4 if edit == "word" else 2
            value = draw(INTEGERS | st.integers(0, 2**32 - 1)) % 2 ** (8 * size)
            data[place : place + size] = value.to_bytes(size, draw(st.sampled_from(["big", "little"])))
        elif edit == "cut":
            del data[place:]
        elif edit == "delete":
            del data[place : place + draw(st.integers(1, 16))]
        elif edit == "insert":
            data[place:place] = draw(st.binary(max_size=16))
        elif edit == "repeat":
            data[place:place] = data[place : place + draw(st.integers(1, 64))] * draw(st.integers(1, 4))
    return bytes(data)


@st.composite
def changed(draw: st.DrawFn, tree: Any, values: st.SearchStrategy[Any]) -> Any:
    """`tree` with one to three of its values replaced, removed, or added beside."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(tree) or [(None, None)]))
        container, key = place
        action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if container is None:
            return draw(values)
        if action == "remove":
            del container[key]
        elif action == "replace":
            container[key] = draw(values)
        elif isinstance(container, dict):
            container[draw(TEXTS)] = draw(values)
        else:
            container.append(draw(values))
    return tree


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key or index) of everything in a tree."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    return [place for key in keys for place in ((tree, key), *places(tree[key]))]
