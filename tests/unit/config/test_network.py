"""A network's section has the keys and defaults of its network: a key of another one is refused with its name, and written nowhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, load_config
from gan_style.config.network import kinds_of
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError
from gan_style.methods import CONFIGS
from gan_style.networks import DISCRIMINATORS, GENERATORS

BASE = "run_dir: runs/x\ntrain: {steps: 10}\n"
SECTIONS = {
    (method, section): kinds_of(field)
    for method, config in CONFIGS.items()
    for section, field in config.model_fields.items()
    if kinds_of(field)
}
NETWORKS = [(method, section, name) for (method, section), kinds in SECTIONS.items() for name in kinds]


def load(tmp_path: Path, method: dict[str, Any], *overrides: str) -> RunConfig[Any]:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{BASE}{yaml.safe_dump({'method': method})}", encoding="utf-8")
    return load_config(path, overrides, CONFIGS)


@pytest.mark.parametrize(("method", "section", "name"), NETWORKS)
@pytest.mark.parametrize("by", ["file", "override"])
def test_a_key_is_of_the_network_or_refused(tmp_path: Path, method: str, section: str, name: str, by: str) -> None:
    for key in sorted({key for kind in SECTIONS[method, section].values() for key in kind.model_fields if key != "name"}):
        check_key(tmp_path, method, section, name, key, by)


def check_key(tmp_path: Path, method: str, section: str, name: str, key: str, by: str) -> None:
    having = [other for other, kind in SECTIONS[method, section].items() if key in kind.model_fields]
    value = SECTIONS[method, section][having[0]].model_fields[key].default
    if by == "file":
        arguments: tuple[dict[str, Any], ...] = ({"name": method, section: {"name": name, key: value}},)
    else:
        arguments = ({"name": method},)
    overrides = [] if by == "file" else [f"method.{section}.name={name}", f"method.{section}.{key}={yaml.safe_dump(value).split()[0]}"]
    if key == "init_gain":
        overrides.append(f"method.{section}.init=normal")  # of which it is the deviation
    if (key, name) == ("spectral_layers", "spade"):
        overrides.append(f"method.{section}.spectral_norm=true")  # whose layers they are
    if name in having:
        assert getattr(load(tmp_path, *arguments, *overrides).method, section).model_dump()[key] == value, key
        return
    with pytest.raises(UserError) as caught:
        load(tmp_path, *arguments, *overrides)
    message = str(caught.value)
    assert f"method.{section}.{key}" in message and f"{name} has no such key; {having[0]}" in message
    assert message.startswith("command line: ") == (by == "override")


def test_all_of_them_are_named(tmp_path: Path) -> None:
    method = {"name": "pix2pix", "generator": {"num_blocks": 6}, "discriminator": {"num_scales": 2}}
    with pytest.raises(UserError) as caught:
        load(tmp_path, method, "method.generator.antialias=on")
    message = str(caught.value)

    def having(registry: Mapping[str, Any], key: str) -> str:
        names = [name for name, kind in registry.items() if key in kind.Config.model_fields]
        return f"{', '.join(names[:-1])} and {names[-1]} have it" if len(names) > 1 else f"{names[0]} has it"

    assert f"method.generator.num_blocks (line 7): unet has no such key; {having(GENERATORS, 'num_blocks')}" in message
    assert f"command line: method.generator.antialias: unet has no such key; {having(GENERATORS, 'antialias')}" in message
    assert f"method.discriminator.num_scales (line 5): patchgan has no such key; {having(DISCRIMINATORS, 'num_scales')}" in message


def test_a_key_of_networks_of_other_methods_is_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"method\.generator\.num_downs \(line 5\): resnet has no such key; unet, global, coarse-to-fine"):
        load(tmp_path, {"name": "cut", "generator": {"num_downs": 6}})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unet", "takes no network 'unet' here; it takes resnet (networks with `feature_stages`)"),
        (None, "takes no network"),
        (5, "5 here"),
    ],
)
def test_a_network_that_the_method_does_not_take_is_refused(tmp_path: Path, name: Any, words: str) -> None:
    with pytest.raises(UserError, match=r"recipe\.yaml: method\.generator\.name \(line 5\): cut takes no network") as caught:
        load(tmp_path, {"name": "cut", "generator": {"name": name}})
    assert words in str(caught.value)


def test_a_methods_own_defaults_are_those_of_its_own_network(tmp_path: Path) -> None:
    """Another network has its own defaults."""
    generator = load(tmp_path, {"name": "pix2pix"}, "method.generator.num_downs=5").method.generator
    assert (generator.name, generator.norm, generator.dropout, generator.num_downs) == ("unet", "batch", True, 5)
    generator = load(tmp_path, {"name": "pix2pix"}, "method.generator.name=spade").method.generator
    assert (generator.name, generator.norm, generator.num_downs) == ("spade", "instance", 6)
    generator = load(tmp_path, {"name": "cyclegan"}, "method.generator.name=global").method.generator
    assert (generator.name, generator.num_blocks, generator.num_downs) == ("global", 9, 4)
    discriminator = load(tmp_path, {"name": "cut", "discriminator": {"name": "pixel"}}).method.discriminator
    assert discriminator.init == "normal" and "antialias" not in discriminator.model_dump()


@pytest.mark.parametrize(("method", "section", "name"), NETWORKS)
def test_what_is_written_has_the_keys_of_the_network_alone(tmp_path: Path, method: str, section: str, name: str) -> None:
    config = load(tmp_path, {"name": method, section: {"name": name}})
    written = yaml.safe_load(dump_config(config))
    assert written["method"][section].keys() == SECTIONS[method, section][name].model_fields.keys()
    again = tmp_path / "again.yaml"
    again.write_text(dump_config(config), encoding="utf-8")
    assert load_config(again, [], CONFIGS) == config


def test_what_an_earlier_version_wrote_out_is_the_same_run(tmp_path: Path) -> None:
    """It wrote every key of a section, whatever its network."""
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


@pytest.mark.parametrize(
    ("method", "own"), [("fast_style", {"base_channels": 8}), ("adain", {"depth": "relu3_1"}), ("gan", {"norm": "none"})]
)
def test_so_are_those_of_other_methods(method: str, own: dict[str, Any]) -> None:
    every = {"num_blocks": 5, "num_downs": 8, "num_enhancers": 1, "norm": "instance", "dropout": False, "upsampling": "deconvolution"}
    every |= {"base_channels": 64, "activation_checkpointing": False, "spectral_norm": False, "antialias": False, "init": "normal"}
    generator = CONFIGS[method].model_validate({"generator": {**every, "init_gain": 0.02, **own}}).generator
    assert {key: getattr(generator, key) for key in own} == own and generator.init == "normal"


def test_a_misspelt_key_is_told_from_one_of_another_network(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"method\.generator\.num_down: unknown key, did you mean 'num_downs'\?"):
        load(tmp_path, {"name": "pix2pix"}, "method.generator.num_down=5")


def test_an_override_that_the_networks_depth_leaves_without_effect_is_told(tmp_path: Path) -> None:
    """Scripts set dropout for every run alike."""
    with pytest.warns(UserWarning, match=r"method\.generator\.dropout: has no effect with method\.generator\.num_downs 5"):
        load(tmp_path, {"name": "cyclegan", "generator": {"name": "unet", "num_downs": 5}}, "method.generator.dropout=true")
