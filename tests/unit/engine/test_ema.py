import pytest
import torch
from torch import nn

from gan_style.engine.ema import EMA
from gan_style.networks.layers.spectral import advance, normalise_spectrally, spectral_norms

MOVED = torch.zeros(())


def test_shadow_is_the_moving_average_and_counts_are_copied() -> None:
    network = nn.BatchNorm2d(1)
    ema = EMA({"net": network}, decay=0.75)
    with torch.no_grad():
        network.weight.fill_(5.0)  # from 1
        network.num_batches_tracked.fill_(7)
    ema.update(1, MOVED)
    assert ema.shadows["net"]["weight"].item() == 0.75 * 1 + 0.25 * 5
    assert ema.shadows["net"]["num_batches_tracked"].item() == 7
    ema.update(1, MOVED)
    assert ema.shadows["net"]["weight"].item() == 0.75 * 2 + 0.25 * 5
    before = {key: value.clone() for key, value in ema.shadows["net"].items()}
    ema.update(3, torch.ones(()))  # a step in which nothing moved
    assert all(torch.equal(value, before[key]) for key, value in ema.shadows["net"].items())


def test_warm_up_bounds_the_half_life() -> None:
    """After n steps the half-life is at most a tenth of n, until the decay's own of ln 2 / -ln 0.99 = 69 steps is reached."""
    ema = EMA({"net": nn.Linear(1, 1)}, decay=0.99, warmup=0.1)
    assert [ema.decay_after(steps) for steps in (1, 10, 100, 689, 690, 10000)] == pytest.approx(
        [0.5**10, 0.5, 0.5**0.1, 0.5 ** (1 / 68.9), 0.99, 0.99], rel=1e-12
    )
    assert EMA({}, decay=0.99).decay_after(1) == 0.99
    network = nn.Linear(1, 1, bias=False)
    average = EMA({"net": network}, decay=0.99, warmup=0.1)
    start = average.shadows["net"]["weight"].item()
    with torch.no_grad():
        network.weight.fill_(3.0)
    average.update(20, MOVED)
    assert average.shadows["net"]["weight"].item() == pytest.approx(3.0 + 0.5**0.5 * (start - 3.0), rel=1e-6)


def test_shadows_are_restored_by_name() -> None:
    network = nn.Linear(2, 1)
    ema = EMA({"net": network}, decay=0.5)
    saved = {"net": {key: torch.full_like(value, 3.0) for key, value in network.state_dict().items()}}
    ema.load(saved)
    assert all(torch.equal(ema.shadows["net"][key], saved["net"][key]) for key in saved["net"])
    assert not torch.equal(network.weight, saved["net"]["weight"])


def test_singular_vectors_are_taken_over_and_not_averaged() -> None:
    """A mean of unit vectors is shorter than 1, and sigma = u^T W v by it too small: the served network would be another one."""
    torch.manual_seed(0)
    network = normalise_spectrally(nn.Sequential(nn.Conv2d(8, 8, 3)))
    ema = EMA({"net": network}, decay=0.9)
    weight = network.get_parameter("0.parametrizations.weight.original")
    for _ in range(50):
        with torch.no_grad():
            weight += 0.02 * torch.randn_like(weight)
        advance(spectral_norms(network))
        ema.update(1, MOVED)
    served = normalise_spectrally(nn.Sequential(nn.Conv2d(8, 8, 3))).eval()
    served.load_state_dict(ema.shadows["net"])
    assert torch.linalg.matrix_norm(served[0].weight.flatten(1), ord=2).item() == pytest.approx(1.0, abs=0.05)
