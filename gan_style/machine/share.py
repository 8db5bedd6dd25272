"""The processes of one launch (torchrun) that share independent work, such as the pictures that infer translates."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from gan_style.errors import UserError, one_line

T = TypeVar("T")

PATIENCE = timedelta(days=30)  # how long a process that has done its part waits for one with larger pictures


class Share:
    """This process's part of the work.

    rank, count: the place of the process, from 0, and the number of processes; ALONE has 0 and 1
    Every process calls `together` and `gathered` in the same order. A process that is killed ends the launch, because torchrun ends the
    others.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self.main = rank == 0

    @classmethod
    def of_launch(cls) -> "Share":
        """Meet the other processes of the launch, and take the GPU of this process. `UserError` if the launch is incomplete."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return ALONE
        import torch
        import torch.distributed as dist

        try:
            dist.init_process_group("gloo", timeout=PATIENCE)  # for small objects, whatever device computes
        except (ValueError, RuntimeError) as problem:
            raise UserError(f"{count} processes were launched, but they do not find each other ({problem}); launch with torchrun") from None
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        return cls(dist.get_rank(), count)

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Every `count`-th item, from number `rank` on."""
        return items[self.rank :: self.count]

    def gathered(self, value: T) -> list[T]:
        """Every process's value, in the order of ranks."""
        if self.count == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    @contextmanager
    def together(self) -> Iterator[None]:
        """A `UserError` in the block on one process ends all with exit code 2, after the main process has printed it.

        One process alone raises it as it is. The block must not wait for other processes.
        """
        mistake = None
        try:
            yield
        except UserError as own:
            mistake = own
        if mistake and self.count == 1:
            raise mistake
        mistakes = [text for text in self.gathered(str(mistake) if mistake else None) if text is not None]
        if mistakes:
            if self.main:
                print(f"error: {one_line(mistakes[0])}", file=sys.stderr, flush=True)
            self.gathered(None)  # torchrun ends the main process as soon as another has failed, so it prints first
            raise SystemExit(2)

    def close(self) -> None:
        """Leave the other processes. gloo's threads may otherwise abort the process at its end."""
        if self.count > 1:
            import torch.distributed as dist

            dist.destroy_process_group()


ALONE = Share()
