"""Restoring the process after a training: other code may run in the same process, and another training may follow."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from accelerate.state import AcceleratorState, GradientState, PartialState

from gan_style.errors import UserError
from gan_style.machine.device import flushing_denormal

_TRAINING = threading.Lock()


@contextmanager
def lent_process() -> Iterator[None]:
    """While entered, one training may change accelerate's state, torch's generators and its treatment of denormal numbers.

    All are restored at the end, however the training ends. `UserError` if another training is in progress.
    """
    if not _TRAINING.acquire(blocking=False):  # two trainings would draw from one generator
        raise UserError("a training goes on in this process already: wait for its end, or start another process")
    try:
        with ExitStack() as stack:
            for state in (AcceleratorState, PartialState, GradientState):
                stack.enter_context(_emptied(state._shared_state))
            gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # else nothing has drawn from them
            stack.enter_context(torch.random.fork_rng(devices=gpus))
            stack.enter_context(flushing_denormal())
            yield
    finally:
        _TRAINING.release()


@contextmanager
def _emptied(shared: dict) -> Iterator[None]:
    """Empty and later restore the state that accelerate's objects share, which fixes one precision and one device for a process."""
    before = dict(shared)
    shared.clear()
    try:
        yield
    finally:
        shared.clear()
        shared.update(before)
