"""Overrides of the command line: which values they give, which of two counts, and what is no override."""

import re
from pathlib import Path

import pytest
from recipes import BASE, load, mistake

from gan_style.config.overrides import apply_override, parse_overrides


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
