"""Images that a displacement field moves. A field is [B, 2, H, W], in pixels: how far to the right, and how far down, each pixel looks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.networks.layers.moments import outside_autocast


@outside_autocast
def warp(images: Tensor, field: Tensor) -> Tensor:
    """images [B, C, H, W] at the places p + field(p), interpolated between four pixels; beyond the edges the nearest pixel counts.

    The result is at least float32. A field of 0 gives the images: exactly where H and W are powers of 2, else up to the rounding of places.
    """
    height, width = images.shape[2:]
    right, down = field.to(images).unbind(dim=1)
    x = right + torch.arange(width, device=field.device, dtype=right.dtype)
    y = down + torch.arange(height, device=field.device, dtype=down.dtype)[:, None]
    # From numbers of pixels to coordinates in which the image's edges are -1 and 1.
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=3)
    return F.grid_sample(images, places, mode="bilinear", padding_mode="border", align_corners=False)
