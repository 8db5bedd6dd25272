"""A process that loads batches and sends them through a socket.

Shared memory is not used: a small /dev/shm (64 MB in a container) cannot hold large batches, and the system kills a process that writes
beyond it. When a process dies for any reason, its end of the socket closes, so the waiting trainer notices at once.
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

ReadBatch = Callable[[Sequence[Any]], Any]


class Died(Exception):
    """A loading process died. killed: by SIGKILL, which the system sends when memory runs out"""

    def __init__(self, exit_code: int | None) -> None:
        self.killed = exit_code is not None and hasattr(signal, "SIGKILL") and exit_code == -signal.SIGKILL
        by_signal = signal.strsignal(-exit_code) if exit_code is not None and exit_code < 0 else None
        super().__init__(by_signal or f"exit code {exit_code}")


class LoadingProcess:
    """A process that reads batches in the order in which they are requested. `OSError` if the system cannot start it.

    start_method: as in `multiprocessing`; None for the system's default
    """

    def __init__(self, read: ReadBatch, start_method: str | None = None) -> None:
        context: Any = multiprocessing.get_context(start_method)
        self._channel, theirs = socket.socketpair()
        # A forked process inherits this end too; if it stayed open, the process would not notice that this one is gone.
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
        """Request a batch. If the process is dead, `receive` says why."""
        try:
            send(self._channel, places)
        except OSError:
            return

    def receive(self) -> Any:
        """The next requested batch. `UserError` if it cannot be read, `Died` if the process is dead."""
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
        """Kill the process. It only reads, so nothing is lost."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.join()
        self._channel.close()


@dataclass(frozen=True)
class _Mistake:
    """A `UserError` that is sent to the training process."""

    message: str


@dataclass(frozen=True)
class _Fault:
    """Any other exception, as a traceback that is sent to the training process."""

    traceback: str


def _serve(read: ReadBatch, channel: socket.socket, inherited: socket.socket | None) -> None:
    """Answer requests until the training process is gone."""
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
    """Ignore signals; the training process ends this one.

    Ctrl-C, the end of a terminal, and a cluster's SIGTERM or SIGUSR1 reach the whole process group, but the present step still needs
    its data.
    """
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):  # Windows has no SIGHUP and no SIGUSR1
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _answer(read: ReadBatch, places: Sequence[Any]) -> Any:
    try:
        return read(places)
    except UserError as mistake:
        return _Mistake(str(mistake))
    except Exception:
        return _Fault(traceback.format_exc())


class _Pickler(pickle.Pickler):
    """Pickles tensors as NumPy arrays, whose memory is not copied. torch would use shared memory or copy them three times."""

    def reducer_override(self, obj: Any) -> Any:
        return (torch.from_numpy, (obj.numpy(),)) if isinstance(obj, Tensor) else NotImplemented


def send(channel: socket.socket, thing: Any) -> None:
    """Send an object that can be pickled. The message is: the number of parts, their lengths, the pickle, the memory of its arrays."""
    pickled, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
    _Pickler(pickled, protocol=5, buffer_callback=buffers.append).dump(thing)
    parts = [pickled.getbuffer(), *(buffer.raw() for buffer in buffers)]
    channel.sendall(struct.pack(f"!{1 + len(parts)}Q", len(parts), *(part.nbytes for part in parts)))
    for part in parts:
        channel.sendall(part)


def receive(channel: socket.socket) -> Any:
    """Receive an object that `send` sent. `EOFError` if the other end is closed. The other end must be our own process: this unpickles."""
    (count,) = struct.unpack("!Q", _exactly(channel, 8))
    sizes = struct.unpack(f"!{count}Q", _exactly(channel, 8 * count))
    head, *buffers = [_exactly(channel, size) for size in sizes]
    return pickle.loads(head, buffers=buffers)


def _exactly(channel: socket.socket, size: int) -> memoryview:
    """Receive exactly `size` bytes."""
    data = rest = np.empty(size, np.uint8).data
    while rest:
        count = channel.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
