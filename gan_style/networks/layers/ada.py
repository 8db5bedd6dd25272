"""The augmentation of ADA: with a probability, a discriminator's images are moved, turned, scaled and recoloured (Karras et al., 2020,
arXiv 2006.06676, appendix B).

The kinds are the paper's three best (`bgc`, figure 4), suited to translation:

blit: mirroring, quarter turns and shifts by whole pixels. Pixels are copied, so the classes of a label map stay what they are. Images that
    are no squares have half turns only, because a batch has one size.
geometry: scaling, turning, stretching and shifting by parts of a pixel. One bilinear sampling does all of them. Departure: no low-pass
    filter before it, which strong shrinking alone would need.
color: brightness, contrast and saturation. The paper's turns of the hue and its reversal of light and dark are left out: whether the
    colours fit the input is what a discriminator of translations has to judge.

Pixels from outside the image are mirrored at its border, as in the paper. Filtering, noise and cutout, which gain nothing in figure 4, are
left out. The ranges are the paper's. Each transform is drawn by itself with the given probability. Where none is drawn, images keep their
bits.
"""

import math
from collections.abc import Collection
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.networks.layers.moments import precise

Kind = Literal["blit", "geometry", "color"]

LOTS = 24  # numbers that each image takes: the first of each transform decides whether it is drawn, the others how strong it is
_SHIFT = 0.125  # of the side: the largest shift of `blit`, the standard deviation of that of `geometry`
_SCALE, _STRETCH = 0.2, 0.2  # standard deviations of the logarithm to base 2
_BRIGHTNESS, _CONTRAST, _SATURATION = 0.2, 0.5, 1.0  # of values in [-1, 1], and of logarithms to base 2


def augmented(images: Tensor, kinds: Collection[Kind], probability: Tensor, lots: Tensor) -> Tensor:
    """images [B, C, H, W] in [-1, 1], lots [B, LOTS] uniform in [0, 1) -> the same shape; `color` may leave the range.

    probability: of each transform, a scalar in [0, 1] on the images' device
    Each kind reads the same lots whichever other kinds are on.
    """
    x, lots, probability = precise(images), precise(lots), precise(probability)
    if "blit" in kinds:
        x = _blitted(x, lots[:, :7], probability)
    if "geometry" in kinds:
        x = _sampled(x, lots[:, 7:18], probability)
    if "color" in kinds:
        x = _recoloured(x, lots[:, 18:], probability)
    return x.to(images.dtype)


def _blitted(images: Tensor, lots: Tensor, probability: Tensor) -> Tensor:
    """Mirrored left to right, then turned by quarters, then shifted by whole pixels, up to _SHIFT of the side."""
    height, width = images.shape[2:]
    mirror, turn, shift = (lots[:, place] < probability for place in (0, 2, 4))
    mirror = mirror & (lots[:, 1] >= 0.5)
    quarters = (4 * lots[:, 3]).floor() if height == width else 2 * (2 * lots[:, 3]).floor()
    quarters = torch.where(turn, quarters, 0)[:, None, None]
    down, right = (
        torch.where(shift, ((2 * share - 1) * _SHIFT * side).round(), 0).long()[:, None, None]
        for share, side in ((lots[:, 5], height), (lots[:, 6], width))
    )
    # From the output's pixels back to the input's: the last transform first.
    row = _reflected(torch.arange(height, device=images.device)[:, None] - down, height)
    column = _reflected(torch.arange(width, device=images.device) - right, width)
    row, column = torch.broadcast_tensors(row, column)  # [B, H, W]
    last_row, last_column = height - 1 - row, width - 1 - column
    row, column = (
        torch.where(quarters == 0, row, torch.where(quarters == 1, column, torch.where(quarters == 2, last_row, last_column))),
        torch.where(quarters == 0, column, torch.where(quarters == 1, last_row, torch.where(quarters == 2, last_column, row))),
    )
    column = torch.where(mirror[:, None, None], width - 1 - column, column)
    place = (row * width + column).flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, place).view_as(images)


