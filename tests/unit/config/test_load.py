"""From YAML and overrides to a checked configuration; every mistake is a UserError that names its key."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, flatten, load_config, parse_config
from gan_style.config.network import kinds_of
from gan_style.config.overrides import apply_override, parse_overrides
from gan_style.config.schema import RunConfig
from gan_style.config.yaml_file import MAX_CONFIG_BYTES, parse_yaml, read_yaml
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

BASE = "run_dir: runs/x\nmethod: {name: pix2pix}\ntrain: {steps: 10}\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE, encoding="utf-8")
    return path


def load(path: Path, *overrides: str) -> RunConfig[Any]:
    return load_config(path, overrides, CONFIGS)


def mistake(path: Path, *overrides: str) -> str:
    """The one line that loading ends in."""
    with pytest.raises(UserError) as caught:
        load(path, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# mistakes


def test_a_misspelt_key_names_the_nearest(recipe: Path) -> None:
    message = mistake(recipe, "train.batchsize=4")
    assert message.startswith("command line: ") and str(recipe) not in message
    assert "train.batchsize: unknown key, did you mean 'batch_size'?" in message


def test_a_misspelt_key_deep_inside(recipe: Path) -> None:
    assert "method.generator.num_down: unknown key, did you mean 'num_downs'?" in mistake(recipe, "method.generator.num_down=5")
    assert "data.domain_b.chanels: unknown key, did you mean 'channels'?" in mistake(recipe, "data.domain_b.chanels=1")
    assert "optimizer: unknown key, did you mean 'optim'?" in mistake(recipe, "optimizer.lr=1")


def test_an_unknown_key_like_no_other_lists_those_there_are(recipe: Path) -> None:
    message = mistake(recipe, "logging.zzz=1")
    assert "logging.zzz: unknown key" in message
    assert "samples_every" in message and "tensorboard" in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.steps=many", "train.steps: Input should be a valid integer"),
        ("train.steps=1e5", "train.steps: Input should be a valid integer"),
        ("train.steps=2.5", "train.steps: Input should be a valid integer"),
        ("train.steps=0", "train.steps: Input should be greater than or equal to 1, not 0"),
        ("optim.lr=-1", "optim.lr: Input should be greater than 0, not -1"),
        ("optim.lr=.inf", "inf is not a finite number"),
        ("data.flip=maybe", "data.flip: Input should be a valid boolean"),
        ("data.root=[a]", "data.root: Input should be a valid string, not ['a']"),
        ("train.dtype=half", "train.dtype: Input should be 'float32' or 'float64', not 'half'"),
        ("train.mixed_precision=on", "train.mixed_precision: this is no switch"),
        ("train.steps=on", "train.steps: this is no switch"),
        ("method.direction=b2b", "method.direction: Input should be 'a2b' or 'b2a'"),
        ("data=5", "data: a section of keys (root, root_b, ...) belongs here, not 5"),
        ("data.transforms={name: Rotate}", "data.transforms: Input should be a valid list"),
        ("data.crop_size=300", "crop_size 300 is larger than load_size 286"),
        ("train.steps=null", "the run has no length: set steps or epochs"),
        ("train.ema_warmup=0.05", "ema_warmup without a moving average: set ema_decay too"),
        ("optim.player_lr.discriminator=0", "optim.player_lr.discriminator: Input should be greater than 0, not 0"),
        ("optim.player_lr.discriminator=on", "optim.player_lr: a learning rate is a number"),
        ("optim.player_lr=0.1", "optim.player_lr: Input should be a valid dictionary, not 0.1"),
        ("method.diffaugment=[colour]", "method.diffaugment.0: Input should be 'color', 'translation' or 'cutout', not 'colour'"),
        ("method.adversarial=wgan-gp", "method.adversarial: Input should be 'vanilla', 'non-saturating', 'lsgan', 'hinge' or 'wgan'"),
        ("method.adversarial=wgan", "wgan without a bound on its critic's slope has no end: set gradient_penalty_weight"),
        ("method.critic_steps=0", "method.critic_steps: Input should be greater than or equal to 1, not 0"),
    ],
)
def test_wrong_values_are_named(recipe: Path, override: str, expected: str) -> None:
    assert expected in mistake(recipe, override)


def test_several_mistakes_in_one_line(recipe: Path) -> None:
    message = mistake(recipe, "train.stps=5", "optim.lr=0", "method.generator.norm=layer")
    assert "train.stps: unknown key, did you mean 'steps'?" in message
    assert "optim.lr: Input should be greater than 0" in message
    assert "method.generator.norm:" in message


def test_methods_are_named(recipe: Path) -> None:
    assert "method.name: 'pixtopix' is not a method, did you mean 'pix2pix'?; there are" in mistake(recipe, "method.name=pixtopix")
    assert "is missing" in mistake(recipe, "method={}")
    assert "method: a section of keys belongs here, not 'pix2pix'" in mistake(recipe, "method=pix2pix")
    assert "5 is not a method" in mistake(recipe, "method.name=5")


def test_missing_keys(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("method: {name: cyclegan}\n", encoding="utf-8")
    message = mistake(path)
    assert "run_dir: Field required" in message and "train: Field required" in message


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "no such file" in mistake(tmp_path / "absent.yaml")
    assert "a folder, not a configuration" in mistake(tmp_path)
    for content, expected in [
        (b"", "holds NoneType, not a mapping"),
        (b"- a\n- b\n", "holds list, not a mapping"),
        (b"pix2pix", "holds str, not a mapping"),
        (b"a: [1, 2", "not valid YAML"),
        (b"a: b: c", "not valid YAML"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as text"),
        (b"a: \x07", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: !!python/object/apply:os.system [echo]", "not valid YAML"),
        (b"run_dir: 2024-01-31", "2024-01-31 is read as date, not as text: quote it"),
        (b"on: 1", "the key True is read as bool, not as text: quote it"),
        (b"x" * (MAX_CONFIG_BYTES + 1), "which no configuration is"),
    ]:
        path = tmp_path / "c.yaml"
        path.write_bytes(content)
        message = mistake(path)
        assert message.startswith(f"{path}: ") and expected in message


@pytest.mark.parametrize(
    "text",
    [
        *("2001-13-45", "9" * 5000, "0x" + "f" * 6000, "1" + ":59" * 2000 + ".5", ".nan", "-.inf"),
        *("!!int foo", "!!timestamp foo", "!!bool foo", "!!float x", "!!int ''", "!!binary aGk=", "!!set {a, b}"),
        *("{1: 2}", "{[a]: 2}", "&a [*a]", "&a {b: *a}", "[" * 3000, "{a: " * 40 + "1" + "}" * 40),
    ],
)
def test_what_yaml_stumbles_over_is_the_users_mistake(recipe: Path, text: str) -> None:
    message = mistake(recipe, f"data.root={text}")
    assert "data.root=" in message and len(message) < 700
    recipe.write_text(f"{BASE}data: {{root: {text}}}\n", encoding="utf-8")
    assert mistake(recipe).startswith(f"{recipe}: ")


@pytest.mark.parametrize("pattern", ["{name}: &{name} [{copies}]", "{name}: &{name} {{<<: [{copies}]}}"])
def test_aliases_that_unfold_to_gigabytes_are_refused_at_once(recipe: Path, pattern: str) -> None:
    lines = ["l0: &l0 {x: lol}"]
    lines += [pattern.format(name=f"l{depth}", copies=", ".join([f"*l{depth - 1}"] * 10)) for depth in range(1, 11)]
    recipe.write_text("\n".join(lines), encoding="utf-8")
    start = time.perf_counter()
    assert "by its aliases" in mistake(recipe)
    assert time.perf_counter() - start < 20


def test_long_values_are_cut_in_messages(recipe: Path) -> None:
    recipe.write_text(f"{BASE}optim: {{lr: {'x' * 100_000}}}\n", encoding="utf-8")
    assert len(mistake(recipe)) < 500


@pytest.mark.parametrize("key", ["run_dir", "data.root"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("''", "is empty; give another path"),
        ("x" * 300, "cannot be opened (File name too long)"),
        ("x/" * 3000, "cannot be opened (File name too long)"),
        ('"a\\0b"', "holds a NUL character"),
        ("{tmp}/loop/x", "symbolic links"),
    ],
)
def test_paths_that_can_be_none(recipe: Path, tmp_path: Path, key: str, value: str, expected: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    value = value.replace("{tmp}", str(tmp_path))
    message = mistake(recipe, f"{key}={value}")
    assert key in message and expected in message


def test_only_some_of_many_mistakes_are_named(recipe: Path) -> None:
    recipe.write_text(BASE + "\n".join(f"key{number}: 1" for number in range(1000)), encoding="utf-8")
    message = mistake(recipe)
    assert "key0 (line 4): unknown key" in message and message.endswith("; and 992 more") and len(message) < 2000


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in mistake(tmp_path / "pipe.yaml")
    assert "not a regular file" in mistake(Path("/dev/zero"))
    assert "NUL" in mistake(Path("a\0b"))
    assert "File name too long" in mistake(tmp_path / ("x" * 300))


# values


def test_numbers_and_booleans_of_yaml(recipe: Path) -> None:
    config = load(
        recipe, "optim.lr=2e-4", "optim.beta1=0", "data.flip=off", "train.mixed_precision=no", "train.seed=1_000", "train.steps=5.0"
    )
    assert config.optim.lr == 0.0002
    assert config.optim.beta1 == 0.0
    assert config.data.flip is False
    assert config.train.mixed_precision == "no"
    assert config.train.seed == 1000
    assert config.train.steps == 5
    assert load(recipe, "data.domain_a.labels=yes").data.domain_a.labels == "yes"
    assert load(recipe, "data.flip=on").data.flip is True


def test_overrides_create_sections_and_leave_neighbours(recipe: Path) -> None:
    recipe.write_text(f"{BASE}data: {{root: a, load_size: 300}}\n", encoding="utf-8")
    config = load(recipe, "data.root=b=c", "data.domain_b.channels=1", "logging.every=7")
    assert (config.data.root, config.data.load_size, config.data.domain_b.channels, config.data.domain_a.channels) == ("b=c", 300, 1, 3)
    assert (config.logging.every, config.logging.samples_every) == (7, 500)


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        ("train.steps=1", "train.steps=2", 2),
        ("train.steps=1", "train={steps: 3}", 3),
        ("train={steps: 3}", "train={steps: 4}", 4),
    ],
)
def test_the_last_override_counts_and_the_one_that_it_undoes_is_named(recipe: Path, first: str, second: str, steps: int) -> None:
    with pytest.warns(UserWarning, match=re.escape(f"command line: {first!r} has no effect: {second!r} comes after it")):
        assert load(recipe, "data.flip=no", first, second).train.steps == steps


def test_an_override_that_is_said_twice_is_no_mistake(recipe: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert load(recipe, "train.steps=7", "train.steps=7").train.steps == 7
    assert not recwarn.list


def test_an_override_that_another_undoes_is_blamed_for_nothing(recipe: Path) -> None:
    with pytest.warns(UserWarning, match="has no effect"):
        assert load(recipe, "train.steps=none", "train.steps=2").train.steps == 2


def test_an_override_of_a_key_adds_to_one_of_its_section(recipe: Path) -> None:
    train = load(recipe, "train={steps: 3}", "train.batch_size=2").train
    assert (train.steps, train.batch_size) == (3, 2)


def test_an_override_fills_a_section_whose_lines_are_commented_out(recipe: Path) -> None:
    recipe.write_text(f"{BASE}data:\n  # root: there\n", encoding="utf-8")
    assert "data (line 4): a section of keys (root, root_b, ...) belongs here" in mistake(recipe)
    assert load(recipe, "data.root=here").data.root == "here"


def test_what_an_alias_repeats_is_overridden_in_one_place(recipe: Path) -> None:
    recipe.write_text(f"{BASE}data:\n  domain_a: &gray {{channels: 1}}\n  domain_b: *gray\n", encoding="utf-8")
    data = load(recipe, "data.domain_b.channels=3").data
    assert (data.domain_a.channels, data.domain_b.channels) == (1, 3)


def test_a_section_that_is_given_in_part_keeps_the_methods_defaults(recipe: Path) -> None:
    generator = load(recipe, "method.generator.num_downs=5").method.generator
    assert (generator.name, generator.norm, generator.dropout, generator.num_downs) == ("unet", "batch", True, 5)
    assert load(recipe, "method.discriminator={num_layers: 2}").method.discriminator.norm == "batch"
    assert load(recipe, "method.generator.name=resnet").method.generator.name == "resnet"


@pytest.mark.parametrize("override", ["", "train.steps", "=5", "--steps 5", "train.steps 5"])
def test_what_is_no_override(recipe: Path, override: str) -> None:
    assert "is not an override: write dotted.key=value" in mistake(recipe, override)


def test_overrides_do_not_go_through_values(recipe: Path) -> None:
    assert "steps is a value, not a section" in mistake(recipe, "train.steps.x=1")
    assert "run_dir is a value, not a section" in mistake(recipe, "run_dir.x=1")


def test_apply_override_changes_nothing_else() -> None:
    tree = {"a": {"b": 1, "c": [1]}, "d": None}
    for override in parse_overrides(["a.b={x: 2}", "d.e.f="]):
        apply_override(tree, override)
    assert tree == {"a": {"b": {"x": 2}, "c": [1]}, "d": {"e": {"f": None}}}


# round trip and differences


@pytest.mark.parametrize("method", CONFIGS)
def test_dump_and_load(tmp_path: Path, recipe: Path, method: str) -> None:
    config = load(
        recipe,
        f"method={{name: {method}}}",
        "optim.lr=1e-7",
        "data.domain_a.labels=no",
        "data.transforms=[{name: Rotate, limit: [-5, 5.5]}]",
    )
    path = tmp_path / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load(path) == config
    assert differences(read_yaml(path), config.model_dump(mode="json")) == []


def test_flatten() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": None}) == {"a.b.c": 1, "a.d": [1, {"e": 2}], "f": None}


# anything at all

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


# paths


PLACES = {
    "run_dir": "pix2pix",
    "data.root": "pix2pix",
    "data.root_b": "cyclegan",
    "validation.features": "pix2pix",
    "validation.lpips": "pix2pix",
    "validation.structure": "pix2pix",
    "method.style_image": "cut",
    "method.vgg.weights": "adain",
    "method.coarse_from": "pix2pixhd",
    "method.add_to": "fast_style",
    "method.styles.waves": "fast_style",
}
WORDS = {"validation.best"}  # texts that are no paths


@pytest.mark.parametrize(("key", "method"), PLACES.items())
def test_home_and_variables_in_every_path(tmp_path: Path, key: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.delenv("NOPE", raising=False)
    path = tmp_path / "recipe.yaml"
    path.write_text(f"run_dir: x\nmethod: {{name: {method}}}\ntrain: {{steps: 1}}\n", encoding="utf-8")
    needed = {"method.coarse_from": "method.generator.name=coarse-to-fine", "method.style_image": "method.style_weight=1"}
    also = [needed[key]] if key in needed else ["train.validate_every=1"]
    for written, place in (("~/a", "/home/me/a"), ("${DATA}/a", "/data/a")):
        config = load(path, f"{key}={written}", *also)
        assert flatten(config.model_dump())[key] == place
        again = tmp_path / "again.yaml"
        again.write_text(dump_config(config), encoding="utf-8")
        assert load(again) == config
    message = mistake(path, f"{key}=${{NOPE}}/a", *also)
    assert f"command line: {key}: ${{NOPE}}/a: the environment variable NOPE is not set; set it" in message
    assert f"{key}: ~no-such-user: there is no user 'no-such-user'" in mistake(path, f"{key}=~no-such-user", *also)


@pytest.mark.parametrize("method", CONFIGS)
def test_every_text_is_a_path_or_a_word(method: str) -> None:
    """A new key that holds a path joins the list above."""
    tree = yaml.safe_load(BASE) | {"method": {"name": method}}
    for key in texts(type(parse_config(tree, "base", CONFIGS))):
        assert key in PLACES or key in WORDS, key


def texts(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The keys whose values are free texts, by their dotted names."""
    for name, field in section.model_fields.items():
        kinds = [*kinds_of(field).values()] or [field.annotation, *get_args(field.annotation)]
        kinds += [inner for kind in kinds if get_origin(kind) is Annotated for inner in get_args(kind)]
        nested = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in nested:
            yield from texts(kind, f"{prefix}{name}.")
        if not nested and str in kinds and get_origin(field.annotation) not in (list, dict):
            yield f"{prefix}{name}"
