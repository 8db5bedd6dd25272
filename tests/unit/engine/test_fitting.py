"""Weights of one network laid over another: channels of images, singular vectors, types of numbers."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_style.engine.beginning.fitting import fit, lay_over, with_channels
from gan_style.networks.layers.spectral import normalise_spectrally, spectral_norms


def inputs(weight: Tensor, channels: int) -> Tensor:
    widened = with_channels(weight, torch.Size((weight.shape[0], channels, *weight.shape[2:])))
    assert widened is not None
    return widened


def test_gray_and_alpha_keep_the_function() -> None:
    gray, alpha = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    of_gray, of_colour = torch.rand(5, 1, 3, 3), torch.rand(5, 3, 3, 3)
    colour = gray.expand(-1, 3, -1, -1)
    conv = torch.nn.functional.conv2d
    close: Any = torch.testing.assert_close
    close(conv(colour, inputs(of_gray, 3)), conv(gray, of_gray))
    close(conv(gray, inputs(of_colour, 1)), conv(colour, of_colour))
    close(conv(torch.cat([gray, alpha], 1), inputs(of_gray, 2)), conv(gray, of_gray))
    close(conv(torch.cat([colour, alpha], 1), inputs(of_gray, 4)), conv(gray, of_gray))
    both = torch.rand(5, 4, 3, 3)
    close(conv(torch.cat([gray, alpha], 1), inputs(both, 2)), conv(torch.cat([colour, alpha], 1), both))


@pytest.mark.parametrize(("before", "after"), [(4, 3), (2, 1), (2, 3), (4, 1), (20, 3)])
def test_what_no_function_keeps_does_not_fit(before: int, after: int) -> None:
    assert with_channels(torch.rand(5, before, 3, 3), torch.Size((5, after, 3, 3))) is None


def test_singular_vectors_follow_weights_of_other_origin() -> None:
    def network(channels: int) -> nn.Module:
        return normalise_spectrally(nn.Sequential(nn.Conv2d(channels, 6, 3), nn.Conv2d(6, 2, 3)))

    old, new = network(3), network(4)
    found = fit(new, old.state_dict(), channels=4)
    assert found.exact and found.widened == ["0.parametrizations.weight.original for 4 instead of 3 channels"]
    lay_over(new, found)
    for norm, weight in spectral_norms(new):
        matrix = norm(weight).flatten(1)
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.02)
    same = network(3)
    lay_over(same, fit(same, old.state_dict(), channels=3))
    assert all(torch.equal(value, same.state_dict()[key]) for key, value in old.state_dict().items())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_taken_and_other_types_are_not(kind: torch.dtype) -> None:
    network = nn.Conv2d(3, 2, 3)
    lay_over(network, fit(network, {key: value.to(kind) for key, value in network.state_dict().items()}, 3))
    assert network.weight.dtype == torch.float32
    found = fit(network, {key: value.to(torch.int64) for key, value in network.state_dict().items()}, 3)
    assert found.unfit == ["weight is int64", "bias is int64"]
