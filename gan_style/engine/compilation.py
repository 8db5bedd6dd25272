"""torch.compile for the networks of a run."""

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

BACKEND = "inductor"


def compiled(wanted: Literal["auto", "on", "off"], networks: Mapping[str, nn.Module], device: torch.device) -> list[str]:
    """Let networks run compiled from now on, in place: their weights keep their names. Returns the names of these networks.

    wanted: `train.compile`. `auto` compiles on a CUDA GPU alone: on a CPU, where convolutions take nearly all of the time, a compiled step
    was 4 to 12 % slower (docs/results/2026-11-26-step.md). A network that cannot be compiled runs as it is, with one warning.
    Shapes are static: another size of images compiles anew, and torch.compile gives up after some of them, without an error.
    """
    if wanted == "off" or (wanted == "auto" and device.type != "cuda"):
        return []
    for name, network in networks.items():
        _compile(name, network)
    return list(networks)


def _compile(name: str, network: nn.Module) -> None:
    run: Any = torch.compile(network._call_impl, dynamic=False, backend=BACKEND)

    def call(*inputs: Any, **keywords: Any) -> Any:
        try:
            return run(*inputs, **keywords)
        except Exception as failure:
            if not _of_the_compiler(failure):
                raise
            network._compiled_call_impl = None
            warnings.warn(f"train.compile: {name} is not compiled ({_reason(failure)}); it runs as it is", stacklevel=2)
            return network(*inputs, **keywords)

    network._compiled_call_impl = call  # what nn.Module.compile sets


def _of_the_compiler(failure: BaseException) -> bool:
    """Did the compiler fail, and not the network?"""
    modules = {kind.__module__.split(".")[1] for kind in type(failure).__mro__ if kind.__module__.startswith("torch._")}
    return bool(modules & {"_dynamo", "_inductor", "_functorch"})


def _reason(failure: BaseException) -> str:
    """The first line of what went wrong inside the compiler."""
    cause = getattr(failure, "inner_exception", failure)
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:200]}" if lines else type(cause).__name__
