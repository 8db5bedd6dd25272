"""Styles, regions and colours as tensors: the controls of Gatys et al. (2016, arXiv 1611.07865).

Pictures are [1, 3, H, W], values in [-1, 1].
"""

import difflib
import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import Encoded
from gan_style.networks.pretrained.vgg import layers

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601: the Y of YIQ and YCbCr
_LEAST_VARIANCE = 1e-6  # smallest variance of a colour direction: a tenth of one 8-bit level, squared


def parse_style(text: str) -> tuple[Path, float | None]:
    """Parse `PICTURE[:SHARE]` to (file, share or None). A file whose name is the whole text has no share.

    `UserError` if there is no such file, or the share is not a number from 0 to 1.
    """
    path, share = Path(text), None
    if not os.path.isfile(path) and ":" in text:  # noqa: PTH113 - Path.is_file raises for a name that is too long
        name, _, tail = text.rpartition(":")
        path, share = Path(name), tail
    if not os.path.isfile(path):  # noqa: PTH113
        raise UserError(f"--style {text}: no such file; give PICTURE or PICTURE:SHARE")
    return path, None if share is None else parse_share(str(path), share)


def parse_share(style: str, text: str) -> float:
    """Parse a number from 0 to 1. `UserError` names the style."""
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UserError(f"--style {style}: the share {text!r} is no number from 0 to 1")
    return share


def shares_of(given: Sequence[float | None]) -> list[float]:
    """The shares of several styles, with the sum 1; equal if none is given. `UserError` if only some are given, or the sum is not 1."""
    known = [share for share in given if share is not None]
    if not known:
        return [1 / len(given)] * len(given)
    if len(known) < len(given):
        raise UserError("--style: give every style a share, or none")
    if abs(sum(known) - 1) > 1e-3:
        raise UserError(f"--style: the shares sum to {sum(known):g}, not to 1")
    return [share / sum(known) for share in known]


def parse_layers(option: str, text: str, network: str) -> dict[str, float]:
    """`relu1_1,relu2_1=0.5` -> {"relu1_1": 1.0, "relu2_1": 0.5}; the layers are those of "vgg16" or "vgg19".

    `UserError`, which begins with `option`, if `network` lacks a layer, a layer occurs twice, or a weight is not a positive number.
    """
    known, found = layers(network), dict[str, float]()
    for part in text.split(","):
        layer, _, number = part.strip().partition("=")
        if layer not in known:
            near = difflib.get_close_matches(layer, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {known[0]} to {known[-1]}"
            raise UserError(f"{option} {text}: {network} has no layer {layer!r}; {hint}")
        if layer in found:
            raise UserError(f"{option} {text}: names {layer} twice")
        try:
            found[layer] = float(number or "1")
        except ValueError:
            found[layer] = math.nan
        if not 0 < found[layer] < math.inf:
            raise UserError(f"{option} {text}: the weight of {layer} must be a positive number")
    return found


def read_mask(path: Path | Encoded, photo: Path | Encoded, height: int, width: int) -> Tensor:
    """Read a gray picture as a mask [1, 1, height, width]: black is 0, white is 1.

    `UserError` if it cannot be read, has another size than the photo (`height`, `width`), or is black everywhere.
    """
    name = f"--mask {path}" if isinstance(path, Path) else path
    pixels = images.read(path, 1, srgb=False).pixels
    rows, columns = pixels.shape[:2]
    if (rows, columns) != (height, width):
        turned = images.probe(photo).orientation if (rows, columns) == (width, height) else 1
        upright = f" when turned by its EXIF orientation {turned}" if turned != 1 else ""
        sizes = f"is {columns} x {rows} pixels, but {photo} is {width} x {height}{upright}"
        raise UserError(f"{name}: {sizes}; a mask has its photo's size")
    if not pixels.any():
        raise UserError(f"{name}: is black everywhere; paint white where the style goes")
    return (images.to_tensor(pixels)[None] + 1) / 2


def luminance(pictures: Tensor) -> Tensor:
    """[B, 3, H, W] -> [B, 1, H, W], Rec. 601."""
    return (pictures * pictures.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def match_luminance(style: Tensor, photo: Tensor) -> Tensor:
    """The luminance [1, 1, h, w] of a style, with the mean and deviation of a photo's (1611.07865, section 5.2). It may exceed [-1, 1]."""
    spread = photo.std(correction=0) / style.std(correction=0).clamp(min=_LEAST_VARIANCE**0.5)
    return (style - style.mean()) * spread + photo.mean()


def with_chroma(stylised: Tensor, photo: Tensor) -> Tensor:
    """The luminance `stylised` [B, 1, H, W] in the colours of `photo` [B, 3, H, W] (1611.07865, section 5.2).

    R - Y and B - Y, and with them I, Q, Cb and Cr, stay exactly those of the photo: all channels move by the same amount, until the
    first one reaches the end of its range. The luminance of a pure colour is therefore limited.
    """
    change = stylised - luminance(photo)
    low, high = -1.0 - photo.amin(dim=1, keepdim=True), 1.0 - photo.amax(dim=1, keepdim=True)
    return photo + change.clamp(low, high)


def recolour(style: Tensor, photo: Tensor) -> Tensor:
    """Give a style picture the mean and the covariance of the photo's RGB (1611.07865, section 5.1). It may exceed [-1, 1].

    x -> A x + b with A = C_photo^(1/2) C_style^(-1/2), the symmetric roots. A direction of colour in which the style does not vary, such
    as the chroma of a gray style, stays constant.
    """
    (style_mean, style_root), (photo_mean, photo_root) = _colours(style), _colours(photo)
    transform = photo_root @ torch.linalg.inv(style_root)
    flat = style.flatten(2)[0].double() - style_mean  # [3, h w]
    return (transform @ flat + photo_mean).to(style.dtype).view_as(style)


def _colours(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The mean [3, 1] and the root [3, 3] of the covariance of a picture's pixels, in float64."""
    flat = picture.flatten(2)[0].double()  # [3, H W]
    values, vectors = torch.linalg.eigh(torch.cov(flat, correction=0))
    return flat.mean(dim=1, keepdim=True), vectors @ torch.diag(values.clamp(min=_LEAST_VARIANCE).sqrt()) @ vectors.T
