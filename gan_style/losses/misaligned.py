"""L1 losses of pairs that do not quite align. Images are [B, C, H, W] of any H, W >= 1; losses have the target's precision.

`pyramid_l1` compares the means of areas too, which a small displacement hardly changes. `shift_l1` compares each patch where it fits best.
Masks are weights [B, 1, H, W] of the target's pixels, as in `masked_mean`; None weighs all alike.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.losses.l1 import l1_loss

_LEAST = 1e-6  # the weight of a square below which it is outside the mask


def pyramid_l1(output: Tensor, target: Tensor, levels: int, mask: Tensor | None = None) -> Tensor:
    """The mean of the L1 losses of `levels` >= 1 levels. A pixel of level k is the mean of a square of 2^k x 2^k pixels of the image.

    The squares do not overlap. Those at the right and the lower edge hold the pixels that are left. A mask weighs the pixels in a square;
    the square has their mean weight.
    """
    output, mask = output.to(target), mask if mask is None else mask.to(target)
    losses = [l1_loss(output, target, mask)]
    for level in range(1, levels):
        side = 2**level
        if mask is None:
            losses.append(l1_loss(_means(output, side), _means(target, side)))
        else:
            weights = _means(mask, side)
            inside = weights.clamp(min=_LEAST)
            losses.append(l1_loss(_means(output * mask, side) / inside, _means(target * mask, side) / inside, weights))
    return torch.stack(losses).mean()


def _means(images: Tensor, side: int) -> Tensor:
    """The means of squares, from the upper left on; the last ones hold the pixels that are left."""
    return F.avg_pool2d(images, side, ceil_mode=True)


def shift_l1(output: Tensor, target: Tensor, radius: int, patch: int, mask: Tensor | None = None) -> Tensor:
    """The L1 loss of the output that is shifted, patch by patch, by the shift with the least loss.

    For a target y, an output x and a patch P: min over s of the mean over p in P of |x(p + s) - y(p)|, with the whole numbers
    |s_y|, |s_x| <= radius. The result is the mean over all pixels p that have a value x(p + s) for every s: `radius` pixels at each edge
    are left out. Patches are squares of `patch` pixels from the upper left of these pixels on; the last ones hold the pixels that are left.
    Of shifts with equal losses the shorter one is taken. An image of 2 * radius pixels or fewer along an axis has the largest radius there
    that leaves a pixel. A mask weighs the pixels p.

    It equals `l1_loss` for radius 0. The search keeps one shift at a time in memory, and the backward passes through the best alone.
    """
    output, mask = output.to(target), mask if mask is None else mask.to(target)
    height, width = target.shape[2:]
    down, right = (min(radius, (side - 1) // 2) for side in (height, width))
    inner, weights = (images if images is None else images[:, :, down : height - down, right : width - right] for images in (target, mask))
    assert inner is not None
    rows, columns = _best_shifts(output.detach(), inner.detach(), down, right, patch, weights)
    y = torch.arange(down, height - down, device=target.device)[:, None] + rows
    x = torch.arange(right, width - right, device=target.device) + columns
    places = (y * width + x).flatten(1)[:, None].expand(-1, output.shape[1], -1)  # [B, C, h w]
    return l1_loss(output.flatten(2).gather(2, places).view_as(inner), inner, weights)


@torch.no_grad()
def _best_shifts(output: Tensor, inner: Tensor, down: int, right: int, patch: int, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """The rows and the columns [B, h, w] by which each pixel of `inner` [B, C, h, w], the target without its edges, is shifted."""
    height, width = inner.shape[2:]
    shifts = [(y, x) for y in range(-down, down + 1) for x in range(-right, right + 1)]
    least, rows, columns = (torch.full((), start, device=inner.device) for start in (torch.inf, 0, 0))
    for y, x in sorted(shifts, key=lambda shift: shift[0] ** 2 + shift[1] ** 2):
        shifted = output[:, :, down + y : down + y + height, right + x : right + x + width]
        distances = (shifted - inner).abs().mean(dim=1, keepdim=True)
        loss = _means(distances if weights is None else distances * weights, patch)  # [B, 1, patches, patches]
        better = loss < least
        least, rows, columns = torch.where(better, loss, least), torch.where(better, y, rows), torch.where(better, x, columns)
    return _pixels(rows, height, width, patch), _pixels(columns, height, width, patch)


def _pixels(of_patches: Tensor, height: int, width: int, patch: int) -> Tensor:
    """[B, 1, patches, patches] -> [B, height, width]: the value of the patch of each pixel."""
    return of_patches[:, 0].repeat_interleave(patch, 1)[:, :height].repeat_interleave(patch, 2)[:, :, :width]
