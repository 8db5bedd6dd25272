import math
from typing import get_args

import pytest
import torch
from torch import nn

from gan_style.config.network import Init
from gan_style.networks.layers.init import INITS, init_weights

FAN_IN, FAN_OUT = 64 * 9, 128 * 9


def drawn(init: str, gain: float) -> torch.Tensor:
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, 3)
    nn.init.ones_(conv.bias)  # type: ignore[arg-type]
    init_weights(nn.Sequential(conv), init, gain)
    assert conv.bias is not None and not conv.bias.any()
    return conv.weight.detach()


@pytest.mark.parametrize(
    ("init", "gain", "deviation"),
    [
        ("normal", 0.02, 0.02),
        ("normal", 0.5, 0.5),
        ("xavier", 0.02, 0.02 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("xavier", 1.0, math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("kaiming", 0.02, math.sqrt(2 / FAN_IN)),
        ("orthogonal", 0.02, 0.02 / math.sqrt(FAN_IN)),
    ],
)
def test_moments_of_convolutions(init: str, gain: float, deviation: float) -> None:
    weight = drawn(init, gain)
    assert weight.mean().abs() < 0.02 * deviation
    assert weight.std().item() == pytest.approx(deviation, rel=0.02)


def test_orthogonal_rows() -> None:
    rows = drawn("orthogonal", 0.5).flatten(1)
    torch.testing.assert_close(rows @ rows.T, 0.25 * torch.eye(128), rtol=0, atol=1e-5)


def test_batch_normalisation() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(10000)
    nn.init.ones_(norm.bias)
    init_weights(norm, "kaiming", 0.02)
    assert norm.weight.mean().item() == pytest.approx(1, abs=1e-3)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not norm.bias.any()


def test_deconvolutions_too_and_from_the_global_generator() -> None:
    deconvolution = nn.ConvTranspose2d(8, 8, 3)
    torch.manual_seed(3)
    init_weights(deconvolution, "normal", 10.0)
    first = deconvolution.weight.clone()
    assert first.std() > 5
    torch.manual_seed(3)
    init_weights(deconvolution, "normal", 10.0)
    assert torch.equal(first, deconvolution.weight)


def test_every_init_of_the_schema_is_here() -> None:
    assert set(get_args(Init)) == set(INITS)
