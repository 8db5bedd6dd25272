"""`base: OTHER.yaml`: keys of another file, and a mistake's own file and line wherever the value stands."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import ROOT

from gan_style.config.base import MAX_BASES, merged
from gan_style.config.load import dump_config, load_config
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

PARENT = "run_dir: runs/parent\nmethod:\n  name: pix2pix\n  l1_weight: 7\ntrain: {steps: 10}\noptim:\n  lr: 0.5\n"


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """A function that writes files by their name and text, the key `base` first."""
    (tmp_path / "parent.yaml").write_text(PARENT, encoding="utf-8")

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def load(path: Path | str, *overrides: str) -> RunConfig[Any]:
    return load_config(path, overrides, CONFIGS)


def mistake(path: Path | str, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load(path, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_keys_are_taken_over_one_by_one(files: Any) -> None:
    child = files("child.yaml", "base: parent.yaml\nrun_dir: runs/child\nmethod: {generator: {num_downs: 5}}\n")
    config = load(child, "train.seed=3")
    assert (config.run_dir, config.method.l1_weight, config.method.generator.num_downs) == ("runs/child", 7, 5)
    assert (config.train.steps, config.train.seed, config.optim.lr) == (10, 3, 0.5)
    assert "base" not in yaml.safe_load(dump_config(config)), "config.yaml stands for itself"


def test_a_section_that_names_another_network_replaces_the_bases(files: Any) -> None:
    files("parent.yaml", PARENT.replace("l1_weight: 7", "generator: {name: unet, num_downs: 5, base_channels: 9}"))
    other = load(files("child.yaml", "base: parent.yaml\nmethod: {generator: {name: resnet, num_blocks: 3}}\n"))
    assert other.method.generator.model_dump(include={"name", "num_blocks", "base_channels"}) == {
        "name": "resnet",
        "num_blocks": 3,
        "base_channels": 64,
    }
    same = load(files("same.yaml", "base: parent.yaml\nmethod: {generator: {name: unet, num_downs: 6}}\n"))
    assert (same.method.generator.num_downs, same.method.generator.base_channels) == (6, 9)


def test_a_chain_of_bases_and_a_list_that_replaces(files: Any) -> None:
    files("parent.yaml", PARENT + "data: {transforms: [{name: Rotate}, {name: GaussNoise}]}\n")
    files("further/middle.yaml", "base: ../parent.yaml\ndata: {transforms: [{name: Blur}]}\noptim: {lr: 0.25}\n")
    child = files("child.yaml", "base: further/middle.yaml\ntrain: {steps: null, epochs: 2}\n")
    config = load(child)
    assert [each["name"] for each in config.data.transforms] == ["Blur"]
    assert (config.optim.lr, config.train.steps, config.train.epochs) == (0.25, None, 2)


def test_a_base_may_be_a_recipe_a_home_or_a_variable(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(files("child.yaml", "base: smoke/cyclegan\nrun_dir: x\n")).method == load(ROOT / "configs/smoke/cyclegan.yaml").method
    monkeypatch.setenv("PARENTS", str(tmp_path))
    assert load(files("other.yaml", "base: ${PARENTS}/parent.yaml\n")).method.l1_weight == 7
    assert "the environment variable NOWHERE is not set" in mistake(files("third.yaml", "base: ${NOWHERE}/parent.yaml\n"))


def test_a_mistake_names_the_file_and_the_line_where_the_value_stands(files: Any, tmp_path: Path) -> None:
    parent = tmp_path / "parent.yaml"
    files("parent.yaml", PARENT.replace("lr: 0.5", "lr: -1").replace("l1_weight: 7", "l1_wieght: 7"))
    child = files("child.yaml", "base: parent.yaml\n\ntrain:\n  steps: many\n")
    message = mistake(child, "logging.every=0")
    assert f"{parent}: method.l1_wieght (line 4): unknown key, did you mean 'l1_weight'?; optim.lr (line 7): must be above 0" in message
    assert f"{child}: train.steps (line 4): must be a whole number" in message
    assert "command line: logging.every: must be at least 1" in message


@pytest.mark.parametrize("empty", ["method:", "method: null", "method: []", "method: {name: }", "method: pix2pix"])
def test_an_empty_section_is_the_mistake_of_the_file_that_empties_it(empty: str, files: Any, tmp_path: Path) -> None:
    child = files("child.yaml", f"base: parent.yaml\n{empty}\n")
    for path in (child, files("grandchild.yaml", "base: child.yaml\ntrain: {steps: 4}\n")):
        assert mistake(path).startswith(f"{child}: method") and "(line 2): " in mistake(path)


def test_a_list_that_replaces_the_bases_is_blamed_on_its_file(files: Any) -> None:
    files("parent.yaml", PARENT + "data: {transforms: [{name: Rotate}, {name: Blur}], domain_a: {colours: ['#00', '#01', '#02']}}\n")
    child = files("child.yaml", "base: parent.yaml\ndata:\n  transforms: [{name: Rotate}, 3]\n  domain_a: {colours: ['#zz']}\n")
    assert mistake(child).startswith(f"{child}: data.transforms.1 (line 3): ")


def test_another_method_than_the_bases_is_one_mistake(files: Any, tmp_path: Path) -> None:
    child = files("child.yaml", "base: parent.yaml\nmethod:\n  name: cyclegan\n")
    message = mistake(child)
    assert message.startswith(
        f"{child}: method.name (line 3): the section method of {tmp_path / 'parent.yaml'} is for pix2pix, and cyclegan"
    )
    assert "l1_weight" in message


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("nowhere.yaml", "nowhere.yaml: no such file, and no recipe of that name"),
        ("cyclgan", "no recipe of that name, did you mean 'cyclegan'?"),
        ("[parent.yaml, other.yaml]", "names one file or recipe, not ['parent.yaml', 'other.yaml']; write base: OTHER.yaml"),
        ("null", "names one file or recipe, not null"),
        ("''", "names one file or recipe, not ''"),
        ("broken.yaml", "broken.yaml: not valid YAML"),
        ("list.yaml", "list.yaml: holds a list, not a mapping of keys"),
        ("../x" + "/x" * 3000, "cannot be opened (File name too long)"),
    ],
)
def test_a_base_that_is_none(base: str, said: str, files: Any) -> None:
    files("broken.yaml", "a: [")
    files("list.yaml", "[a]")
    message = mistake(files("child.yaml", f"run_dir: x\nbase: {base}\n"))
    assert said in message
    if "broken" not in base and "list" not in base:
        assert "child.yaml: base (line 2): " in message


def test_files_that_are_based_on_each_other(files: Any, tmp_path: Path) -> None:
    first = files("first.yaml", "base: second.yaml\n")
    second = files("second.yaml", "base: third.yaml\n")
    third = tmp_path / "third.yaml"
    third.symlink_to(first)
    assert f"{second}: base (line 1): these files are based on each other: {first} -> {second} -> {third}" in mistake(first)
    own = files("own.yaml", "base: own.yaml\n")
    assert f"{own}: base (line 1): these files are based on each other: {own} -> {own}" in mistake(own)


def test_a_chain_too_long(files: Any) -> None:
    for number in range(MAX_BASES + 2):
        base = f"{number + 1}.yaml" if number <= MAX_BASES else "parent.yaml"
        files(f"{number}.yaml", f"base: {base}\n")
    message = mistake(files("top.yaml", "base: 0.yaml\n"))
    assert f"more than {MAX_BASES} files are based on one another" in message
    assert load(files("top.yaml", "base: 3.yaml\n")).optim.lr == 0.5


def test_neither_tree_is_changed() -> None:
    base, own = {"a": {"b": 1, "c": {"d": 2}}, "e": 1}, {"a": {"c": {"f": 3}}, "e": {"g": 4}}
    assert merged(base, own) == {"a": {"b": 1, "c": {"d": 2, "f": 3}}, "e": {"g": 4}}
    assert base == {"a": {"b": 1, "c": {"d": 2}}, "e": 1} and own == {"a": {"c": {"f": 3}}, "e": {"g": 4}}


@pytest.mark.parametrize(("name", "base"), [("fastcut", "cut"), ("small_data", "pix2pix")])
def test_recipes_that_share_their_settings_say_them_once(name: str, base: str) -> None:
    assert yaml.safe_load((ROOT / f"configs/{name}.yaml").read_text())["base"] == f"{base}.yaml"
    mine, other = load(name), load(base)
    assert (mine.data, mine.method.name, mine.optim.lr) == (other.data, other.method.name, other.optim.lr)


@pytest.mark.parametrize("base", ["/dev/zero", "pipe"])
def test_what_is_no_file_is_not_waited_for(base: str, files: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in mistake(files("child.yaml", f"base: {base}\n"))
