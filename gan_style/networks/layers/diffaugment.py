"""Differentiable augmentation: the images that a discriminator sees are moved, cut and recoloured (Zhao et al., 2020, arXiv 2006.10738).

    L_D = E[f_D(-D(T(x)))] + E[f_D(D(T(G(z))))],   L_G = E[f_G(-D(T(G(z))))]        (equations 5 to 7)

T augments real and generated images alike, in both players' turns, and the generator learns through it. The ranges are the paper's.
T is a function of the images and of numbers in [0, 1) that the caller draws.
"""

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor

Augmentation = Literal["color", "translation", "cutout"]

LOTS = 7  # numbers that each image takes: brightness, saturation, contrast; down, right; the hole's row, its column
_SHIFT = 0.125  # of the side, at most
_HOLE = 0.5  # side of the hole, of the image's


def diffaugment(images: Tensor, kinds: Collection[Augmentation], lots: Tensor) -> Tensor:
    """images [B, C, H, W] in [-1, 1], lots [B, LOTS] uniform in [0, 1) -> the same shape; `color` may leave the range.

    Empty parts and the hole are 0, a middle gray. Each kind reads the same lots whichever other kinds are on.
    """
    lots = lots.to(images)
    if "color" in kinds:
        images = _recoloured(images, lots[:, :3])
    if "translation" in kinds:
        images = _translated(images, lots[:, 3:5])
    if "cutout" in kinds:
        images = _cut(images, lots[:, 5:7])
    return images


def _recoloured(images: Tensor, lots: Tensor) -> Tensor:
    """Brightness + [-0.5, 0.5), saturation * [0, 2), contrast * [0.5, 1.5); alpha, the second or fourth channel, stays as it is."""
    colours = 1 if images.shape[1] < 3 else 3
    brightness, saturation, contrast = lots[:, :, None, None, None].unbind(1)  # [B, 1, 1, 1]
    x = images[:, :colours] + (brightness - 0.5)
    gray = x.mean(dim=1, keepdim=True)
    x = gray + (x - gray) * (2 * saturation)
    level = x.mean(dim=(1, 2, 3), keepdim=True)
    x = level + (x - level) * (contrast + 0.5)
    return x if colours == images.shape[1] else torch.cat([x, images[:, colours:]], dim=1)


def _translated(images: Tensor, lots: Tensor) -> Tensor:
    """Moved by whole pixels, up to _SHIFT of the side either way."""
    for dim, share in ((2, lots[:, 0]), (3, lots[:, 1])):
        side = images.shape[dim]
        most = int(side * _SHIFT + 0.5)
        shift = (share * (2 * most + 1)).floor() - most  # [B], -most ... most
        origin = torch.arange(side, device=images.device) - shift[:, None].long()  # [B, side]: where each row or column comes from
        place = [len(images), 1, 1, 1]
        place[dim] = side
        inside = ((origin >= 0) & (origin < side)).view(place)
        images = images.take_along_dim(origin.clamp(0, side - 1).view(place), dim=dim) * inside
    return images


def _cut(images: Tensor, lots: Tensor) -> Tensor:
    """A hole with its centre anywhere in the image, so that part of it may lie outside."""
    hidden = torch.ones((), dtype=torch.bool, device=images.device)
    for dim, share in ((2, lots[:, 0]), (3, lots[:, 1])):
        side = images.shape[dim]
        hole = int(side * _HOLE + 0.5)
        first = (share * (side + 1 - hole % 2)).floor() - hole // 2  # [B]
        line = torch.arange(side, device=images.device)
        within = (line >= first[:, None]) & (line < first[:, None] + hole)  # [B, side]
        place = [len(images), 1, 1, 1]
        place[dim] = side
        hidden = hidden & within.view(place)
    return images * ~hidden
