"""Networks with fixed statistics."""

import pytest
import torch
from regions import part_of, planned
from torch import nn

from gan_style.errors import UserError
from gan_style.networks import per_image_statistics
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.networks.generators.unet import UnetConfig, UnetGenerator
from gan_style.tiling.executor import Executor
from gan_style.tiling.frozen import with_fixed_statistics
from gan_style.tiling.scratch import Scratch
from gan_style.tiling.statistics import Moments, merged


def statistics(network: nn.Module, image: torch.Tensor) -> list[Moments]:
    executor = Executor(planned(network, [image], 64), [part_of(image)], lambda region, values: None, Scratch(None), torch.device("cpu"))
    executor.run()
    return [merged(executor.moments[node]) for node in executor.graph.statistics]


def resnet() -> nn.Module:
    torch.manual_seed(0)
    return ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2)).double().eval().requires_grad_(False)


def unet() -> nn.Module:
    torch.manual_seed(0)
    network = UnetGenerator(3, 3, UnetConfig(base_channels=4, num_downs=4, norm="batch")).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return per_image_statistics(network.eval().requires_grad_(False))


@pytest.mark.parametrize("network", [resnet(), unet()], ids=["resnet", "unet"])
def test_with_its_own_statistics_a_picture_has_its_own_result(network: nn.Module) -> None:
    image = torch.rand(1, 3, 64, 80, dtype=torch.float64) * 2 - 1
    fixed = with_fixed_statistics(network, statistics(network, image), image)
    torch.testing.assert_close(fixed(image), network(image), rtol=0, atol=1e-10)
    other = torch.rand(1, 3, 64, 80, dtype=torch.float64) - 1
    assert (fixed(other) - network(other)).abs().max() > 1e-3


def test_tiles_agree() -> None:
    network = resnet()
    image = torch.rand(1, 3, 240, 160, dtype=torch.float64) * 2 - 1
    fixed = with_fixed_statistics(network, statistics(network, image), image[..., :32, :32])
    whole, tile = fixed(image), fixed(image[:, :, :200])
    torch.testing.assert_close(tile[:, :, :120], whole[:, :, :120], rtol=0, atol=1e-12)
    assert (network(image[:, :, :200])[:, :, :120] - network(image)[:, :, :120]).abs().max() > 1e-3


def test_statistics_of_another_network_are_refused() -> None:
    image = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    with pytest.raises(UserError, match="has 9 normalisations, and there are statistics of 8"):
        with_fixed_statistics(resnet(), statistics(resnet(), image)[:-1], image)


def test_what_cannot_be_fixed_is_named() -> None:
    with pytest.raises(UserError, match=r"0 \(GroupNorm\) cannot be fixed"):
        with_fixed_statistics(nn.Sequential(nn.GroupNorm(1, 3)), [], torch.rand(1, 3, 4, 4))
