"""Masks in every method, found by name: which losses they weigh, and that the division of a batch does not matter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SIZE, batch_of_every_domain, check_division, make_method, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor

from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.auxiliary import AuxiliaryConfig
from gan_style.methods.base import Method
from gan_style.types import Batch

ALL = sorted(METHODS)
BATCH, STEPS = 4, 2


def perceptual(name: str) -> dict[str, Any]:
    """The keys of the losses that a method can add."""
    if not issubclass(CONFIGS[name], AuxiliaryConfig):
        return {}
    more = {"perceptual_weight": 1.0, "perceptual_layers": ["relu1_1"], "style_weight": 1.0, "style_layers": ["relu1_1"], "tv_weight": 1.0}
    return {**more, "vgg": {"weights": "random"}}


def masked(batch: Batch, inside: int | None = None) -> Batch:
    """The batch with other masks for each sample and domain: so many of its upper rows; None: a function of the sample's number."""

    def mask(domain: str, number: int) -> Tensor:
        made = torch.zeros(1, SIZE, SIZE)
        made[:, : inside or 3 + 2 * number % 11 + (domain == "b")] = 1
        return made

    return replace(batch, masks={domain: torch.stack([mask(domain, number) for number in batch.numbers]) for domain in "ab"})


def losses(method: Method, batch: Batch) -> dict[str, float]:
    """All terms of a batch, from one translation."""
    outputs = method.translate(batch)
    return {name: term.item() for player in method.players for name, term in method.losses(player, batch, outputs).items()}


@pytest.mark.parametrize("name", ALL)
def test_masks_weigh_the_losses_that_the_method_names_and_no_others(name: str, tmp_path: Path) -> None:
    method = make_method(tiny_config(name, tmp_path, method=perceptual(name)))
    batch = batch_of_every_domain(method, 2)
    plain = losses(method, batch)
    inside, whole = losses(method, masked(batch)), losses(method, masked(batch, SIZE))
    changed = {term for term, value in plain.items() if inside[term] != pytest.approx(value, rel=1e-5)}
    assert changed == {*method.weighed} <= plain.keys()
    assert whole == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_the_method_names_no_loss_that_is_off(name: str, tmp_path: Path) -> None:
    keys = ["l1_weight", "feature_weight", "cycle_weight_a", "cycle_weight_b", "identity_weight"]
    off = {key: 0.0 for key in keys if key in CONFIGS[name].model_fields}
    assert make_method(tiny_config(name, tmp_path, method=off)).weighed == ()


@pytest.mark.parametrize("name", ALL)
def test_accumulated_micro_batches_with_masks_equal_one_batch(name: str, tmp_path: Path) -> None:
    if not make_method(tiny_config(name, tmp_path)).weighed:
        return
    networks = {}
    for section in ("generator", "discriminator"):
        networks[section] = {"norm": "instance", "base_channels": 4, "num_blocks": 1, "num_downs": 3, "num_layers": 1, "num_scales": 2}
    results = []
    for accumulate in (1, 2, 4):
        train = {"batch_size": BATCH, "dtype": "float64", "accumulate": accumulate}
        trainer = make_trainer(tiny_config(name, tmp_path, train, method=networks))
        for step in range(STEPS):
            trainer.step(step, [masked(batch) for batch in micro_batches(step, BATCH, accumulate)])
        results.append(weights(trainer))
    for divided in results[1:]:
        check_division(results[0], divided, noisy="conv.bias")


def test_features_are_weighed_where_the_augmentation_moved_them(tmp_path: Path) -> None:
    """Without colours, a discriminator's images and their mask are moved alike."""
    keys = {"diffaugment": ["translation", "cutout"], "ada": ["blit", "geometry"], "ada_p": 0.8}
    method: Any = make_method(tiny_config("pix2pixhd", tmp_path, method=keys))
    batch = masked(batch_of_every_domain(method, 4))
    mask = batch.mask("b")
    assert mask is not None
    moved = method.adversary.moved(batch, mask)
    assert not torch.equal(moved, mask)
    torch.testing.assert_close(moved, method.adversary.shown(batch, mask))
