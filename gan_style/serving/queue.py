"""The queue of a server: threads read pictures ahead, one thread owns the networks, threads encode the results."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from torch import Tensor

from gan_style.errors import UserError
from gan_style.serving.metrics import Metrics
from gan_style.serving.refusal import FULL, RETRY_AFTER, UNAVAILABLE, Refusal, refusal_of
from gan_style.serving.request import Translating

BATCH_WAIT = 0.005  # seconds that a batch which is not full waits for more pictures of its kind


@dataclass
class Room:
    """What the server holds for its clients, bounded. Used by the event loop alone.

    most: requests; most_bytes: of all their bodies together
    """

    most: int
    most_bytes: int = 2**29
    requests: int = 0
    bytes: int = 0

    def enter(self) -> None:
        """Count a request. `Refusal` if there are too many."""
        if self.requests >= self.most:
            raise self._full()
        self.requests += 1

    def hold(self, count: int) -> None:
        """Count bytes of a request that has entered. `Refusal` if there are too many."""
        if self.bytes + count > self.most_bytes:
            raise self._full()
        self.bytes += count

    def leave(self, held: int) -> None:
        """A request that held so many bytes has been answered."""
        self.requests -= 1
        self.bytes -= held

    def _full(self) -> Refusal:
        return Refusal(FULL, "the queue is full; try again later", {"Retry-After": str(RETRY_AFTER)})


class TranslationQueue:
    """Translates requests in the order in which they come. Requests whose answer was cancelled are passed over.

    Each request's answer is `request.answer`. Pictures of one kind (`Translating.kind`) go through the network together, at most
    `Model.most` of them.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        count = min(8, max(2, os.cpu_count() or 2))
        self._threads = ThreadPoolExecutor(count, "picture")
        self._ahead = max(2, count // 2)  # pictures that are read before their turn, beside those of the present batch
        self._encoding = threading.BoundedSemaphore(2 * count)  # results that wait to be encoded
        self._changed = threading.Condition()
        self._waiting: deque[Translating] = deque()
        self._reading: deque[tuple[Translating, Future[None]]] = deque()
        self._wanted = self._ahead  # pictures that are read at most
        self._closed = False
        self._network = threading.Thread(target=self._run, name="network", daemon=True)
        self._network.start()

    @property
    def alive(self) -> bool:
        """Does it take requests?"""
        return self._network.is_alive() and not self._closed

    def __len__(self) -> int:
        """Requests that wait for the network."""
        return len(self._waiting) + len(self._reading)

    def put(self, request: Translating) -> None:
        """Translate the request when its turn comes."""
        with self._changed:
            if self._closed:
                raise Refusal(UNAVAILABLE, "the server is stopping; ask another")
            self._waiting.append(request)
            self._read_ahead()
            self._changed.notify()

    def close(self, finish: bool = True) -> None:
        """End the threads, after all that waits is done. finish: wait for that; else the network may be busy a little longer"""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if finish:
            self._network.join()
            self._threads.shutdown()

    def _read_ahead(self) -> None:
        """Begin to read pictures, as many as may be read before their turn. The lock is held."""
        while self._waiting and len(self._reading) < self._wanted:
            request = self._waiting.popleft()
            if not request.answer.cancelled():
                self._reading.append((request, self._threads.submit(_prepare, request)))

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch := [request for request in batch if request.answer.set_running_or_notify_cancel()]:
                self._translate(batch)
            del batch  # or the last pictures would stay in memory until the next ones come

    def _next_batch(self) -> list[Translating] | None:
        """Requests of one kind, the oldest one among them. None after `close`, when nothing is left."""
        while True:
            first = self._next_read()
            if first is None:
                return None
            if first.translator is not None:
                break
        most, kind = first.model.most(first), first.kind
        batch = [first]
        until = time.monotonic() + BATCH_WAIT
        while len(batch) < most:
            with self._changed:
                self._wanted = most + self._ahead
                self._read_ahead()
                batch += self._take_alike(kind, most - len(batch))
                left = until - time.monotonic()
                if len(batch) == most or left <= 0 or self._closed:
                    self._wanted = self._ahead
                    break
                self._changed.wait(left)
        return batch

    def _next_read(self) -> Translating | None:
        """The oldest request, its picture read (or its answer refused). None after `close`, when nothing is left."""
        with self._changed:
            self._read_ahead()
            while not self._reading:
                if self._closed:
                    return None
                self._changed.wait()
                self._read_ahead()
            request, reading = self._reading[0]
        wait([reading])
        with self._changed:
            self._reading.popleft()
            self._read_ahead()
        return request

    def _take_alike(self, kind: Sequence[object], most: int) -> list[Translating]:
        """Take requests of this kind that are read, in order. The lock is held."""
        found: list[Translating] = []
        for place in [*self._reading]:
            request, reading = place
            if len(found) < most and reading.done() and request.read is not None and request.kind == kind:
                self._reading.remove(place)
                found.append(request)
        return found

    def _translate(self, batch: list[Translating]) -> None:
        begin = time.monotonic()
        for request in batch:
            request.waited = begin - request.begun
        model = batch[0].model
        try:
            for request, result in model.batches.over(batch):
                request.computed = time.monotonic() - begin
                if isinstance(result, UserError):
                    request.answer.set_exception(refusal_of(result, what="the picture: "))
                else:
                    self._encode(request, result)
        except BaseException as fault:  # of ours: the server goes on
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(fault)
        self.metrics.batch(model.name, len(batch), time.monotonic() - begin)

    def _encode(self, request: Translating, result: Tensor) -> None:
        self._encoding.acquire()
        try:
            self._threads.submit(_answer, request, result).add_done_callback(lambda _: self._encoding.release())
        except BaseException:
            self._encoding.release()
            raise


def _prepare(request: Translating) -> None:
    """Read the request's picture. A mistake becomes its answer."""
    if request.answer.cancelled():
        return
    _refusing(request, request.prepare)


def _answer(request: Translating, result: Tensor) -> None:
    def encode() -> None:
        request.answer.set_result(request.encode(result))

    _refusing(request, encode)


def _refusing(request: Translating, work: Callable[[], None]) -> None:
    """Do the work; its exception becomes the request's answer."""
    try:
        work()
    except BaseException as problem:
        request.translator = request.read = None
        if request.answer.running() or request.answer.set_running_or_notify_cancel():
            request.answer.set_exception(problem)
