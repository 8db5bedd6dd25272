"""Activation checkpointing changes memory and time, and nothing else."""

from unittest.mock import patch

import pytest
import torch
from tiny_networks import tiny_network
from torch import nn

from gan_style.config.network import having_key
from gan_style.networks import GENERATORS, configs
from gan_style.networks.layers.recomputation import stage_runner

CHECKPOINTING = having_key(configs(GENERATORS), "activation_checkpointing")
SMALL = {"in_channels": 3, "out_channels": 2, "base_channels": 4, "num_blocks": 2, "num_downs": 2}


@pytest.mark.parametrize("name", CHECKPOINTING)
def test_a_spectral_norm_is_recomputed_as_it_was(name: str) -> None:
    """Two forwards before a backward; the singular vectors stay where they are."""
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = tiny_network(GENERATORS, name, **SMALL, init_gain=0.2, spectral_norm=True, activation_checkpointing=recompute)
        x, y = torch.rand(2, 1, 3, 16, 16)
        (network(x) - network(y)).square().mean().backward()
        gradients = {key: parameter.grad for key, parameter in network.named_parameters() if parameter.grad is not None}
        found.append(gradients | dict(network.named_buffers()))
    assert any(key.endswith(".u") for key in found[0])
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


def test_without_gradients_nothing_is_prepared() -> None:
    with patch("gan_style.networks.layers.recomputation.checkpoint") as checkpoint, torch.no_grad():
        assert stage_runner(True)(nn.Identity(), torch.ones(1)).item() == 1
    checkpoint.assert_not_called()


def test_less_is_kept_for_the_backward() -> None:
    kept: dict[bool, int] = {}
    for recompute in (False, True):
        network = tiny_network(GENERATORS, "global", **SMALL, activation_checkpointing=recompute)
        seen: dict[int, int] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, seen=seen: seen.__setitem__(tensor.data_ptr(), tensor.numel()) or tensor, lambda tensor: tensor
        ):
            network(torch.rand(1, 3, 64, 64))
        kept[recompute] = sum(seen.values())
    assert kept[True] < 0.7 * kept[False]


def test_a_network_in_evaluation_keeps_its_statistics() -> None:
    """There they are read, not moved, and the repetition must read them too."""
    torch.manual_seed(0)
    stage = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)).eval()
    x = torch.rand(2, 2, 3, 3)
    gradients = []
    for recompute in (False, True):
        stage.zero_grad()
        stage_runner(recompute)(stage, x).square().sum().backward()
        gradients.append(stage[0].weight.grad.clone())
    assert torch.equal(*gradients)
