"""The pipeline that every translation goes through: inputs are read ahead on threads, and a batch that finds no memory is divided.

Sample grids, validation, evaluate and infer take their inputs from `read_ahead` and run their networks in `Batches`.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from gan_style.errors import UserError
from gan_style.machine.memory import OutOfMemory
from gan_style.terminal.progress import say

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # inputs in memory that wait for their turn


def read_ahead(
    read: Callable[[T], R], items: Iterable[T], threads: Executor | None = None, ahead: int = AHEAD
) -> Iterator[tuple[T, Future[R]]]:
    """Each item with its reading, which is done, in order: decoding is slower than a GPU.

    threads: where items are read; None: two threads of its own. ahead: the most readings that are begun and not yet taken
    """
    if threads is None:
        with ThreadPoolExecutor(2) as own:
            yield from read_ahead(read, items, own, ahead)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()
    rest = iter(items)
    try:
        while True:
            while len(waiting) < ahead and (item := next(rest, _END)) is not _END:
                waiting.append((item, threads.submit(read, item)))  # type: ignore[arg-type]
            if not waiting:
                return
            wait([waiting[0][1]])
            yield waiting.popleft()
    finally:
        for _, future in waiting:
            future.cancel()


class Batches(Generic[T, R]):
    """Runs `run` on items, at most `size` at once. It goes on with half as many where a batch finds no memory.

    run: a batch of items -> a result for each
    """

    def __init__(self, run: Callable[[Sequence[T]], Sequence[R]], size: int) -> None:
        self.run, self.size = run, size

    def over(self, items: Sequence[T]) -> Iterator[tuple[T, R | UserError]]:
        """Each item with its result, or with the mistake that its batch raised; `OutOfMemory` is that of one item alone."""
        done = 0
        while done < len(items):
            batch = items[done : done + self.size]
            results = self._results(batch)
            if results is None:
                self.size = len(batch) // 2
                say(f"no memory for {len(batch)} images at once: going on with batches of {self.size}", sys.stderr)
                continue
            yield from zip(batch, results, strict=True)
            done += len(batch)

    def _results(self, batch: Sequence[T]) -> Sequence[R | UserError] | None:
        """None where the batch finds no memory and can be divided; by then, nothing holds on to what filled it."""
        try:
            return self.run(batch)
        except OutOfMemory as mistake:
            return [mistake] if len(batch) == 1 else None
        except UserError as mistake:
            return [mistake] * len(batch)


def result_of(result: R | UserError) -> R:
    """A result of `Batches.over`; a mistake is raised."""
    if isinstance(result, UserError):
        raise result
    return result


_END = object()
