"""How a translation is compared with its truth: the forms of the L1 term, and the registration network beside the generator."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import SIZE, make_method, make_trainer, micro_batches, tiny_config, weights
from torch import Tensor, nn

from gan_style.losses.l1 import l1_loss
from gan_style.losses.misaligned import pyramid_l1, shift_l1
from gan_style.methods.pairs import Pairs, PairsConfig
from gan_style.networks.layers.warp import warp

METHODS_OF_PAIRS = ["pix2pix", "pix2pixhd"]
SMALL = {"registration": {"base_channels": 4, "num_downs": 2}}
each_method = pytest.mark.parametrize("name", METHODS_OF_PAIRS)


def pairs(**keys: Any) -> Pairs:
    return Pairs(PairsConfig.model_validate({"name": "none", "l1_weight": 2.0, **keys}), 3)


class Right(nn.Module):
    """A registration network whose field leads one pixel to the right."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, moving: Tensor, target: Tensor) -> Tensor:
        return self.pixels[None, :, None, None].expand(len(moving), 2, *moving.shape[2:])


def test_the_distance_is_the_one_that_is_configured() -> None:
    output, target = torch.rand(2, 1, 3, 8, 8)
    mask = (torch.rand(1, 1, 8, 8) > 0.5).float()
    assert torch.equal(pairs().l1(output, target, mask), 2 * l1_loss(output, target, mask))
    assert torch.equal(pairs().l1(output, target, None), 2 * l1_loss(output, target))
    assert torch.equal(pairs(l1="pyramid", l1_levels=3).l1(output, target, mask), 2 * pyramid_l1(output, target, 3, mask))
    assert torch.equal(pairs(l1="shift", l1_radius=1, l1_patch=2).l1(output, target, mask), 2 * shift_l1(output, target, 1, 2, mask))


def test_without_registration_a_translation_is_compared_as_it_is() -> None:
    fake, real = torch.rand(2, 1, 3, 8, 8)
    assert pairs().networks == {}
    registered, terms = pairs().registered({}, fake, real)
    assert registered is fake and terms == {}


def test_the_translation_is_moved_to_the_truth() -> None:
    real = torch.rand(1, 3, 8, 8)
    fake = real.roll(1, 3)  # a pixel further to the right
    registered, terms = pairs(registration_weight=5.0).registered({"registration": Right()}, fake, real)
    assert torch.equal(registered[..., :-1], real[..., :-1])
    assert terms["smoothness"].item() == pytest.approx(5.0 * 0.5 / 16**2)  # the field is even, and a pixel long in one of two components


@each_method
def test_the_first_losses_are_those_without_registration(name: str, tmp_path: Path) -> None:
    """The other networks begin with the same weights, and the field is 0."""
    [batch] = micro_batches(0, 2)
    found = []
    for keys in ({}, {"registration_weight": 1.0, **SMALL}):
        method = make_method(tiny_config(name, tmp_path, method={"l1_weight": 10.0, **keys}))
        outputs = method.translate(batch)
        found.append({term: loss for player in method.players for term, loss in method.losses(player, batch, outputs).items()})
    plain, registered = found
    assert registered.pop("smoothness").item() == 0.0
    assert plain.keys() == registered.keys()
    for term, loss in plain.items():
        assert torch.equal(loss, registered[term]), term


@each_method
def test_a_field_changes_what_the_discriminator_sees_and_every_term_that_compares_places(name: str, tmp_path: Path) -> None:
    [batch] = micro_batches(0, 2)
    keys = {"perceptual_weight": 1.0, "perceptual_layers": ["relu1_1"], "style_weight": 1.0, "style_layers": ["relu1_1"], "tv_weight": 1.0}
    vgg = {"vgg": {"weights": "random"}}
    method = make_method(tiny_config(name, tmp_path, method={"l1_weight": 10.0, "registration_weight": 1.0, **SMALL, **keys, **vgg}))
    outputs = method.translate(batch)

    def losses() -> dict[str, Tensor]:
        return {term: loss for player in method.players for term, loss in method.losses(player, batch, outputs).items()}

    before = losses()
    method.networks["registration"] = Right()
    after = losses()
    changed = {term for term, loss in before.items() if not torch.equal(loss, after[term])}
    compared = {"l1", "perceptual"} | ({"feature_matching"} if name == "pix2pixhd" else set())
    assert changed == {"discriminator_fake", "adversarial", "smoothness"} | compared
    assert before.keys() - changed == {"discriminator_real", "style", "tv"}


def test_feature_matching_sees_the_translation_at_the_places_of_the_truth(tmp_path: Path) -> None:
    """A translation that is the truth, moved by a pixel, has the features of the truth once it is moved back."""
    [batch] = micro_batches(0, 2)
    moved = warp(batch.b, torch.tensor([-1.0, 0.0])[None, :, None, None].expand(2, 2, SIZE, SIZE))
    distances = []
    for keys in ({}, {"registration_weight": 1.0, **SMALL}):
        method: Any = make_method(tiny_config("pix2pixhd", tmp_path, method=keys))
        if keys:
            method.networks["registration"] = Right()
        outputs = {**method.translate(batch), "fake": moved}
        generator = next(player for player in method.players if player.translates)
        distances.append(method.losses(generator, batch, outputs)["feature_matching"].item())
    plain, registered = distances
    assert registered < 0.3 * plain  # the last column has no pixel to its right


@each_method
def test_every_parameter_of_the_network_learns_from_the_second_step_on(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(tiny_config(name, tmp_path, method={"l1_weight": 10.0, "registration_weight": 1.0, **SMALL}))
    before = weights(trainer)
    for step in range(2):
        assert trainer.step(step, micro_batches(step, 2)).losses["smoothness"].isfinite()
    after = weights(trainer)
    still = [key for key, value in before.items() if key.startswith("registration/") and torch.equal(value, after[key])]
    assert still == []


@each_method
def test_the_weight_makes_fields_stiffer(name: str, tmp_path: Path) -> None:
    roughness = []
    for weight in (0.01, 1000.0):
        keys = {"l1_weight": 10.0, "registration_weight": weight, **SMALL}
        trainer = make_trainer(tiny_config(name, tmp_path, method=keys, optim={"lr": 0.01}))
        for step in range(8):
            loss = trainer.step(step, micro_batches(0, 2)).losses["smoothness"]
        roughness.append(loss.item() / weight)
    assert roughness[1] < 0.1 * roughness[0]
