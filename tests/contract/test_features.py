"""What every generator with a readable encoder promises (`FeatureGenerator`), for each that the registry holds."""

from typing import Any

import pytest
import torch
from tiny_networks import tiny_network
from torch import nn

from gan_style.networks import GENERATORS
from gan_style.networks.features import FeatureGenerator
from gan_style.networks.layers.patches import draw_positions

SIZE = (16, 24)
READABLE = [name for name, kind in GENERATORS.items() if issubclass(kind, FeatureGenerator)]
each_generator = pytest.mark.parametrize("name", READABLE)


def generator(name: str, norm: str = "none") -> Any:
    torch.manual_seed(0)
    return tiny_network(
        GENERATORS, name, in_channels=3, out_channels=3, base_channels=4, num_blocks=2, num_downs=2, norm=norm, init_gain=0.2
    )


@each_generator
def test_features_have_the_shapes_of_their_stages_and_come_with_the_translation(name: str) -> None:
    network, x = generator(name), torch.rand(2, 3, *SIZE) * 2 - 1
    stages = network.feature_stages()
    positions = draw_positions({stage: each.stride for stage, each in stages.items()}, *SIZE, count=5, seeds=[1, 2])
    found = network(x, positions)
    assert list(found) == ["translation", *stages]
    assert torch.equal(found["translation"], network(x))
    for stage, each in stages.items():
        assert found[stage].shape == (2, min(5, -(-SIZE[0] // each.stride) * -(-SIZE[1] // each.stride)), each.channels)
    for stage, features in network(x, positions, decode=False).items():
        assert torch.equal(features, found[stage])


@each_generator
def test_a_feature_belongs_to_its_position(name: str) -> None:
    """The same positions in another order give the same features in that order."""
    network, x = generator(name), torch.rand(1, 3, *SIZE)
    positions = draw_positions({stage: each.stride for stage, each in network.feature_stages().items()}, *SIZE, count=6, seeds=[1])
    order = [3, 0, 5, 1, 4, 2]
    found = network(x, positions, decode=False)
    for stage, features in network(x, {stage: at[:, order] for stage, at in positions.items()}, decode=False).items():
        assert torch.equal(features, found[stage][:, order])
        assert len(features[0].unique(dim=0)) > 1


@each_generator
def test_each_deeper_stage_runs_more_layers_and_a_translation_the_most(name: str) -> None:
    network, x = generator(name), torch.rand(1, 3, *SIZE)
    ran = [0]
    for module in network.modules():
        if not list(module.children()) and not isinstance(module, nn.Identity):
            module.register_forward_pre_hook(lambda *_: ran.__setitem__(0, ran[0] + 1))
    counts = []
    for stage, each in network.feature_stages().items():
        ran[0] = 0
        assert list(network(x, draw_positions({stage: each.stride}, *SIZE, 3, [1]), decode=False)) == [stage]
        counts.append(ran[0])
    ran[0] = 0
    network(x)
    assert sorted(set(counts)) == counts and counts[-1] < ran[0]
