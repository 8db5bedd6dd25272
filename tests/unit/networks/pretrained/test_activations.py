"""Normalised filters: a mean activation of 1, and the same features but for a factor of each channel (1508.06576, section 2)."""

import pytest
import torch
from torch import Tensor

from gan_style.networks.pretrained.activations import mean_activations, normalise_activations
from gan_style.networks.pretrained.vgg import VGGFeatures

LAYERS = ["relu1_2", "pool1", "relu2_1", "relu3_1"]


def drawn(count: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(size)
    return torch.rand(count, 3, size, size, generator=generator) * 2 - 1


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_a_normalised_filter_has_a_mean_activation_of_1_and_tells_the_same(pooling: str) -> None:
    plain, scaled = (VGGFeatures("vgg16", LAYERS, "random", pooling) for _ in range(2))
    images = drawn(3, 32)
    means = mean_activations(scaled, images.split(1))
    normalise_activations(scaled, means)
    before, after = plain(images), scaled(images)
    for layer in ("relu1_2", "relu2_1", "relu3_1"):
        found = before[layer].mean(dim=(0, 2, 3))
        alive = means[layer.replace("relu", "conv")] > 0.501 * found.mean()
        torch.testing.assert_close(after[layer].mean(dim=(0, 2, 3))[alive], torch.ones(int(alive.sum())))
        assert alive.sum() > 0.25 * len(alive) and after[layer].mean(dim=(0, 2, 3))[~alive].lt(1).all()
        factors = means[layer.replace("relu", "conv")].view(1, -1, 1, 1)
        torch.testing.assert_close(after[layer] * factors, before[layer], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after["pool1"] * means["conv1_2"].view(1, -1, 1, 1), before["pool1"], rtol=1e-4, atol=1e-5)


def test_each_image_has_one_weight_whatever_its_size() -> None:
    vgg = VGGFeatures("vgg16", ["relu1_1"], "random")
    small, large = drawn(1, 16), drawn(1, 48)
    alone = [mean_activations(vgg, [image])["conv1_1"] for image in (small, large)]
    both = mean_activations(vgg, [small, large])["conv1_1"]
    free = (alone[0] > alone[0].min()) & (alone[1] > alone[1].min()) & (both > both.min())  # above the least that counts
    assert free.sum() > 32
    torch.testing.assert_close(both[free], ((alone[0] + alone[1]) / 2)[free])


def test_a_filter_that_nothing_activates_gets_half_of_the_mean_of_its_layer() -> None:
    vgg = VGGFeatures("vgg16", ["relu1_1"], "random")
    bias = vgg.convolutions["conv1_1"].bias
    assert isinstance(bias, Tensor)
    bias[7] = -1e6
    means = mean_activations(vgg, [drawn(1, 16)])["conv1_1"]
    others = torch.cat([means[:7], means[8:]])
    assert means[7] == means.min() and means[7] < others.mean()
