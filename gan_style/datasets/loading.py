"""Loading the training batches in order, in this process or ahead in others."""

import itertools
import logging
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import torch

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import SamplePlace, TrainingSet, collate
from gan_style.datasets.loading_process import Died, LoadingProcess
from gan_style.datasets.sampling import SlotSampler
from gan_style.datasets.survey import told
from gan_style.datasets.workers import loading_processes
from gan_style.errors import UserError, one_line
from gan_style.machine.memory import room_for
from gan_style.types import Batch

log = logging.getLogger("gan_style")

AHEAD = 2  # batches that each process is asked for in advance
_SHOWN = 8  # names in a message
_SMALLER = "take another run_dir with a lower train.batch_size or smaller pictures"  # both make another run


def training_loader(
    dataset: TrainingSet,
    config: DataConfig,
    start_step: int,
    stop_step: int,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    accumulate: int = 1,
    pin_memory: bool = False,
) -> "TrainingLoader":
    """A loader of the micro-batches of rank `rank` for the steps `start_step` to `stop_step` - 1, `accumulate` for each step.

    batch_size: the global one, over all processes and accumulated micro-batches
    """
    slots = SlotSampler(start_step, stop_step, batch_size, rank, world_size, accumulate)
    return TrainingLoader(dataset, slots, loading_processes(config.workers), pin_memory)


class Delivery(NamedTuple):
    """A micro-batch, and the first doubt of each kind about its samples."""

    batch: Batch
    doubts: dict[str, str]


class TrainingLoader:
    """An iterable of `Batch`es. `UserError` if a file cannot be read or a loading process died. Doubts about a sample become a warning,
    once for each kind.

    workers: number of loading processes; 0 loads in this process
    start_method: of the processes, as in `multiprocessing`; None for the system's default
    """

    def __init__(self, dataset: TrainingSet, slots: SlotSampler, workers: int, pin_memory: bool, start_method: str | None = None) -> None:
        self.dataset, self.slots, self.workers, self.pin_memory, self.start_method = dataset, slots, workers, pin_memory, start_method
        self._told = set[str]()

    def __len__(self) -> int:
        return len(self.slots)

    def __iter__(self) -> Generator[Batch, None, None]:
        return self._elsewhere() if self.workers else self._here()

    def _places(self) -> Iterator[list[SamplePlace]]:
        for batch in self.slots:
            yield [self.dataset.place(*position) for position in batch]

    def _finished(self, delivery: Delivery) -> Batch:
        for kind in delivery.doubts.keys() - self._told:
            self._told.add(kind)
            log.warning(f"warning: {one_line(delivery.doubts[kind])}")
        return delivery.batch.pin_memory() if self.pin_memory else delivery.batch

    def _here(self) -> Generator[Batch, None, None]:
        read = BatchReader(self.dataset)
        for places in self._places():
            yield self._finished(read(places))

    def _elsewhere(self) -> Generator[Batch, None, None]:
        """Load in other processes, which take turns, so that batches come in order. A second thread receives while this one trains."""
        with ExitStack() as stack:
            receiver = ThreadPoolExecutor(1, initializer=_use_device, initargs=(torch.cuda.current_device() if self.pin_memory else None,))
            stack.callback(receiver.shutdown)
            processes: list[LoadingProcess] = []
            try:
                for _ in range(self.workers):
                    processes.append(LoadingProcess(BatchReader(self.dataset, self.workers), self.start_method))
                    stack.callback(processes[-1].end)
            except OSError as refusal:
                raise UserError(
                    f"data.workers: process {len(processes) + 1} of {self.workers} cannot be started ({refusal.strerror}); lower it"
                ) from None
            turns, places = itertools.cycle(processes), self._places()
            waiting: deque[tuple[list[SamplePlace], Future[Batch]]] = deque()

            def receive(process: LoadingProcess) -> Batch:
                with room_for("no memory for a batch that was loaded", _advice(self.workers)):
                    return self._finished(process.receive())

            def ask() -> None:
                if batch := next(places, None):
                    process = next(turns)
                    process.ask(batch)
                    waiting.append((batch, receiver.submit(receive, process)))

            for _ in range(AHEAD * self.workers):
                ask()
            while waiting:
                batch, future = waiting.popleft()
                try:
                    loaded = future.result()
                except Died as death:
                    raise UserError(self._obituary(death, batch)) from None
                ask()
                yield loaded

    def _obituary(self, death: Died, places: Sequence[SamplePlace]) -> str:
        if death.killed:
            again = "lower data.workers, then the same command goes on"
            return f"a loading process was killed (by the system's memory killer?); {again}, or {_SMALLER}"
        source = self.dataset.source
        keys = dict.fromkeys(told(source.keys(domain)[index]) for place in places for domain, _, index in place.reads)
        named = ", ".join(list(keys)[:_SHOWN]) + (" and others" if len(keys) > _SHOWN else "")
        return (
            f"a loading process ended ({death}) while it read {named}; look these files over (data/prepare.py check), then the same "
            "command goes on; data.workers=0 shows more"
        )


class BatchReader:
    """A function that reads the samples of a batch, here or in a loading process. workers: number of loading processes, for advice"""

    def __init__(self, dataset: TrainingSet, workers: int = 0) -> None:
        self.dataset, self.workers = dataset, workers

    def __call__(self, places: Sequence[SamplePlace]) -> Delivery:
        with room_for(f"no memory to load {len(places)} samples", _advice(self.workers)):
            samples = [self.dataset.read(place) for place in places]
            doubts = {kind: words for sample in reversed(samples) for kind, words in sample.doubts.items()}
            return Delivery(collate(samples), doubts)


def _advice(workers: int) -> str:
    """What helps if loading runs out of memory, in words."""
    return f"lower data.workers, or {_SMALLER}" if workers else _SMALLER


def _use_device(device: int | None) -> None:
    """Select the GPU for this thread. Pinned memory belongs to the selected GPU, and a new thread selects the first one."""
    if device is not None:
        torch.cuda.set_device(device)
