"""`method.vgg.normalised`: the factors come from the first training images, and from then on out of the checkpoint."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_style.methods.fixed_vgg import KEY, VGGConfig, normalise
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.types import Batch, Kept, Task

WANTED = VGGConfig(name="vgg16", weights="random", normalised=True)


def samples() -> Iterator[Batch]:
    number = 0
    while True:
        a, b = (torch.rand(1, channels, 16, 16, generator=torch.Generator().manual_seed(number)) * 2 - 1 for channels in (1, 3))
        yield Batch.of_two(a, b, ("a",), ("b",), (0,), (number,))
        number += 1


def first_filters(config: VGGConfig, kept: Kept, domain: str = "b") -> Tensor:
    vgg = normalise(VGGFeatures("vgg16", ["relu1_1"], "random"), config, Task(kept=kept, samples=samples), domain)
    return vgg.convolutions["conv1_1"].weight


def test_the_factors_are_measured_once_and_kept() -> None:
    begun, plain = Kept(), VGGFeatures("vgg16", ["relu1_1"], "random").convolutions["conv1_1"].weight
    weights = first_filters(WANTED, begun)
    torch.testing.assert_close(weights * begun.now[KEY]["conv1_1"].view(-1, 1, 1, 1), plain)

    resumed = Kept(begun.now)
    again = normalise(VGGFeatures("vgg16", ["relu1_1"], "random"), WANTED, Task(kept=resumed), "b")  # without samples
    torch.testing.assert_close(again.convolutions["conv1_1"].weight, weights, rtol=0, atol=0)
    assert resumed.now.keys() == begun.now.keys()


def test_images_of_the_named_domain_are_measured() -> None:
    a, b = Kept(), Kept()
    first_filters(WANTED, a, "a")
    first_filters(WANTED, b, "b")
    assert not torch.equal(a.now[KEY]["conv1_1"], b.now[KEY]["conv1_1"])


def test_without_the_key_and_in_runs_older_than_it_the_filters_stay() -> None:
    plain = VGGFeatures("vgg16", ["relu1_1"], "random").convolutions["conv1_1"].weight
    for config, kept in ((VGGConfig(weights="random"), Kept()), (WANTED, Kept({"method.styles.waves": 1}))):
        torch.testing.assert_close(first_filters(config, kept), plain, rtol=0, atol=0)
        assert KEY not in kept.now
