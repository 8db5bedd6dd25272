"""The least time that a training step can take: its convolutions alone, and the bytes that Adam moves at the speed of the memory."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)
VIEWS = {
    "view",
    "_unsafe_view",
    "t",
    "transpose",
    "expand",
    "permute",
    "slice",
    "select",
    "split",
    "detach",
    "alias",
    "unsqueeze",
    "squeeze",
}
ADAMS_MOVES = 7  # reads of parameter, gradient and two moments; writes of parameter and moments


class Operators(TorchDispatchMode):
    """While entered: counts the operators that are no views, and keeps the shapes of convolutions. (function, arguments) -> calls"""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.convolutions: Counter[tuple[Any, ...]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name().startswith("aten::") and func.name().removeprefix("aten::").split(".")[0] not in VIEWS:
            self.count += 1
        if func in CONVOLUTIONS:
            self.convolutions[func, _described(args)] += 1
        return func(*args, **(kwargs or {}))


def operators_of(step: Callable[[], object]) -> Operators:
    """The operators that `step` dispatches."""
    with Operators() as operators:
        step()
    return operators


def convolutions_seconds(operators: Operators, device: torch.device, dtype: torch.dtype, repeats: int = 3) -> float:
    """The time of all convolutions, forward and backward, each in the faster memory format; the least of `repeats` for each kind."""
    total = 0.0
    for (function, arguments), calls in operators.convolutions.items():
        formats = []
        for memory_format in (torch.contiguous_format, torch.channels_last):
            tensors = [_made(each, device, dtype, memory_format) for each in arguments]
            function(*tensors)  # chooses its kernel
            formats.append(min(seconds(lambda: function(*tensors), device) for _ in range(repeats)))  # noqa: B023
        total += calls * min(formats)
    return total


def adam_seconds(networks: list[nn.Module], device: torch.device) -> float:
    """The time in which the memory moves what Adam must read and write, at the bandwidth of a sum of two long vectors."""
    a, b, c = (torch.zeros(1 << 26, device=device) for _ in range(3))
    least = min(seconds(lambda: torch.add(a, b, out=c), device) for _ in range(5))
    bandwidth = 3 * 4 * a.numel() / least
    parameters = sum(parameter.numel() for network in networks for parameter in network.parameters())
    return ADAMS_MOVES * 4 * parameters / bandwidth


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """The time of one call, until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _described(arguments: Any) -> tuple[Any, ...]:
    """Arguments with sizes in place of tensors and tuples in place of lists."""
    return tuple(
        torch.Size(each.shape) if isinstance(each, Tensor) else tuple(each) if isinstance(each, list | tuple) else each
        for each in arguments
    )


def _made(described: Any, device: torch.device, dtype: torch.dtype, memory_format: torch.memory_format) -> Any:
    """A random tensor in place of a size; other arguments as they are."""
    if not isinstance(described, torch.Size):
        return list(described) if isinstance(described, tuple) else described
    tensor = torch.randn(described, device=device, dtype=dtype)
    return tensor.contiguous(memory_format=memory_format) if tensor.dim() == 4 else tensor
