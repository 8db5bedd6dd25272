"""Keys that hold paths: home and environment variables are filled in, and what can be no path is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from recipes import BASE, load, mistake

from gan_style.config.load import dump_config, flatten, parse_config
from gan_style.config.network import kinds_of
from gan_style.methods import CONFIGS


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
    "train.init_from": "pix2pix",
    "method.styles.waves": "fast_style",
}
WORDS = {"validation.best", "logging.project"}  # texts that are no paths


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


def test_a_mapping_of_networks_to_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("NOPE", raising=False)
    path = tmp_path / "recipe.yaml"
    path.write_text("run_dir: x\nmethod: {name: pix2pix}\ntrain: {steps: 1, init_from: {generator: ~/a, discriminator: b}}\n")
    assert load(path).train.init_from == {"generator": "/home/me/a", "discriminator": "b"}
    assert load(path, "train.init_from.generator=c").train.init_from == {"generator": "c", "discriminator": "b"}
    told = mistake(path, "train.init_from.generator=${NOPE}/a")
    assert told.startswith("command line: train.init_from: generator: ${NOPE}/a: the environment variable NOPE is not set")
    for wrong in ("5", "[]", "{}", "''", "{generator: ''}", "{generator: 5}"):
        assert "train.init_from: must be a path, or a mapping from networks to paths" in mistake(path, f"train.init_from={wrong}")
