"""Degradations of pictures at four levels of strength, for benchmarks/degradations.py and the tests of metrics.

The levels are meant to be equally visible in all kinds:

  1  found by a comparison side by side      2  found by a person who looks for it
  3  seen at once                            4  the picture is spoilt
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from gan_style.evaluation.cases import as_written
from gan_style.files import images

LEVEL = 2 / 255  # of 8 bits, in a range of [-1, 1]
Pictures = Sequence[Tensor]  # [3, H, W] in [-1, 1]
Place = tuple[str, int]  # a kind and a level, 1 to 4
_GOLDEN = (5**0.5 - 1) / 2  # its multiples divide pictures evenly, in any subset


def blurred(picture: Tensor, number: int, strength: float) -> Tensor:
    """Gaussian blur. strength: its standard deviation in pixels"""
    side = 2 * math.ceil(3 * strength) + 1
    return transforms.gaussian_blur(picture, [side, side], [strength, strength])


def noisy(picture: Tensor, number: int, strength: float) -> Tensor:
    """Gaussian noise. strength: its standard deviation in levels of 255"""
    return picture + strength * LEVEL * torch.randn(picture.shape, generator=torch.Generator().manual_seed(number))


def gridded(picture: Tensor, number: int, strength: float) -> Tensor:
    """The pattern that two transposed convolutions with kernel 3 and stride 2 leave. strength: its standard deviation in levels of 255"""
    line = torch.ones(1, 1, picture.shape[-1])
    for _ in range(2):
        line = F.conv_transpose1d(line, torch.ones(1, 1, 3), stride=2)
    line = line[0, 0, 8 : 8 + picture.shape[-1]]  # without the border
    pattern = line[:, None] * line
    return picture + strength * LEVEL * (pattern - pattern.mean()) / pattern.std()


def other_hue(picture: Tensor, number: int, strength: float) -> Tensor:
    """strength: degrees of the colour wheel, at most 180"""
    return transforms.adjust_hue((picture + 1) / 2, strength / 360) * 2 - 1


def grayed(picture: Tensor, number: int, strength: float) -> Tensor:
    """strength: share of the way to the mean of the channels"""
    return picture.lerp(picture.mean(dim=0, keepdim=True).expand_as(picture), strength)


def brighter(picture: Tensor, number: int, strength: float) -> Tensor:
    """strength: levels of 255 that are added"""
    return picture + strength * LEVEL


def shuffled(picture: Tensor, number: int, strength: float) -> Tensor:
    """Square tiles in a random order. strength: tiles along a side"""
    count = int(strength)
    side = picture.shape[-1] // count
    tiles = picture.unfold(1, side, side).unfold(2, side, side).flatten(1, 2)  # [3, count^2, side, side]
    tiles = tiles[:, torch.randperm(count**2, generator=torch.Generator().manual_seed(number))].unflatten(1, (count, count))
    return tiles.transpose(2, 3).flatten(3).flatten(1, 2)


def compressed(picture: Tensor, number: int, strength: float) -> Tensor:
    """JPEG. strength: its quality"""
    file = io.BytesIO()
    Image.fromarray(images.to_pixels(picture)).save(file, "JPEG", quality=int(strength))
    return images.to_tensor(np.asarray(Image.open(file)))


@dataclass(frozen=True)
class Kind:
    """A kind of degradation at four strengths. change: (picture, its number, strength) -> degraded picture

    A kind without `change` replaces a share of the set: by other pictures of it, or by the first one.
    """

    words: str
    strengths: tuple[float, float, float, float]
    change: Callable[[Tensor, int, float], Tensor] | None = None


KINDS: dict[str, Kind] = {
    "blur": Kind("standard deviation, pixels", (0.5, 1, 2, 4), blurred),
    "noise": Kind("standard deviation, levels of 255", (4, 10, 25, 60), noisy),
    "grid": Kind("standard deviation, levels of 255", (2, 5, 12, 30), gridded),
    "hue": Kind("degrees of the colour wheel", (10, 30, 90, 180), other_hue),
    "gray": Kind("share of the way to gray", (0.25, 0.5, 0.75, 1), grayed),
    "brightness": Kind("levels of 255 added", (8, 20, 45, 90), brighter),
    "tiles": Kind("tiles along a side, shuffled", (2, 4, 8, 16), shuffled),
    "JPEG": Kind("quality", (75, 30, 10, 4), compressed),
    "another": Kind("share of pictures that are another real one", (0.25, 0.5, 0.75, 1)),
    "collapse": Kind("share of pictures that are one and the same", (0.25, 0.5, 0.75, 1)),
}


def degraded(pictures: Pictures, kind: str, level: int) -> list[Tensor]:
    """The pictures with a degradation of a level from 1 to 4, rounded to 8 bits."""
    what, strength = KINDS[kind], KINDS[kind].strengths[level - 1]
    if what.change:
        return [as_written(what.change(picture, number, strength).clamp(-1, 1)) for number, picture in enumerate(pictures)]
    return [
        pictures[0 if kind == "collapse" else (number + len(pictures) // 2) % len(pictures)] if number * _GOLDEN % 1 < strength else picture
        for number, picture in enumerate(pictures)
    ]
