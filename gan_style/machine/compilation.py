"""torch.compile for networks, in training and inference."""

import logging
import traceback
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from gan_style.terminal.counted import counted

Compile = Literal["auto", "on", "graphs", "off"]
BACKEND: Any = "inductor"
MOST_SIZES = 6  # of images that a network is compiled for
MOST_FORMS = 8 * MOST_SIZES  # of a network: without gradients, with those of its weights, of its input, ...
_NONE: Mapping[str, str] = MappingProxyType({})
LONG = 5000  # steps that repay the compilation


def chosen(wanted: Compile, device: torch.device, processes: int, steps: int) -> Compile:
    """`train.compile` without `auto`, which is `graphs` for one process on a CUDA GPU that trains for LONG steps or more, else `off`.

    A step of batch 1 took half to a third of the time with graphs, and none less when only compiled; compilation takes one to three
    minutes (docs/results/2026-11-26-gpu.md). On a CPU a compiled step was 4 to 12 % slower (docs/results/2026-11-26-step.md).
    """
    if wanted != "auto":
        return wanted
    return "graphs" if device.type == "cuda" and processes == 1 and steps >= LONG else "off"


def compiled(
    wanted: Compile, networks: Mapping[str, nn.Module], key: str = "train.compile", left_out: Mapping[str, str] = _NONE, told: bool = True
) -> list[str]:
    """Let networks run compiled from now on, in place: their weights keep their names. Returns the names of these networks.

    wanted: what `chosen` gives. `graphs` runs each compiled network as CUDA graphs. The caller then calls
    `torch.compiler.cudagraph_mark_step_begin` before each step, after which no output of an earlier step may be read (decision 35).
    key: of the setting, for messages
    left_out: networks that run as they are, and why. told: with a warning

    A network that cannot be compiled, or whose backward cannot, runs as it is, with one warning. Shapes are static: each size of images
    is compiled anew. Sizes beyond the first MOST_SIZES run uncompiled, with one warning.
    """
    if wanted == "off":
        return []
    from torch._dynamo import config as following
    from torch._functorch import config as lowering

    following.recompile_limit = max(following.recompile_limit, MOST_FORMS)
    lowering.force_non_lazy_backward_lowering = True  # else a backward that cannot be compiled would fail where nobody catches it
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of a CUDA toolkit without a GPU
    # Deterministic: else the compiler times several kernels for each sum and keeps the fastest, so a resumed run can sum in another order.
    options = {"deterministic": True, "triton.cudagraphs": wanted == "graphs"}  # cudagraphs: what mode="reduce-overhead" sets
    for name, reason in left_out.items() if told else ():
        warnings.warn(f"{key}: {name} is not compiled: {reason}; it runs as it is", stacklevel=2)
    names = [name for name in networks if name not in left_out]
    for name in names:
        _compile(name, networks[name], key, options)
    return names


def _compile(name: str, network: nn.Module, key: str, options: dict[str, Any]) -> None:
    run: Any = torch.compile(_forward_of(network), dynamic=False, backend=BACKEND, options=options)
    sizes: set[tuple[torch.Size, ...]] = set()
    told = False

    def call(*inputs: Any, **keywords: Any) -> Any:
        nonlocal told
        if _get_current_dispatch_mode() is not None:  # somebody traces the network or counts its operators
            return network._call_impl(*inputs, **keywords)
        size = tuple(value.shape[2:] for value in (*inputs, *keywords.values()) if isinstance(value, torch.Tensor))
        if size not in sizes and len(sizes) == MOST_SIZES:
            if not told:
                told = True
                warnings.warn(f"{key}: {name} is compiled for {counted(len(sizes), 'size')}; images of others run uncompiled", stacklevel=2)
            return network._call_impl(*inputs, **keywords)
        sizes.add(size)
        try:
            return run(*inputs, **keywords)
        except Exception as failure:
            if not _of_the_compiler(failure):
                raise
            network._compiled_call_impl = None
            warnings.warn(f"{key}: {name} is not compiled ({_reason(failure)}); it runs as it is", stacklevel=2)
            return network(*inputs, **keywords)

    network._compiled_call_impl = call  # what nn.Module.compile sets


def _forward_of(network: nn.Module) -> Callable[..., Any]:
    """The network's call as a function whose code is its own: torch keeps a few compiled forms of each code, here of each network."""

    def run(*inputs: Any, **keywords: Any) -> Any:
        return network._call_impl(*inputs, **keywords)

    run.__code__ = run.__code__.replace(co_name="run")
    return run


def _of_the_compiler(failure: BaseException) -> bool:
    """Did the compiler fail, and not the network? Its code checks that tensors lie in memory as it expects."""
    frames = list(traceback.walk_tb(failure.__traceback__))
    if isinstance(failure, AssertionError) and "assert_size_stride" in frames[-1][0].f_globals:
        return True
    modules = {kind.__module__.split(".")[1] for kind in type(failure).__mro__ if kind.__module__.startswith("torch._")}
    return bool(modules & {"_dynamo", "_inductor", "_functorch"})


def _reason(failure: BaseException) -> str:
    """The first line of what went wrong inside the compiler."""
    cause = getattr(failure, "inner_exception", failure)
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:200]}" if lines else type(cause).__name__
