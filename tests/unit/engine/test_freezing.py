"""`train.freeze`: what is frozen stays to the bit, the rest moves, and names that mean nothing are told."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights

from gan_style.errors import UserError

BATCH_NORM = {
    "generator": {"name": "resnet", "base_channels": 4, "num_blocks": 1, "norm": "batch"},
    "discriminator": {"base_channels": 4, "num_layers": 1, "norm": "batch", "spectral_norm": True},
}


def frozen(name: str, folder: Path, *names: str, **sections: Any) -> Any:
    train = {"freeze": list(names), **sections.pop("train", {})}
    return tiny_config(name, folder, train, **sections)


@pytest.mark.parametrize(
    ("entry", "prefix"),
    [
        ("generator.stem", "generator/stem."),
        ("generator.downs.0.conv.weight", "generator/downs.0.conv.weight"),
        ("discriminator.layers.1", "discriminator/layers.1."),
    ],
)
def test_what_is_frozen_stays_and_all_the_rest_moves(entry: str, prefix: str, tmp_path: Path) -> None:
    """With batch normalisation and spectral normalisation, so that buffers would move too."""
    trainer = make_trainer(frozen("pix2pix", tmp_path, entry, method=BATCH_NORM))
    before = weights(trainer)
    for step in range(2):
        trainer.step(step, micro_batches(step, 2))
    after = weights(trainer)
    still = {key for key in before if torch.equal(before[key], after[key])}
    of_one_value = {"discriminator/head.parametrizations.weight.0.u"}  # a unit vector of one number
    assert still - of_one_value == {key for key in before if key.startswith(prefix)}
    parameters = {f"{name}/{key}": each for name, network in trainer.networks.items() for key, each in network.named_parameters()}
    optimised = {id(each) for optimizer in trainer.optimizers.values() for group in optimizer.param_groups for each in group["params"]}
    assert {key for key, each in parameters.items() if id(each) not in optimised} == {key for key in parameters if key.startswith(prefix)}


def test_the_moving_average_of_what_is_frozen_is_exact(tmp_path: Path) -> None:
    trainer = make_trainer(frozen("pix2pix", tmp_path, "generator.downs", train={"ema_decay": 0.7}))
    for step in range(3):
        trainer.step(step, micro_batches(step, 2))
    assert trainer.ema
    for key, value in trainer.networks["generator"].named_parameters():
        assert torch.equal(trainer.ema.shadows["generator"][key], value) == key.startswith("downs"), key


def test_the_beginning_of_a_networks_name_means_all_such_networks(tmp_path: Path) -> None:
    trainer = make_trainer(frozen("cyclegan", tmp_path, "generator.stem", "discriminator_a.head"))
    before = weights(trainer)
    trainer.step(0, micro_batches(0, 2))
    still = {key for key, value in weights(trainer).items() if torch.equal(before[key], value)}
    assert {key.rpartition(".")[0] for key in still} == {"generator_ab/stem.conv", "generator_ba/stem.conv", "discriminator_a/head"}


def test_one_generator_of_two_may_be_frozen_as_a_whole(tmp_path: Path) -> None:
    trainer = make_trainer(frozen("cyclegan", tmp_path, "generator_ba"))
    before = weights(trainer)
    trainer.step(0, micro_batches(0, 2))
    still = {key.partition("/")[0] for key, value in weights(trainer).items() if torch.equal(before[key], value)}
    assert still == {"generator_ba"}


@pytest.mark.parametrize(
    ("name", "entry", "words"),
    [
        ("pix2pix", "generator.down", r"train\.freeze: no parameter is called generator\.down, and no name begins so, did you mean 'gen"),
        ("pix2pix", "generator.downs.0.conv.weigth", r"did you mean 'generator\.downs\.0\.conv\.weight'\?"),
        ("pix2pix", "xyz", r"names begin with generator\.downs, generator\.ups, discriminator\.layers, discriminator\.head"),
        ("pix2pix", "", "no parameter is called"),
        ("pix2pix", "discriminator", "nothing is left to train of discriminator; freeze less"),
        ("cyclegan", "generator", "nothing is left to train of generator_ab and generator_ba"),
        ("adain", "generator.encoder", "generator.encoder is not trained by adain anyway; leave it out"),
    ],
)
def test_a_name_that_means_nothing_is_told(name: str, entry: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as refusal:
        make_trainer(frozen(name, tmp_path, entry))
    assert "\n" not in str(refusal.value)


def test_a_run_with_frozen_parts_and_a_warm_up_resumes_bit_for_bit(tmp_path: Path) -> None:
    extras = {"freeze": ["generator.stem", "discriminator.layers.0"], "ema_decay": 0.9, "epochs": 4}
    optim = {"warmup": 0.2, "schedule": "linear"}
    whole = make_run(tiny_config("pix2pix", tmp_path / "straight", {"steps": 5, **extras}, optim=optim, method=BATCH_NORM))
    whole.fit()
    for steps in (2, 5):
        halved = make_run(tiny_config("pix2pix", tmp_path / "halved", {"steps": steps, **extras}, optim=optim, method=BATCH_NORM))
        halved.fit()
    expected, got = weights(whole.trainer), weights(halved.trainer)
    assert all(torch.equal(value, got[key]) for key, value in expected.items())
    assert (tmp_path / "straight/bundles/a2b.safetensors").read_bytes() == (tmp_path / "halved/bundles/a2b.safetensors").read_bytes()
