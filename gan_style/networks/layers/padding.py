"""Images of any size through a network that needs multiples: pad, run, crop."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def run_padded(network: Callable[[Tensor], Tensor], x: Tensor, multiple: int, minimum: int) -> Tensor:
    """`network(x)` for x [B, C, H, W], padded at the right and below to multiples of `multiple` that are >= `minimum`.

    `network` keeps height and width. The result [B, C', H, W] is cropped to the size of x; x of a fitting size is not padded.
    """
    return cropped(network(grown(x, multiple, minimum)), x)


def grown(x: Tensor, multiple: int, minimum: int) -> Tensor:
    """x [B, C, H, W] padded as `run_padded` pads it."""
    height, width = x.shape[2:]
    return _grow(_grow(x, 3, missing(width, multiple, minimum)), 2, missing(height, multiple, minimum))


def cropped(y: Tensor, x: Tensor) -> Tensor:
    """y [B, C', H', W'], the result for `grown(x)`, cropped to the size of x: [B, C', H, W]."""
    height, width = x.shape[2:]
    return y if y.shape[2:] == x.shape[2:] else y[:, :, :height, :width]


def missing(size: int, multiple: int, minimum: int) -> int:
    """Pixels that `size` lacks to the next multiple of `multiple` that is >= `minimum`."""
    wanted = max(size, minimum)
    return -(-wanted // multiple) * multiple - size


def _grow(x: Tensor, axis: int, amount: int) -> Tensor:
    """x with `amount` more pixels at the end of `axis` (2 or 3): mirrored where x has enough, else copies of the last one."""
    if amount == 0:
        return x
    mode = "reflect" if amount < x.shape[axis] else "replicate"
    return F.pad(x, (0, amount, 0, 0) if axis == 3 else (0, 0, 0, amount), mode=mode)
