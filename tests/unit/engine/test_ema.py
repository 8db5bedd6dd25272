import pytest
import torch
from torch import nn

from gan_style.engine.ema import EMA


def test_shadow_is_the_moving_average_and_counts_are_copied() -> None:
    network = nn.BatchNorm2d(1)
    ema = EMA({"net": network}, decay=0.75)
    with torch.no_grad():
        network.weight.fill_(5.0)  # from 1
        network.num_batches_tracked.fill_(7)
    ema.update()
    assert ema.shadows["net"]["weight"].item() == 0.75 * 1 + 0.25 * 5
    assert ema.shadows["net"]["num_batches_tracked"].item() == 7
    ema.update()
    assert ema.shadows["net"]["weight"].item() == 0.75 * 2 + 0.25 * 5


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
    average.update(20)
    assert average.shadows["net"]["weight"].item() == pytest.approx(3.0 + 0.5**0.5 * (start - 3.0), rel=1e-6)


def test_shadows_are_restored_by_name() -> None:
    network = nn.Linear(2, 1)
    ema = EMA({"net": network}, decay=0.5)
    saved = {"net": {key: torch.full_like(value, 3.0) for key, value in network.state_dict().items()}}
    ema.load(saved)
    assert all(torch.equal(ema.shadows["net"][key], saved["net"][key]) for key in saved["net"])
    assert not torch.equal(network.weight, saved["net"]["weight"])
