"""A process that loads batches, and the socket through which they come.

They do not come through shared memory: a small /dev/shm (64 MB in a container) cannot hold them, and the system ends a process that
writes beyond it. A process that dies closes its end of the socket, however it dies, so whoever waits for its batch is told at once.
"""

import atexit
import io
import multiprocessing
import pickle
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError

Read = Callable[[Sequence[Any]], Any]


class Died(Exception):
    """A loading process is no more. killed: by SIGKILL, which is what the system does where memory runs out."""

    def __init__(self, exit_code: int | None) -> None:
        self.killed = exit_code is not None and hasattr(signal, "SIGKILL") and exit_code == -signal.SIGKILL
        by_signal = signal.strsignal(-exit_code) if exit_code is not None and exit_code < 0 else None
        super().__init__(by_signal or f"exit code {exit_code}")


class LoadingProcess:
    """Reads one batch after the other, in the order in which they are asked for. `OSError` where the system starts none.

    start_method: as in `multiprocessing`; None: the usual one
    """

    def __init__(self, read: Read, start_method: str | None = None) -> None:
        context: Any = multiprocessing.get_context(start_method)
        self._channel, theirs = socket.socketpair()
        # A forked process inherits this end, too, and with it open would not notice that this process is gone.
        inherited = self._channel if context.get_start_method() == "fork" else None
        self._process = context.Process(target=_serve, args=(read, theirs, inherited), daemon=True)
        try:
            self._process.start()
        except OSError:
            self._channel.close()
            raise
        finally:
            theirs.close()
        atexit.register(self.end)  # multiprocessing would send SIGTERM, to which the process does not listen, and wait

    def ask(self, places: Sequence[Any]) -> None:
        """Order a batch. Where the process is dead, receiving it tells why."""
        try:
            send(self._channel, places)
        except OSError:
            return

    def receive(self) -> Any:
        """The next batch that was ordered. `UserError` where it cannot be read, `Died` where the process is dead."""
        try:
            answer = receive(self._channel)
        except (EOFError, OSError):
            self._process.join()
            raise Died(self._process.exitcode) from None
        if isinstance(answer, _Mistake):
            raise UserError(answer.message)
        if isinstance(answer, _Fault):
            raise RuntimeError(f"in a loading process:\n{answer.traceback}")
        return answer

    def end(self) -> None:
        """End it at once: it reads, and has nothing to lose."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.join()
        self._channel.close()


@dataclass(frozen=True)
class _Mistake:
    """A `UserError` on its way out of the process."""

    message: str


@dataclass(frozen=True)
class _Fault:
    """An exception of ours on its way out."""

    traceback: str


def _serve(read: Read, channel: socket.socket, inherited: socket.socket | None) -> None:
    """The process's work, until the training process is gone."""
    _leave_signals()
    if inherited:
        inherited.close()
    cv2.setNumThreads(0)  # parallelism comes from the number of processes
    torch.set_num_threads(1)
    try:
        while True:
            send(channel, _answer(read, receive(channel)))
    except (EOFError, OSError):
        return


def _leave_signals() -> None:
    """Signals are for the training process, which ends this one.

    Ctrl-C in a terminal, its end, and SIGTERM or SIGUSR1 from a cluster reach the whole process group, but the step in hand still
    needs its data.
    """
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):  # Windows has no SIGHUP and no SIGUSR1
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _answer(read: Read, places: Sequence[Any]) -> Any:
    try:
        return read(places)
    except UserError as mistake:
        return _Mistake(str(mistake))
    except Exception:
        return _Fault(traceback.format_exc())


class _Pickler(pickle.Pickler):
    """Tensors go as NumPy arrays do, whose memory is not copied; torch would put them into shared memory or copy them thrice."""

    def reducer_override(self, obj: Any) -> Any:
        return (torch.from_numpy, (obj.numpy(),)) if isinstance(obj, Tensor) else NotImplemented


def send(channel: socket.socket, thing: Any) -> None:
    """Send anything that can be pickled: the number of parts, their lengths, the pickle, the memory of its arrays."""
    pickled, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
    _Pickler(pickled, protocol=5, buffer_callback=buffers.append).dump(thing)
    parts = [pickled.getbuffer(), *(buffer.raw() for buffer in buffers)]
    channel.sendall(struct.pack(f"!{1 + len(parts)}Q", len(parts), *(part.nbytes for part in parts)))
    for part in parts:
        channel.sendall(part)


def receive(channel: socket.socket) -> Any:
    """What `send` sent at the other end; `EOFError` where that end is closed. The other end is a process of ours."""
    (count,) = struct.unpack("!Q", _exactly(channel, 8))
    sizes = struct.unpack(f"!{count}Q", _exactly(channel, 8 * count))
    head, *buffers = [_exactly(channel, size) for size in sizes]
    return pickle.loads(head, buffers=buffers)


def _exactly(channel: socket.socket, size: int) -> memoryview:
    """The next `size` bytes."""
    data = rest = np.empty(size, np.uint8).data
    while rest:
        count = channel.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
