"""However a batch is divided, a step gives the same weights: every method with every generator that it takes, dropout on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY_NETWORKS, check_division, make_trainer, micro_batches, tiny_config, weights
from torch import nn

from gan_style.config.network import having_key, kinds_of
from gan_style.engine.trainer import Trainer
from gan_style.methods import CONFIGS, METHODS
from gan_style.networks import GENERATORS, configs
from gan_style.networks.layers.dropout import Dropout

BATCH, STEPS = 4, 3
DOWNS = {"unet": 6}  # fewer, and a U-Net has no dropout


def architectures(name: str) -> list[str]:
    """The generators that a method takes."""
    return list(kinds_of(CONFIGS[name].model_fields["generator"]))


def method_with(architecture: str) -> dict[str, Any]:
    """The method's section: that generator with all the dropout it can have, nothing that mixes a batch's images."""
    generator = {**TINY_NETWORKS["generator"], "name": architecture, "norm": "instance", "num_downs": DOWNS.get(architecture, 2)}
    if has_dropout(architecture):
        generator["dropout"] = True
    return {"generator": generator}


def has_dropout(architecture: str) -> bool:
    return architecture in having_key(configs(GENERATORS), "dropout")


CASES = [(name, architecture) for name in sorted(METHODS) for architecture in architectures(name)]
each_case = pytest.mark.parametrize(("name", "architecture"), CASES, ids=["-".join(case) for case in CASES])


def undivided(name: str, architecture: str, folder: Path, **train: Any) -> Trainer:
    """A trainer in float64 without batch statistics."""
    method = method_with(architecture)
    if "discriminator" in CONFIGS[name].model_fields:
        method["discriminator"] = {**TINY_NETWORKS["discriminator"], "norm": "instance"}
        if name == "gan":
            method["discriminator"]["name"] = architecture
    return make_trainer(tiny_config(name, folder, {"batch_size": BATCH, "dtype": "float64", **train}, method=method))


@each_case
def test_accumulated_micro_batches_equal_one_batch(name: str, architecture: str, tmp_path: Path) -> None:
    results = []
    for accumulate in (1, 2, 4):
        trainer = undivided(name, architecture, tmp_path, accumulate=accumulate)
        assert trainer.method.divisible
        for step in range(STEPS):
            trainer.step(step, micro_batches(step, BATCH, accumulate))
        results.append(weights(trainer))
    assert bool(_dropouts(trainer)) == has_dropout(architecture)
    for divided in results[1:]:
        check_division(results[0], divided, noisy="conv.bias")


@each_case
def test_the_place_in_the_batch_does_not_matter(name: str, architecture: str, tmp_path: Path) -> None:
    """The samples of a batch in another order are the same step."""
    results = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        trainer = undivided(name, architecture, tmp_path, accumulate=4)
        parts = micro_batches(0, BATCH, 4)
        trainer.step(0, [parts[place] for place in order])
        results.append(weights(trainer))
    check_division(*results, noisy="conv.bias")


def _dropouts(trainer: Trainer) -> list[nn.Module]:
    return [module for network in trainer.networks.values() for module in network.modules() if isinstance(module, Dropout) and module.p > 0]


@each_case
def test_what_would_depend_on_the_division_is_known(name: str, architecture: str, tmp_path: Path) -> None:
    """torch's own dropout in the place of ours, and a batch normalisation: the method says that its batch is not to be divided."""
    for stranger in (nn.Dropout(0.5), nn.Dropout2d(0.5), nn.BatchNorm2d(3)):
        trainer = undivided(name, architecture, tmp_path)
        next(iter(trainer.method.networks.values())).add_module("stranger", stranger)
        assert not trainer.method.divisible


def test_negatives_of_the_whole_batch_are_not_to_be_divided(tmp_path: Path) -> None:
    for negatives in ("image", "batch"):
        trainer = make_trainer(tiny_config("cut", tmp_path, method={"negatives": negatives}))
        assert trainer.method.divisible == (negatives == "image")


@pytest.mark.parametrize("name", [name for name in sorted(METHODS) if any(has_dropout(each) for each in architectures(name))])
def test_dropout_is_drawn_anew_in_each_step(name: str, tmp_path: Path) -> None:
    """The same images as another step's samples: other masks, and other losses."""
    architecture = next(each for each in architectures(name) if has_dropout(each))
    losses = []
    for number in (0, 1):
        trainer = undivided(name, architecture, tmp_path)
        [batch] = micro_batches(0, BATCH)
        shifted = replace(batch, numbers=tuple(sample + BATCH * number for sample in batch.numbers))
        losses.append(torch.stack(list(trainer.step(number, [shifted]).losses.values())))
    assert not torch.equal(losses[0], losses[1])
