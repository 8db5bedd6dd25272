"""A key of another architecture is refused with the name of the one that has it, and is written nowhere."""

import inspect
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from torch import nn

from gan_style.config.architectures import ARCHITECTURES, NetworkConfig
from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, load_config
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.networks import DISCRIMINATORS, GENERATORS, STYLIZERS
from gan_style.networks.generators.adain import AdaINNet
from gan_style.networks.generators.noise import IMAGE_DISCRIMINATORS, NOISE_GENERATORS

BASE = "run_dir: runs/x\ntrain: {steps: 10}\n"
EVERY_NETWORK = {**GENERATORS, **DISCRIMINATORS, **STYLIZERS, "adain": AdaINNet}
SECTIONS = {
    (method, section): type(field.get_default(call_default_factory=True))
    for method, config in CONFIGS.items()
    for section, field in config.model_fields.items()
    if isinstance(field.get_default(call_default_factory=True), NetworkConfig)
}
PLACES = [
    (method, section, name, key)
    for (method, section), config in SECTIONS.items()
    for name in get_args(config.model_fields["name"].annotation)
    for key in config.model_fields
    if key != "name"
]


def load(tmp_path: Path, method: dict[str, Any], *overrides: str) -> RunConfig[Any]:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{BASE}{yaml.safe_dump({'method': method})}", encoding="utf-8")
    return load_config(path, overrides, CONFIGS)


def test_the_table_is_that_of_the_networks_constructors() -> None:
    keys = {key for config in SECTIONS.values() for key in config.model_fields}
    every: list[tuple[str, type[nn.Module]]] = [*EVERY_NETWORK.items(), *NOISE_GENERATORS.items(), *IMAGE_DISCRIMINATORS.items()]
    for name, network in every:
        drawn = {"init", "init_gain"} if name == "adain" else {"init", "init_gain", "spectral_norm"}
        assert ARCHITECTURES[name] - drawn == keys & inspect.signature(network).parameters.keys(), name
    assert ARCHITECTURES.keys() == {name for name, _ in every}


@pytest.mark.parametrize(("method", "section", "name", "key"), PLACES)
@pytest.mark.parametrize("by", ["file", "override"])
def test_a_key_is_of_the_architecture_or_refused(tmp_path: Path, method: str, section: str, name: str, key: str, by: str) -> None:
    kind = SECTIONS[method, section]
    value = kind.model_fields[key].get_default(call_default_factory=True)
    if by == "file":
        arguments: tuple[dict[str, Any], ...] = ({"name": method, section: {"name": name, key: value}},)
    else:
        arguments = ({"name": method},)
    overrides = [] if by == "file" else [f"method.{section}.name={name}", f"method.{section}.{key}={yaml.safe_dump(value).split()[0]}"]
    if key == "init_gain":
        overrides.append(f"method.{section}.init=normal")  # of which it is the deviation
    if key in ARCHITECTURES[name]:
        assert getattr(load(tmp_path, *arguments, *overrides).method, section).model_dump()[key] == value
        return
    with pytest.raises(UserError) as caught:
        load(tmp_path, *arguments, *overrides)
    having = next(other for other, keys in ARCHITECTURES.items() if key in keys)
    assert f"method.{section}.{key}" in str(caught.value) and f"{name} has no such key; {having}" in str(caught.value)
    assert str(caught.value).startswith("command line: ") == (by == "override")


def test_all_of_them_are_named(tmp_path: Path) -> None:
    method = {"name": "pix2pix", "generator": {"num_blocks": 6}, "discriminator": {"num_scales": 2}}
    with pytest.raises(UserError) as caught:
        load(tmp_path, method, "method.generator.antialias=on")
    message = str(caught.value)
    having = "resnet, global, coarse-to-fine and transformer_net"
    assert f"method.generator.num_blocks (line 7): unet has no such key; {having} have it" in message
    assert "command line: method.generator.antialias: unet has no such key; resnet" in message
    assert "method.discriminator.num_scales (line 5): patchgan has no such key; multiscale has it" in message


def test_defaults_of_a_method_for_another_architecture_are_left_out(tmp_path: Path) -> None:
    generator = load(tmp_path, {"name": "cut", "generator": {"name": "unet"}}).method.generator.model_dump()
    assert generator["init"] == "xavier" and "antialias" not in generator


@pytest.mark.parametrize(("method", "section", "name"), sorted({place[:3] for place in PLACES}))
def test_what_is_written_has_the_keys_of_the_architecture_alone(tmp_path: Path, method: str, section: str, name: str) -> None:
    config = load(tmp_path, {"name": method, section: {"name": name}})
    written = yaml.safe_load(dump_config(config))
    assert written["method"][section].keys() == {"name", *ARCHITECTURES[name]}
    again = tmp_path / "again.yaml"
    again.write_text(dump_config(config), encoding="utf-8")
    assert load_config(again, [], CONFIGS) == config


def test_what_an_earlier_version_wrote_out_is_the_same_run(tmp_path: Path) -> None:
    """It wrote every key of a section, whatever its architecture."""
    config = load(tmp_path, {"name": "pix2pix", "generator": {"num_downs": 5}})
    tree = config.model_dump(mode="json")
    strange = {"num_blocks": 6, "num_enhancers": 1, "antialias": True, "activation_checkpointing": False}
    assert not strange.keys() & tree["method"]["generator"].keys()
    tree["method"]["generator"] |= strange
    tree["method"]["discriminator"] |= {"num_scales": 3}
    earlier = tmp_path / "config.yaml"
    earlier.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert load_config(earlier, [], CONFIGS) == config
    assert differences(load_config(earlier, [], CONFIGS).model_dump(mode="json"), config.model_dump(mode="json")) == []
    assert CONFIGS["pix2pix"].model_validate(tree["method"]) == config.method  # as a bundle's
