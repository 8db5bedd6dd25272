"""A bundle that a training is to begin from may be anything: what is wrong with it is one line that names the key and the file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import draw
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import TINY_NETWORKS, make_trainer, tiny_config
from tiny_bundles import tiny_bundle

from gan_style.errors import UserError

STYLIZER = {"base_channels": 4, "num_blocks": 1}
GLOBAL = {**TINY_NETWORKS["generator"], "name": "global", "num_downs": 3}


def add_to(bundle: Path, folder: Path) -> Any:
    Image.fromarray(draw(9)).save(folder / "new.png")
    method = {"add_to": str(bundle), "styles": {"new": str(folder / "new.png")}, "generator": STYLIZER}
    return tiny_config("fast_style", folder / "run", method=method)


def coarse_from(bundle: Path, folder: Path) -> Any:
    generator = {**GLOBAL, "name": "coarse-to-fine"}
    return tiny_config("pix2pixhd", folder / "run", method={"coarse_from": str(bundle), "generator": generator})


KEYS: dict[str, tuple[Callable[[Path, Path], Any], Callable[[Path], Path]]] = {
    "method.add_to": (add_to, lambda path: tiny_bundle(path, STYLIZER, "fast_style", keys={"styles": {"a": "", "b": ""}})),
    "method.coarse_from": (coarse_from, lambda path: tiny_bundle(path, GLOBAL, "pix2pixhd")),
}


def rewritten(path: Path, weights: dict[str, torch.Tensor] | None = None, **metadata: Any) -> None:
    with safe_open(path, framework="pt") as file:
        stored = json.loads(file.metadata()["gan_style"])
    text = json.dumps({**stored, **metadata})
    save_file(load_file(path) if weights is None else weights, path, metadata={"gan_style": text})


def first_weight(path: Path) -> str:
    return next(iter(load_file(path)))


def translator(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["gan_style"])["translator"]


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: path.unlink(), "no such file or folder; give a .safetensors bundle or a run folder"),
    "a folder": (folder_instead, "a folder without bundles/a2b.safetensors"),
    "a pipe": (pipe_instead, "cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "not a gan_style bundle"),
    "text": (lambda path: path.write_text("weights\n" * 99), "not a gan_style bundle"),
    "torn": (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "not a gan_style bundle"),
    "torn early": (lambda path: path.write_bytes(path.read_bytes()[:500]), "not a gan_style bundle"),
    "weights alone": (lambda path: save_file(load_file(path), path), "not a gan_style bundle"),
    "other metadata": (lambda path: save_file(load_file(path), path, {"gan_style": "[]"}), "its metadata is not what"),
    "a later format": (lambda path: rewritten(path, format=2), "format"),
    "an older key": (lambda path: rewritten(path, translator={**translator(path), "lambda_l1": 9}), r"translator\.lambda_l1"),
    "an older network": (
        lambda path: rewritten(path, translator={**translator(path), "generator": {"name": "net_g"}}),
        r"translator\.generator",
    ),
    "no translator": (
        lambda path: rewritten(path, translator={"name": translator(path)["name"], "generator": 3}),
        r"translator\.generator",
    ),
    "another method": (lambda path: rewritten(path, method="pix2pix"), "a bundle of pix2pix; give one of"),
    "an unknown method": (lambda path: rewritten(path, method="\u202e"), "give one of"),
    "another range": (lambda path: rewritten(path, value_range=[0, 1]), "value_range"),
    "seven channels": (lambda path: rewritten(path, in_channels=7), "in_channels is 7"),
    "nothing": (lambda path: rewritten(path, {}), "missing"),
    "a weight too few": (
        lambda path: rewritten(path, {key: value for key, value in load_file(path).items() if key != first_weight(path)}),
        "missing",
    ),
    "a weight too many": (lambda path: rewritten(path, {**load_file(path), "more": torch.zeros(1)}), "more unexpected"),
    "another shape": (lambda path: rewritten(path, {**load_file(path), first_weight(path): torch.zeros(2)}), "of the wrong shape"),
    "not finite": (
        lambda path: rewritten(path, {key: value * torch.nan for key, value in load_file(path).items()}),
        "not finite",
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("key", KEYS)
def test_a_bundle_that_cannot_be_begun_from_is_one_line(key: str, spoilt: str, tmp_path: Path) -> None:
    configured, made = KEYS[key]
    bundle = made(tmp_path / "given.safetensors")
    spoil, words = SPOILT[spoilt]
    spoil(bundle)
    with pytest.raises(UserError, match=words) as mistake:
        make_trainer(configured(bundle, tmp_path))
    assert str(mistake.value).startswith(f"{key} {bundle}: ")
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize("key", KEYS)
def test_a_sound_one_is_begun_from(key: str, tmp_path: Path) -> None:
    configured, made = KEYS[key]
    bundle = made(tmp_path / "given.safetensors")
    given, trainer = load_file(bundle), make_trainer(configured(bundle, tmp_path))
    own = trainer.networks["generator"].state_dict()
    taken = [name for name, value in given.items() if name in own and torch.equal(own[name][: len(value)], value)]
    assert len(taken) >= len(given) - 2  # the coarse generator's own last layer is not used


@pytest.mark.parametrize("key", KEYS)
def test_a_run_folder_stands_for_its_bundle(key: str, tmp_path: Path) -> None:
    configured, made = KEYS[key]
    (tmp_path / "trained" / "bundles").mkdir(parents=True)
    bundle = made(tmp_path / "trained" / "bundles" / "a2b.safetensors")
    of_bundle, of_folder = (make_trainer(configured(path, tmp_path)).networks["generator"] for path in (bundle, tmp_path / "trained"))
    given = load_file(bundle)
    taken = [name for name, value in of_bundle.state_dict().items() if name in given and torch.equal(value, of_folder.state_dict()[name])]
    assert len(taken) >= len(given) - 4  # the layers that are new are drawn


def test_a_bundle_without_styles_is_none_to_add_to(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "given.safetensors", STYLIZER, "fast_style", keys={"styles": {}})
    with pytest.raises(UserError, match=r"^method\.add_to .*: knows no style"):
        make_trainer(add_to(bundle, tmp_path))
