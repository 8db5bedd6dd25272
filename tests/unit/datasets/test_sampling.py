"""The order of samples: a permutation an epoch, a function of the seed, the same for every way of sharing a batch."""

import numpy as np
import pytest

from gan_style.datasets.sampling import SlotSampler, locate, permutation, slots_of
from gan_style.errors import UserError


def test_an_epoch_is_a_permutation_and_epochs_differ() -> None:
    orders = [[locate(3, "pair", epoch * 50 + n, 50) for n in range(50)] for epoch in range(3)]
    for epoch, order in enumerate(orders):
        assert {each for each, _ in order} == {epoch}
        assert sorted(index for _, index in order) == list(range(50))
    assert orders[0] != [(0, index) for _, index in orders[1]]
    assert not np.array_equal(permutation(3, "a", 0, 50), permutation(3, "b", 0, 50))
    assert not np.array_equal(permutation(3, "a", 0, 50), permutation(4, "a", 0, 50))


def test_the_order_never_changes_between_versions() -> None:
    """A run is resumed years later: these numbers are the contract."""
    assert permutation(0, "pair", 0, 8).tolist() == [0, 1, 7, 2, 5, 6, 4, 3]


@pytest.mark.parametrize(("world_size", "accumulate"), [(1, 1), (2, 1), (1, 4), (2, 3), (3, 2), (12, 1)])
def test_every_way_of_sharing_a_batch_covers_it(world_size: int, accumulate: int) -> None:
    whole = [sample for batch in SlotSampler(5, 8, 12, 0, 1, 1) for sample in batch]
    assert whole == [(step * 12 + slot, slot) for step in (5, 6, 7) for slot in range(12)]
    samplers = [SlotSampler(5, 8, 12, rank, world_size, accumulate) for rank in range(world_size)]
    lists = [list(sampler) for sampler in samplers]
    assert all(len(each) == len(sampler) == 3 * accumulate for each, sampler in zip(lists, samplers, strict=True))
    for step in range(3):
        shared = [sample for micro in range(accumulate) for rank in range(world_size) for sample in lists[rank][step * accumulate + micro]]
        assert shared == whole[step * 12 : (step + 1) * 12], "in order of slots, each once"


def test_slots_of_a_process() -> None:
    assert slots_of(8, 1, 2, 2) == [2, 3, 6, 7]
    assert slots_of(1, 0, 1, 1) == [0]


def test_a_batch_that_does_not_divide_is_refused_with_sizes_that_do() -> None:
    with pytest.raises(UserError, match=r"train\.batch_size 6 .*4 process.* set it to 4 or 8"):
        slots_of(6, 0, 4, 1)
    with pytest.raises(UserError, match=r"set it to 6$"):
        slots_of(1, 0, 2, 3)
