"""Activation checkpointing changes memory and time, and nothing else."""

from typing import get_args
from unittest.mock import patch

import pytest
import torch
from tiny_networks import tiny_network
from torch import Tensor, nn

from gan_style.config.network import having_key
from gan_style.networks import GENERATORS, configs
from gan_style.networks.keys import NormName
from gan_style.networks.layers.recomputation import stage_runner

CHECKPOINTING = having_key(configs(GENERATORS), "activation_checkpointing")
SMALL = {"in_channels": 3, "out_channels": 2, "base_channels": 4, "num_blocks": 2, "num_downs": 2}


def trained(name: str, recompute: bool, norm: str) -> tuple[dict[str, Tensor], list[int]]:
    """Everything that two backwards with dropout leave behind, and how often each residual stage ran."""
    torch.manual_seed(0)
    network = tiny_network(GENERATORS, name, **SMALL, norm=norm, dropout=True, init_gain=0.2, activation_checkpointing=recompute)
    runs = [0]
    for module in network.modules():
        if type(module).__name__ in ("ResidualBlock", "SpadeConvolution"):
            module.register_forward_pre_hook(lambda *_: runs.__setitem__(0, runs[0] + 1))
    torch.manual_seed(1)
    x = torch.rand(2, 3, 16, 24, requires_grad=True)
    for _ in range(2):
        y = network(x)
        torch.randn(3)  # what else draws between a forward and its backward
        y.square().mean().backward()
    assert x.grad is not None
    found = {"output": y.detach(), "input": x.grad, "after": torch.rand(3)}
    found |= {name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None}
    return found | dict(network.named_buffers()), runs


@pytest.mark.parametrize("norm", get_args(NormName))
@pytest.mark.parametrize("name", CHECKPOINTING)
def test_the_same_bits_whatever_is_recomputed(name: str, norm: str) -> None:
    """Output, gradients, running statistics and the random state, with dropout."""
    kept, ran = trained(name, False, norm)
    recomputed, ran_again = trained(name, True, norm)
    assert ran[0] > 0 and ran_again[0] == 2 * ran[0], "nothing was recomputed"
    assert kept.keys() == recomputed.keys()
    for key, value in kept.items():
        assert torch.equal(value, recomputed[key]), key


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


def test_these_generators_have_it() -> None:
    assert set(CHECKPOINTING) == {"resnet", "global", "coarse-to-fine", "spade"}


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
