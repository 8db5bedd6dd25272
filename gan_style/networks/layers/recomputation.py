"""Activation checkpointing: what a stage computes on its way is not kept for the backward, but computed again there (1604.06174)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gan_style.networks.layers.dropout import drawing, drawing_as

Buffers = Mapping[nn.Module, Mapping[str, Tensor]]


def stage_runner(recompute: bool) -> Callable[..., Tensor]:
    """`run(stage, *inputs)` is `stage(*inputs)`; where `recompute`, with its inputs and its output alone kept for the backward."""
    return _run_forgetting if recompute else nn.Module.__call__


def _run_forgetting(stage: nn.Module, *inputs: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return stage(*inputs)
    before = {module: {name: value.clone() for name, value in buffers.items()} for module, buffers in _buffers(stage).items()}
    drew = drawing(stage)

    @contextmanager
    def as_before() -> Iterator[None]:
        with _set_back(before), drawing_as(drew):
            yield

    return checkpoint(stage, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), as_before()))


@contextmanager
def _set_back(before: Buffers) -> Iterator[None]:
    """While entered, buffers are as they were before the first run: what moves them (a batch normalisation) moves copies.

    torch sets its random generators back too, for what draws from them.
    """
    now = {module: dict(module.named_buffers(recurse=False)) for module in before}
    _put({module: {name: value.clone() for name, value in buffers.items()} for module, buffers in before.items()})
    try:
        yield
    finally:
        _put(now)


def _buffers(stage: nn.Module) -> Buffers:
    found = {module: dict(module.named_buffers(recurse=False)) for module in stage.modules()}
    return {module: buffers for module, buffers in found.items() if buffers}


def _put(values: Buffers) -> None:
    for module, buffers in values.items():
        for name, value in buffers.items():
            setattr(module, name, value)
