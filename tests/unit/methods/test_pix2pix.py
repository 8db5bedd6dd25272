import math

import pytest
import torch
from torch import Tensor, nn

from gan_style.methods.pix2pix import Pix2Pix, Pix2PixConfig
from gan_style.networks.discriminators.patchgan import PatchConfig
from gan_style.networks.generators.resnet import ResnetConfig
from gan_style.types import Batch, Task


class Constant(nn.Module):
    """A network that answers with one value at the input's size."""

    def __init__(self, value: float, channels: int) -> None:
        super().__init__()
        self.value, self.channels = nn.Parameter(torch.tensor(value)), channels
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.value.expand(x.shape[0], self.channels, *x.shape[2:])


def method_of_constants(**keys: object) -> Pix2Pix:
    small = {
        "generator": ResnetConfig(base_channels=1, num_blocks=0),
        "discriminator": PatchConfig(base_channels=1, num_layers=1),
    }
    method = Pix2Pix(Pix2PixConfig.model_validate({"name": "pix2pix", **small, **keys}), Task(channels_a=1, channels_b=2))
    method.networks = {"generator": Constant(0.25, 2), "discriminator": Constant(0.5, 1)}
    return method


BATCH = Batch.of_two(torch.zeros(1, 1, 4, 4), torch.ones(1, 2, 4, 4), ("a",), ("b",), (0,), (0,))


def test_losses_are_the_papers_arithmetic() -> None:
    method = method_of_constants(l1_weight=100)
    outputs = method.translate(BATCH)
    discriminator, generator = method.players
    sigmoid = 1 / (1 + math.exp(-0.5))
    judged = {name: loss.item() for name, loss in method.losses(discriminator, BATCH, outputs).items()}
    assert judged == pytest.approx(
        {"discriminator_fake": -0.5 * math.log(1 - sigmoid), "discriminator_real": -0.5 * math.log(sigmoid)}, rel=1e-5
    )
    learned = {name: loss.item() for name, loss in method.losses(generator, BATCH, outputs).items()}
    assert learned == pytest.approx({"adversarial": -math.log(sigmoid), "l1": 75.0}, rel=1e-5)


def test_least_squares_instead() -> None:
    method = method_of_constants(adversarial="lsgan")
    judged = method.losses(method.players[0], BATCH, method.translate(BATCH))
    assert {name: loss.item() for name, loss in judged.items()} == pytest.approx({"discriminator_fake": 0.125, "discriminator_real": 0.125})


def test_the_discriminator_sees_the_input_beside_both_outputs() -> None:
    method = method_of_constants()
    method.losses(method.players[0], BATCH, method.translate(BATCH))
    (seen,) = method.networks["discriminator"].seen  # type: ignore[union-attr]
    fake, real = seen
    assert torch.equal(fake, torch.cat([torch.zeros(1, 4, 4), torch.full((2, 4, 4), 0.25)]))
    assert torch.equal(real, torch.cat([torch.zeros(1, 4, 4), torch.ones(2, 4, 4)]))


def test_b2a_swaps_the_domains() -> None:
    config = Pix2PixConfig.model_validate({"name": "pix2pix", "direction": "b2a", "generator": {"base_channels": 1}})
    method = Pix2Pix(config, Task(channels_a=1, channels_b=2))
    assert method.translators == {"b2a": "generator"}
    assert method.translate(BATCH)["fake"].shape == (1, 1, 4, 4)
