"""Any text, bytes, value and override give a configuration that is read again as it was written, or one UserError."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from recipes import BASE, load

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, flatten, parse_config
from gan_style.config.yaml_file import parse_yaml, read_yaml
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [*flatten(parse_config(yaml.safe_load(BASE), "base", CONFIGS).model_dump()), "data", "method.generator", "train", "new", "a.b"]
ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(path: Path, *overrides: str) -> None:
    """Loading ends in a UserError of one line, or in a configuration that can be written, read again and resumed."""
    try:
        config = load(path, *overrides)
    except UserError as problem:
        assert str(problem)
        return
    again = path.with_name("again.yaml")
    again.write_text(dump_config(config), encoding="utf-8")
    assert load(again) == config
    assert differences(read_yaml(again), config.model_dump(mode="json")) == []


@ANY
@given(text=st.text(max_size=60))
@example(text="? [a]\n: b")
@example(text="\ufeffrun_dir: x")
@example(text=BASE + 'data: {transforms: [{name: "\\ud800"}]}')
@example(text=BASE + "data: {transforms: [{name: a, p: 1.0e+300, q: {r: [~, no, 1e3]}}]}")
def test_any_text(recipe: Path, text: str) -> None:
    recipe.write_text(text, encoding="utf-8", newline="")
    check(recipe)


@ANY
@given(content=st.binary(max_size=60))
def test_any_bytes(recipe: Path, content: bytes) -> None:
    recipe.write_bytes(content)
    check(recipe)


@ANY
@given(key=st.sampled_from(KEYS), value=PLAIN)
def test_any_value_of_any_key(recipe: Path, key: str, value: Any) -> None:
    recipe.write_text(BASE, encoding="utf-8")
    check(recipe, f"{key}={yaml.safe_dump(value, default_flow_style=True)}")


@ANY
@given(overrides=st.lists(st.text(max_size=30), max_size=3))
@example(overrides=["data.transforms=[{name: a, b: {1: 2}}]"])
@example(overrides=["data.transforms=[{name: a, when: 2024-01-31}]"])
@example(overrides=["data.transforms=[{name: a, b: 0x" + "f" * 250 + "}]"])
def test_any_overrides(recipe: Path, overrides: list[str]) -> None:
    recipe.write_text(BASE, encoding="utf-8")
    check(recipe, *overrides)


@ANY
@given(key=st.sampled_from(KEYS), text=st.text(alphabet="[]{}&*!<:-?|>%@`#'\", \n\tanox01.e+_~=", max_size=24))
def test_any_yaml_like_override(recipe: Path, key: str, text: str) -> None:
    recipe.write_text(BASE, encoding="utf-8")
    check(recipe, f"{key}={text}")


@ANY
@given(value=PLAIN)
def test_parse_yaml_gives_back_what_was_dumped(value: Any) -> None:
    try:
        read = parse_yaml(yaml.safe_dump(value))
    except ValueError as problem:
        assert any(words in str(problem) for words in ("is not a finite number", "nested", "NUL character"))
        return
    assert read == value
