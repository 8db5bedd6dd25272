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


def test_shadows_are_restored_by_name() -> None:
    network = nn.Linear(2, 1)
    ema = EMA({"net": network}, decay=0.5)
    saved = {"net": {key: torch.full_like(value, 3.0) for key, value in network.state_dict().items()}}
    ema.load(saved)
    assert all(torch.equal(ema.shadows["net"][key], saved["net"][key]) for key in saved["net"])
    assert not torch.equal(network.weight, saved["net"]["weight"])
