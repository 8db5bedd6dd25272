"""What a training changes of the process that it runs in, and gives back: other code may live there, and another training follow."""

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
    """While entered, the process is one training's: accelerate's state, torch's random numbers and its treatment of denormal numbers.

    They are at the end as they were at the beginning, however the training ends. `UserError` where another one goes on.
    """
    if not _TRAINING.acquire(blocking=False):  # both would draw from one generator
        raise UserError("a training goes on in this process already: wait for its end, or start another process")
    try:
        with ExitStack() as stack:
            for state in (AcceleratorState, PartialState, GradientState):
                stack.enter_context(_emptied(state._shared_state))
            gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # where it is not, nobody has drawn from it
            stack.enter_context(torch.random.fork_rng(devices=gpus))
            stack.enter_context(flushing_denormal())
            yield
    finally:
        _TRAINING.release()


@contextmanager
def _emptied(shared: dict) -> Iterator[None]:
    """accelerate has one precision and one device for the life of a process: what all its objects share is put aside."""
    before = dict(shared)
    shared.clear()
    try:
        yield
    finally:
        shared.clear()
        shared.update(before)
