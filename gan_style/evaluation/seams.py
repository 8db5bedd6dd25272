"""The seam index of a picture that was translated in tiles: how much more it changes across the tiles' borders than elsewhere.

Tiles of N pixels begin at the upper left corner, so their borders lie before rows and columns N, 2N, 3N and so on. Along each axis,

    s = mean |x_(i+1) - x_i| where a border lies between i and i + 1 / mean |x_(i+1) - x_i| elsewhere,

over positions and channels. The index is the mean of both axes' s. 1 means that nobody finds the borders in the differences. Gradients
of other axes are not compared, because pictures of buildings or layers differ along them.
"""

import math

import torch
from torch import Tensor

from gan_style.errors import UserError


def seam_index(image: Tensor, tile: int) -> float:
    """The seam index of an image [C, H, W] in tiles of `tile` pixels, 2 or more; 1 for a constant image, infinite if only borders change.

    An axis that is not longer than a tile has no borders and does not count. `UserError` if neither axis has a border.
    """
    height, width = image.shape[-2:]
    if max(height, width) <= tile:
        raise UserError(f"{width} x {height} pixels lie in one tile of {tile}, which has no borders; take smaller tiles")
    found = [_along(image, axis, tile) for axis in (1, 2) if image.shape[axis] > tile]
    return math.fsum(found) / len(found)


def _along(image: Tensor, axis: int, tile: int) -> float:
    """s along an axis."""
    others = [each for each in range(image.dim()) if each != axis]
    differences = image.diff(dim=axis).abs_().mean(dim=others, dtype=torch.float64)  # [length - 1]
    borders = torch.zeros(len(differences), dtype=torch.bool, device=image.device)
    borders[tile - 1 :: tile] = True
    across, elsewhere = float(differences[borders].mean()), float(differences[~borders].mean())
    if elsewhere == 0.0:
        return 1.0 if across == 0.0 else math.inf
    return across / elsewhere
