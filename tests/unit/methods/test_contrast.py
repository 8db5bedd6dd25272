"""The patches that contrastive methods share: which are drawn, what is kept of them, and what is told by what."""

from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from gan_style.methods.contrast import Contrast
from gan_style.methods.cut import CUTConfig
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.types import Batch

LAYERS = ("down1", "block1")


def shared(**keys: object) -> Contrast:
    generator = ResnetGenerator(3, 3, ResnetConfig(base_channels=2, num_blocks=1))
    return Contrast(CUTConfig.model_validate({"num_patches": 4, **keys}), 7, generator, LAYERS)


def batch(*numbers: int) -> Batch:
    images, keys = torch.zeros(len(numbers), 3, 16, 16), ("",) * len(numbers)
    return Batch.of_two(images, images, keys, keys, tuple(range(len(numbers))), numbers)


def test_patches_belong_to_the_sample_and_the_purpose() -> None:
    contrast = shared()
    together, alone = (contrast.draw("fake", each.a, each) for each in (batch(3, 8), batch(8)))
    assert list(together) == list(LAYERS)
    for layer in LAYERS:
        assert together[layer].shape == (2, 4, 2)
        assert torch.equal(together[layer][1:], alone[layer])
    assert not torch.equal(alone["down1"], contrast.draw("identity", batch(8).a, batch(8))["down1"])


def test_what_is_kept_is_cut_from_the_graph() -> None:
    contrast = shared()
    keys = {layer: torch.ones(1, 4, 2, requires_grad=True) for layer in LAYERS}
    places = contrast.draw("fake", batch(0).a, batch(0))
    outputs = contrast.kept("fake", keys, places)
    assert not any(value.requires_grad for value in outputs.values())
    assert all(torch.equal(contrast.places("fake", outputs)[layer], places[layer]) for layer in LAYERS)


class Scaled(nn.Module):
    """Heads that multiply."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, patches: dict[str, Tensor]) -> dict[str, Tensor]:
        return {layer: self.factor * values for layer, values in patches.items()}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_loss_is_the_mean_over_layers_and_patches(temperature: float) -> None:
    """Two patches along the axes: in `down1` each is told by its source, in `block1` by the other's."""
    contrast = shared(temperature=temperature)
    axes = torch.eye(2)[None]
    places = {layer: torch.zeros(1, 2, 2, dtype=torch.int64) for layer in LAYERS}
    outputs = contrast.kept("fake", dict.fromkeys(LAYERS, axes), places)
    heads, heads_of_source = Scaled(2.0), Scaled(3.0)
    loss = contrast.loss("fake", outputs, {"down1": axes, "block1": axes.flip(1)}, heads, heads_of_source)
    logit = 2.0 * 3.0 / temperature
    told, mistaken = log(1 + exp(-logit)), log(1 + exp(logit))
    assert loss.item() == pytest.approx((told + mistaken) / 2, rel=1e-6)
    loss.backward()
    assert heads.factor.grad is not None and heads_of_source.factor.grad is None


def test_only_negatives_of_one_image_divide() -> None:
    assert shared().divisible
    assert not shared(negatives="batch").divisible
