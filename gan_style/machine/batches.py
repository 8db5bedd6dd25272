"""The pipeline of every translation: threads read inputs ahead, and a batch that does not fit into memory is divided.

Sample grids, validation, evaluate and infer read their inputs with `read_ahead` and run their networks with `Batches`.
"""

import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from gan_style.errors import UserError
from gan_style.machine.memory import OutOfMemory
from gan_style.terminal.progress import say

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # inputs that are read before their turn


def read_ahead(
    read: Callable[[T], R], items: Iterable[T], threads: Executor | None = None, ahead: int = AHEAD
) -> Iterator[tuple[T, Future[R]]]:
    """Yield each item with its finished reading, in order. Reading ahead keeps a GPU busy, because decoding is slower.

    threads: the threads that read; None: two new threads
    ahead: largest number of readings that have begun and are not yet yielded
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


def alike(items: Iterable[T], shape_of: Callable[[T], Hashable], full: Callable[[int], bool] = lambda waiting: False) -> Iterator[list[T]]:
    """Groups of items of one shape, each group in the order of `items`.

    full: do so many items wait that the largest group leaves before the others have come? By default all wait for the end
    """
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(shape_of(item), []).append(item)
        if full(sum(map(len, groups.values()))):
            yield groups.pop(max(groups, key=lambda shape: len(groups[shape])))
    yield from groups.values()


class Batches(Generic[T, R]):
    """Runs `run` on batches of at most `size` items. If memory runs out, the batch is halved, and later batches are as small.

    run: a batch of items -> a result for each item
    """

    def __init__(self, run: Callable[[Sequence[T]], Sequence[R]], size: int) -> None:
        self.run, self.size = run, size

    def over(self, items: Sequence[T]) -> Iterator[tuple[T, R | UserError]]:
        """Yield each item with its result, or with the mistake that its batch raised. `OutOfMemory` is the mistake of a single item."""
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
        """The results of a batch; None if memory ran out and the batch can be divided. The memory is free again then."""
        try:
            return self.run(batch)
        except OutOfMemory as mistake:
            return [mistake] if len(batch) == 1 else None
        except UserError as mistake:
            return [mistake] * len(batch)


def result_of(result: R | UserError) -> R:
    """Return a result of `Batches.over`, or raise the mistake in its place."""
    if isinstance(result, UserError):
        raise result
    return result


_END = object()
