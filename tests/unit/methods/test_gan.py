"""The minimax game by hand, and noise that is a function of the sample's number."""

import math
from pathlib import Path

import pytest
import torch
from tiny import make_trainer, micro_batches, tiny_config

from gan_style.errors import UserError
from gan_style.methods.gan import GAN


@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_the_losses_by_hand(objective: str, tmp_path: Path) -> None:
    method = make_trainer(tiny_config("gan", tmp_path, method={"objective": objective})).method
    assert isinstance(method, GAN)
    method.networks = {
        "discriminator": torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), _Mean())
    }  # the mean is the score
    batch = micro_batches(0, 2)[0]
    batch = batch.with_images(a=torch.full((2, 3, 4, 4), 0.3))
    fake = torch.full((2, 3, 4, 4), -0.2)
    d = {score: 1 / (1 + math.exp(-score)) for score in (0.3, -0.2)}
    discriminator, generator = method.players
    on = method.losses(discriminator, batch, {"fake": fake})
    assert on["discriminator_real"].item() == pytest.approx(-math.log(d[0.3]), rel=1e-5)
    assert on["discriminator_fake"].item() == pytest.approx(-math.log(1 - d[-0.2]), rel=1e-5)
    (term,) = method.losses(generator, batch, {"fake": fake}).values()
    assert term.item() == pytest.approx(math.log(1 - d[-0.2]) if objective == "minimax" else -math.log(d[-0.2]), rel=1e-5)


class _Mean(torch.nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.mean(dim=1, keepdim=True)


@pytest.mark.parametrize("name", ["dcgan", "mlp"])
@pytest.mark.parametrize("size", [8, 32])
def test_both_kinds_make_images_of_their_size(name: str, size: int, tmp_path: Path) -> None:
    method = {"size": size, "generator": {"name": name, "base_channels": 4}, "discriminator": {"name": name, "base_channels": 4}}
    trainer = make_trainer(tiny_config("gan", tmp_path, method=method, data={"crop_size": size, "load_size": size}))
    batch = micro_batches(0, 2)[0]
    fake = trainer.method.translate(batch)["fake"]
    assert fake.shape == (2, 3, size, size)
    assert fake.abs().max() <= 1
    assert trainer.method.networks["discriminator"](fake).shape == (2, 1)


def test_wrong_sizes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"method\.size is 32, but data\.crop_size 16"):
        make_trainer(tiny_config("gan", tmp_path, method={"size": 32}))
    with pytest.raises(UserError, match=r"8, 16, 32, 64, \.\.\. pixels, not 24"):
        make_trainer(tiny_config("gan", tmp_path, method={"size": 24}, data={"crop_size": 24, "load_size": 24}))
