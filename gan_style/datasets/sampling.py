"""The order of the training samples: a function of the seed and the sample's number, so that resuming needs no saved state.

Training samples form an endless stream 0, 1, 2, ... Each epoch of the stream is one permutation of the data set. Step s takes the samples
s * batch_size to (s + 1) * batch_size - 1, on any number of processes.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gan_style.errors import UserError
from gan_style.seeding import derive_seed


@lru_cache(maxsize=4)  # this epoch's and the next one's, in two domains
def permutation(seed: int, name: str, epoch: int, length: int) -> np.ndarray:
    """The order of `length` items in epoch `epoch` of the stream `name`: [length] int."""
    # Raw bits: NumPy guarantees that they never change, while its shuffles may change between versions.
    bits = np.random.PCG64(derive_seed(seed, "order", name, epoch)).random_raw(length)
    return np.argsort(bits, kind="stable")


def locate(seed: int, name: str, number: int, length: int) -> tuple[int, int]:
    """(epoch, index in the data set) of sample `number` of the stream `name` over `length` items."""
    epoch, position = divmod(number, length)
    return epoch, int(permutation(seed, name, epoch, length)[position])


def slots_of(batch_size: int, rank: int, world_size: int, accumulate: int) -> list[int]:
    """The slots (positions in the global batch) of one process, micro-batch after micro-batch.

    Micro-batch i of rank r has the slots (i * world_size + r) * m ... + m - 1 with m = batch_size / (world_size * accumulate).
    `UserError` if the global batch does not divide evenly.
    """
    parts = world_size * accumulate
    if batch_size % parts:
        below, above = batch_size // parts * parts, (batch_size // parts + 1) * parts
        fitting = f"{below} or {above}" if below else str(above)
        shared = f"{world_size} process(es) x {accumulate} accumulated micro-batch(es)"
        raise UserError(f"train.batch_size {batch_size} cannot be shared evenly by {shared}: set it to {fitting}")
    size = batch_size // parts
    return [(micro * world_size + rank) * size + place for micro in range(accumulate) for place in range(size)]


class SlotSampler:
    """Yields a list of (sample number, slot) for each micro-batch of rank `rank` in the steps `start_step` to `stop_step` - 1.

    A slot holds the same sample for any number of processes and accumulated micro-batches.
    """

    def __init__(self, start_step: int, stop_step: int, batch_size: int, rank: int, world_size: int, accumulate: int) -> None:
        self.steps = range(start_step, stop_step)
        self.batch_size = batch_size
        self.slots = slots_of(batch_size, rank, world_size, accumulate)
        self.accumulate = accumulate

    def __len__(self) -> int:
        return len(self.steps) * self.accumulate

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        size = len(self.slots) // self.accumulate
        for step in self.steps:
            for first in range(0, len(self.slots), size):
                yield [(step * self.batch_size + slot, slot) for slot in self.slots[first : first + size]]
