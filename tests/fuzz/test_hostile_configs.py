"""Configurations: any bytes, any YAML, any override."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import TEXTS, YAML_VALUES, changed, damaged

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, flatten, load_config
from gan_style.config.yaml_file import read_yaml
from gan_style.methods import CONFIGS

ROOT = Path(__file__).parents[2]
RECIPES = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs/smoke").glob("*.yaml")])
TREES = [yaml.safe_load(recipe.read_text()) for recipe in RECIPES]
KEYS = sorted({key for tree in TREES for key in (*flatten(tree), *tree, "method.generator", "data.transforms", "data.domain_a.labels")})
INDICATORS = st.text(alphabet="[]{}&*!<:-?|>%@`#'\", \n\tabc01.e+_~=\\x", max_size=80)


class Dumper(yaml.SafeDumper):
    """Writes what is not YAML's too: halves of characters, numbers of five thousand digits."""


Dumper.add_representer(int, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:int", hex(value)))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return tmp_path / "recipe.yaml"


def load(recipe: Path, content: bytes | str | None = None, *overrides: str) -> None:
    """What loads can be written, read again and compared."""
    if content is not None:
        recipe.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    config = load_config(recipe, overrides, CONFIGS)
    again = recipe.with_name("again.yaml")
    again.write_text(dump_config(config), encoding="utf-8")
    assert load_config(again, [], CONFIGS) == config
    assert differences(read_yaml(again), config.model_dump(mode="json")) == []


@fuzz(content=st.binary(max_size=200) | damaged([recipe.read_bytes() for recipe in RECIPES]))
def test_bytes(recipe: Path, content: bytes) -> None:
    load(recipe, content)


@fuzz(text=INDICATORS, around=st.sampled_from(["{}", "run_dir: {}", "method: {{name: pix2pix, generator: {}}}", "a: &a {}\nb: *a\n<<: *a"]))
def test_text_that_is_nearly_yaml(recipe: Path, text: str, around: str) -> None:
    load(recipe, around.format(text))


@fuzz(tree=st.sampled_from(TREES).flatmap(lambda tree: changed(tree, YAML_VALUES)) | YAML_VALUES)
def test_recipes_with_other_values(recipe: Path, tree: Any) -> None:
    load(recipe, yaml.dump(tree, Dumper=Dumper))


@fuzz(
    overrides=st.lists(
        st.builds(
            "{}={}".format, st.sampled_from(KEYS) | TEXTS, INDICATORS | YAML_VALUES.map(lambda value: yaml.dump(value, Dumper=Dumper))
        )
        | TEXTS,
        max_size=3,
    )
)
def test_overrides(recipe: Path, overrides: list[str]) -> None:
    load(recipe, RECIPES[0].read_bytes(), *overrides)


@fuzz(depth=st.integers(1, 9), width=st.integers(1, 40), merge=st.booleans(), loop=st.booleans())
def test_aliases(recipe: Path, depth: int, width: int, merge: bool, loop: bool) -> None:
    lines = ["l0: &l0 {x: lol}"]
    for level in range(1, depth):
        names = ", ".join([f"*l{level - 1 + (loop and level == depth - 1)}"] * width)
        lines.append(f"l{level}: &l{level} {{<<: [{names}]}}" if merge else f"l{level}: &l{level} [{names}]")
    load(recipe, "\n".join(lines))
