"""Agreement of the processes of a run beside tensors: whether to stop, and whose mistake ends the run.

It uses gloo on the CPU, because a collective on the GPU would wait for the GPU. With one process nothing is sent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from gan_style.errors import UserError

T = TypeVar("T")

# The time that processes wait for one that works alone (draws, indexes, downloads, measures). The libraries' 10 to 30 minutes may be too
# short. A process that dies is noticed at once, because its connections close.
PATIENCE = timedelta(days=1)


class Agreement:
    """Collective operations. Every process makes one `Agreement`, and all processes call each method together."""

    def __init__(self) -> None:
        many = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        self._group: Any = dist.new_group(backend="gloo", timeout=PATIENCE) if many else None
        self.main = not many or dist.get_rank() == 0

    def largest(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self._group is None:
            return number
        numbers = torch.tensor(number)
        dist.all_reduce(numbers, dist.ReduceOp.MAX, group=self._group)
        return int(numbers)

    def gathered(self, value: Any) -> list[Any]:
        """Every process's value, in the order of ranks."""
        if self._group is None:
            return [value]
        values = [None] * dist.get_world_size()
        dist.all_gather_object(values, value, group=self._group)
        return values

    def from_main(self, value: Any) -> Any:
        """The main process's value."""
        return self.gathered(value if self.main else None)[0]

    def to_main(self, value: Any) -> list[Any] | None:
        """On the main process every process's value, in the order of ranks; None on the others, to save their memory."""
        if self._group is None:
            return [value]
        values = [None] * dist.get_world_size() if self.main else None
        dist.gather_object(value, values, dst=0, group=self._group)
        return values

    def in_turns(self, first: bool, action: Callable[[], T]) -> T:
        """`action()`, run by the processes that are `first`, then by the others. A mistake is handled as in `together`."""
        results: list[T] = []
        for turn in (True, False):
            with self.together():
                if first == turn:
                    results.append(action())
        return results[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """A `UserError` in the block on one process ends the block on all, so that no process waits for one that has failed.

        The failed process and the main process raise the error; the others exit with code 2 and print nothing. The block itself must
        not wait for other processes.
        """
        mistake = None
        try:
            yield
        except UserError as own:
            mistake = own
        elsewhere = [message for message in self.gathered(str(mistake) if mistake else None) if message is not None]
        if mistake:
            raise mistake
        if elsewhere:
            raise UserError(elsewhere[0]) if self.main else SystemExit(2)
