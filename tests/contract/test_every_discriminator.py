"""Every discriminator of the registry: the sizes that it states are true, and a method trains with it as with the others."""

from pathlib import Path
from typing import Any

import games
import pytest
import torch
from sizes import check_the_receptive_field, check_the_smallest_size
from tiny import TINY_NETWORKS, check_division, make_method, make_trainer, micro_batches, tiny_config, weights
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.networks import DISCRIMINATORS, configs

STABILISERS: dict[str, dict[str, Any]] = {
    "none": {},
    "R1": {"r1_weight": 10.0, "r1_every": 2},
    "WGAN-GP": {"adversarial": "wgan", "gradient_penalty_weight": 10.0},
    "spectral": {"adversarial": "hinge", "discriminator": {"spectral_norm": True}},
}
each_discriminator = pytest.mark.parametrize("name", DISCRIMINATORS)


def small(name: str, **keys: Any) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"base_channels": 2, "num_layers": 2, "num_scales": 2}
    return tiny_network(DISCRIMINATORS, name, in_channels=3, norm="none", init_gain=0.2, **{**sizes, **keys})


def cases() -> list[Any]:
    """Each discriminator, and each with another depth, with more scales and with blurred halvings, where it has the key."""
    changes: list[dict[str, Any]] = [{}, {"num_layers": 3}, {"num_scales": 3}, {"antialias": True}]
    kinds = configs(DISCRIMINATORS)
    found = [(name, keys) for keys in changes for name in kinds if keys.keys() <= kinds[name].model_fields.keys()]
    return [pytest.param(name, keys, id="-".join([name, *keys])) for name, keys in found]


@pytest.mark.parametrize(("name", "keys"), cases())
def test_the_receptive_field_is_the_patch_behind_a_score(name: str, keys: dict[str, Any]) -> None:
    check_the_receptive_field(small(name, **keys))


@pytest.mark.parametrize(("name", "keys"), cases())
def test_the_smallest_size_is_the_smallest_with_a_score(name: str, keys: dict[str, Any]) -> None:
    check_the_smallest_size(small(name, **keys))


class Stating(nn.Module):
    """A discriminator of strided convolutions that states these sizes; the right ones are 10 and 4."""

    def __init__(self, receptive_field: int, minimum_size: int) -> None:
        super().__init__()
        self.receptive_field, self.minimum_size = receptive_field, minimum_size
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 4, 2, 1), nn.GroupNorm(1, 2), nn.LeakyReLU(0.2), nn.Conv2d(2, 1, 4, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[2:]) < self.minimum_size:
            raise ValueError("too small")
        return self.layers(x)


def test_a_size_that_is_not_true_is_seen() -> None:
    check_the_receptive_field(Stating(10, 4))
    check_the_smallest_size(Stating(10, 4))
    with pytest.raises(AssertionError, match=r"^receptive_field is 7, but a score depends on 10 x 10 pixels"):
        check_the_receptive_field(Stating(7, 4))
    with pytest.raises(AssertionError, match=r"^minimum_size is 6, but an image of 6 x 5 pixels has a score"):
        check_the_smallest_size(Stating(10, 6))
    with pytest.raises(RuntimeError):
        check_the_smallest_size(Stating(10, 3))


def trained_with(name: str, stabiliser: str, folder: Path, accumulate: int = 1) -> Any:
    """A tiny configuration of pix2pix with this discriminator, without batch normalisation, in float64."""
    changes = STABILISERS[stabiliser]
    discriminator = {**TINY_NETWORKS["discriminator"], "name": name, "norm": "instance", **changes.get("discriminator", {})}
    method = {**changes, "discriminator": discriminator, "generator": {**TINY_NETWORKS["generator"], "norm": "instance"}}
    return tiny_config("pix2pix", folder, {"batch_size": 4, "dtype": "float64", "accumulate": accumulate}, method=method)


@pytest.mark.parametrize("stabiliser", STABILISERS)
@each_discriminator
def test_accumulated_micro_batches_equal_one_batch(name: str, stabiliser: str, tmp_path: Path) -> None:
    results = []
    for accumulate in (1, 2):
        trainer = make_trainer(trained_with(name, stabiliser, tmp_path, accumulate))
        assert trainer.method.divisible
        before = weights(trainer)
        for step in range(3):
            trainer.step(step, micro_batches(step, 4, accumulate))
        results.append(weights(trainer))
    judge = {key for key in before if key.startswith("discriminator/") and not key.endswith(".u")}
    assert any(not torch.equal(before[key], results[0][key]) for key in judge)
    check_division(*results)


@each_discriminator
def test_what_one_side_wins_the_other_loses(name: str, tmp_path: Path) -> None:
    method = make_method(trained_with(name, "none", tmp_path))
    games.check_each_translation_fools_its_judge(method)
    if method.networks["discriminator"].receptive_field == 1:  # a pixel of random images tells nothing
        return
    games.check_the_game_has_two_sides(method)
