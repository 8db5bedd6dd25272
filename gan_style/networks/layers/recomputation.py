"""Activation checkpointing: the backward computes a stage again instead of reading what the forward kept (1604.06174)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gan_style.networks.layers.dropout import drawing, drawing_as

_followed_by_none: Any = None


def stage_runner(recompute: bool) -> Callable[..., Tensor]:
    """`run(stage, *inputs)` is `stage(*inputs)`; where `recompute`, the backward keeps the inputs and the output alone."""
    return _run_forgetting if recompute else nn.Module.__call__


def _run_forgetting(stage: nn.Module, *inputs: Tensor) -> Tensor:
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (*inputs, *stage.parameters()))
    return _not_compiled()(stage, *inputs) if learns else stage(*inputs)


def _not_compiled() -> Any:
    """`_checkpointed` as no compiler follows it: each stage is compiled by itself. Made on first use, for it loads torch's compiler."""
    global _followed_by_none  # a function that `functools.cache` wraps would make the compiler warn
    if _followed_by_none is None:
        _followed_by_none = torch.compiler.disable(_checkpointed, recursive=False)
    return _followed_by_none


def _checkpointed(stage: nn.Module, *inputs: Tensor) -> Tensor:
    before = _copies(stage.buffers())
    drew = drawing(stage)

    @contextmanager
    def as_before() -> Iterator[None]:
        with _set_back(stage, before), drawing_as(drew):
            yield

    return checkpoint(stage, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), as_before()))


@contextmanager
def _set_back(stage: nn.Module, before: Sequence[Tensor]) -> Iterator[None]:
    """While entered, the buffers of `stage` have the values that they had before the first run; a batch normalisation moves them again.

    torch sets its random generators back too, for what draws from them.
    """
    now = _copies(stage.buffers())
    _put(stage, before)
    try:
        yield
    finally:
        _put(stage, now)


def _copies(buffers: Iterable[Tensor]) -> list[Tensor]:
    return [buffer.detach().clone() for buffer in buffers]


def _put(stage: nn.Module, values: Sequence[Tensor]) -> None:
    """Write values into the buffers, past the version counter: a graph that holds a buffer of training does not read it again."""
    for buffer, value in zip(stage.buffers(), values, strict=True):
        buffer.data.copy_(value)
