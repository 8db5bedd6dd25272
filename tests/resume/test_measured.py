"""What a method measures of its first training images is measured once: a run that goes on has the same bits, and its bundle serves."""

from pathlib import Path

import pytest
import torch
from runs import arguments, bundles, networks
from safetensors.torch import load_file

from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command
from gan_style.methods import CONFIGS
from gan_style.methods.serving import serving_network

NORMALISED = ["method.vgg.weights=random", "method.vgg.normalised=true"]
KEYS = {
    "adain": [*NORMALISED, "method.vgg.name=vgg16", "method.generator.depth=relu3_1", "method.generator.padding=reflect"],
    "fast_style": [*NORMALISED, "method.relative=true", "method.style_loss=moments", "method.generator.skip=true"],
}


@pytest.mark.parametrize("name", KEYS)
def test_a_run_that_measures_goes_on_bit_for_bit_and_serves(name: str, data: Path, tmp_path: Path) -> None:
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    assert train_command(arguments(name, data, straight, *KEYS[name])) == 0
    assert train_command(arguments(name, data, cut, *KEYS[name], "train.steps=3")) == 0
    assert train_command(arguments(name, data, cut, *KEYS[name])) == 0
    assert networks(cut) == networks(straight)
    assert bundles(cut) == bundles(straight)

    info, stored = load_bundle(straight / "bundles" / "a2b.safetensors")
    network = serving_network(name, CONFIGS[name].model_validate(info.translator), 3, 3)
    network.load_state_dict(stored)
    trained = load_file(next((straight / "checkpoints").iterdir()) / "networks.safetensors")
    for key, value in network.state_dict().items():
        assert torch.equal(value, trained[f"generator/{key}"].to(value)), key