def _reflected(places: Tensor, side: int) -> Tensor:
    """Places outside 0 ... side - 1, mirrored at the border."""
    places = places % (2 * side)
    return torch.minimum(places, 2 * side - 1 - places)


def _sampled(images: Tensor, lots: Tensor, probability: Tensor) -> Tensor:
    """Scaled, turned, stretched along one axis, turned again, and shifted. The turns together have the probability."""
    height, width = images.shape[2:]
    either = 1 - (1 - probability).clamp(min=0).sqrt()
    chances = (probability, either, probability, either, probability)
    drawn = [lots[:, place] < chance for place, chance in zip((0, 2, 4, 6, 8), chances, strict=True)]
    larger, wider = (_power(lots[:, place], deviation) for place, deviation in ((1, _SCALE), (5, _STRETCH)))
    first, second = (_turn(torch.where(drawn[number], 2 * lots[:, place] - 1, 0)) for number, place in ((1, 3), (3, 7)))
    larger, wider = torch.where(drawn[0], larger, 1), torch.where(drawn[2], wider, 1)
    stretch = torch.diag_embed(torch.stack([1 / wider, wider], dim=1))
    back = first @ stretch @ second / larger[:, None, None]  # [B, 2, 2], from the output to the input
    shift = torch.stack([_normal(lots[:, 9]) * width, _normal(lots[:, 10]) * height], dim=1) * _SHIFT
    shift = torch.where(drawn[4][:, None], shift, 0)  # [B, 2] in pixels

    across, down = (torch.arange(side, device=images.device) - (side - 1) / 2 for side in (width, height))
    places = torch.stack(torch.broadcast_tensors(across, down[:, None]), dim=2)  # [H, W, 2] in pixels from the centre
    origins = torch.einsum("bij,bhwj->bhwi", back, places - shift[:, None, None])
    grid = torch.stack([origins[..., 0] * (2 / width), origins[..., 1] * (2 / height)], dim=3)
    sampled = F.grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode="reflection", align_corners=False)
    return torch.where(torch.stack(drawn).any(dim=0)[:, None, None, None], sampled, images)


def _recoloured(images: Tensor, lots: Tensor, probability: Tensor) -> Tensor:
    """Brightness, contrast about the middle gray, saturation; alpha, the second or fourth channel, stays as it is."""
    colours = 1 if images.shape[1] < 3 else 3
    brightness = torch.where(lots[:, 0] < probability, _BRIGHTNESS * _normal(lots[:, 1]), 0)
    contrast = torch.where(lots[:, 2] < probability, _power(lots[:, 3], _CONTRAST), 1)
    saturation = torch.where(lots[:, 4] < probability, _power(lots[:, 5], _SATURATION), 1)
    brightness, contrast, saturation = (each[:, None, None, None].to(images) for each in (brightness, contrast, saturation))
    x = (images[:, :colours] + brightness) * contrast
    x = x * saturation + x.mean(dim=1, keepdim=True) * (1 - saturation)
    return x if colours == images.shape[1] else torch.cat([x, images[:, colours:]], dim=1)


def _normal(shares: Tensor) -> Tensor:
    """Normal numbers from uniform ones in [0, 1); at most 5 deviations from 0."""
    return math.sqrt(2) * torch.erfinv((2 * shares - 1) * (1 - 1e-6))


def _power(shares: Tensor, deviation: float) -> Tensor:
    """2 to the power of normal numbers of this deviation."""
    return (deviation * _normal(shares)).exp2()


def _turn(halves: Tensor) -> Tensor:
    """Matrices [B, 2, 2] that turn by so many half circles."""
    cosine, sine = (halves * math.pi).cos(), (halves * math.pi).sin()
    return torch.stack([torch.stack([cosine, sine], dim=1), torch.stack([-sine, cosine], dim=1)], dim=1)
