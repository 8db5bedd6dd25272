"""Which keys may differ when a run goes on, and which make another run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gan_style.config.continuing import DIVISION, MAY_CHANGE, PLACES, differences
from gan_style.config.load import load_config
from gan_style.config.network import kinds_of
from gan_style.config.schema import RunConfig
from gan_style.methods import CONFIGS


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("run_dir: runs/x\nmethod: {name: pix2pix}\ntrain: {steps: 10}\n", encoding="utf-8")
    return path


def load(path: Path, *overrides: str) -> RunConfig[Any]:
    return load_config(path, overrides, CONFIGS)


def names(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted names of a section's keys and sections."""
    for name, field in section.model_fields.items():
        yield prefix + name
        for kind in kinds_of(field).values() or [field.annotation]:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield f"{prefix}{name}."
                yield from names(kind, f"{prefix}{name}.")


def test_differences_name_old_and_new(recipe: Path) -> None:
    old = load(recipe).model_dump(mode="json")
    new = load(recipe, "optim.lr=1e-3", "data.domain_a.channels=1", "method.l1_weight=10").model_dump(mode="json")
    assert differences(old, new) == ["data.domain_a.channels: 3 -> 1", "method.l1_weight: 100.0 -> 10.0", "optim.lr: 0.0002 -> 0.001"]


def test_differences_of_another_method(recipe: Path) -> None:
    old, new = load(recipe).model_dump(mode="json"), load(recipe, "method.name=cyclegan").model_dump(mode="json")
    found = differences(old, new)
    assert "method.name: pix2pix -> cyclegan" in found
    assert "method.l1_weight: 100.0 -> (absent)" in found
    assert "method.cycle_weight_a: (absent) -> 10.0" in found


@pytest.mark.parametrize(
    ("override", "free"),
    [
        ("train.steps=99", True),
        ("train.checkpoint_every=7", True),
        ("train.keep=9", True),
        ("logging.every=3", True),
        ("logging.trackers=[wandb]", True),
        ("run_dir=elsewhere", True),
        ("train.epochs=3", True),
        ("train={steps: null, minutes: 3}", True),
        ("optim.extend=hold", True),
        ("train.seed=1", False),
        ("train.batch_size=2", False),
        ("data.root=elsewhere", True),
        ("data.root_b=elsewhere", True),
        ("data.source=folders", True),
        ("data.workers=0", True),
        ("data.workers=auto", True),
        ("data.cache=disk", True),
        ("data.changed=accept", True),
        ("data.flip=false", False),
        ("train.channels_last=false", True),
        ("train.mixed_precision=bf16", False),
        ("optim.schedule=cosine", False),
        ("optim.player_lr.discriminator=2e-4", False),
        ("method.r1_weight=1", False),
    ],
)
def test_what_may_change(recipe: Path, override: str, free: bool) -> None:
    found = differences(load(recipe).model_dump(mode="json"), load(recipe, override).model_dump(mode="json"))
    assert (found == []) == free, found


def test_keys_that_only_begin_like_free_ones_may_not_change() -> None:
    old, new = {"train": {"steps_ahead": 1, "keep": 1}, "loggings": 1}, {"train": {"steps_ahead": 2, "keep": 2}, "loggings": 2}
    assert differences(old, new) == ["loggings: 1 -> 2", "train.steps_ahead: 1 -> 2"]


def test_memory_may_be_saved_from_now_on(recipe: Path) -> None:
    resnet = "method.generator={name: resnet}"
    old, new = (load(recipe, *changes) for changes in ([resnet], [resnet.replace("}", ", activation_checkpointing: true}")]))
    assert differences(old.model_dump(mode="json"), new.model_dump(mode="json")) == []


def test_the_division_of_a_batch_may_change_where_it_changes_nothing(recipe: Path) -> None:
    old, new = (load(recipe, f"train.accumulate={count}").model_dump(mode="json") for count in (1, 2))
    assert differences(old, new, divisible=True) == []
    assert differences(old, new, divisible=False) == ["train.accumulate: 1 -> 2"]


def test_a_place_may_be_spelt_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    old, new = ({"method": {"add_to": place}} for place in ("runs/a.safetensors", f"{tmp_path}/runs/../runs//a.safetensors"))
    assert differences(old, new) == []
    assert differences(old, {"method": {"add_to": "b.safetensors"}}) == ["method.add_to: runs/a.safetensors -> b.safetensors"]
    assert differences(old, {"method": {"add_to": None}}) == ["method.add_to: runs/a.safetensors -> None"]


def test_every_name_stands_for_a_key_that_there_is() -> None:
    known = {name for config in CONFIGS.values() for name in names(RunConfig[config])}
    assert {*MAY_CHANGE, DIVISION, *PLACES} <= known
