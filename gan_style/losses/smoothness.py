"""The smoothness of a displacement field (RegGAN, Kong et al., 2021, arXiv 2110.06465), and its length."""

from torch import Tensor


def smoothness(field: Tensor) -> Tensor:
    """E[|grad u|^2]: the mean square difference of vertical neighbours plus that of horizontal neighbours.

    field: u [B, 2, H, W] in pixels, H, W >= 2. A field that grows by 0.1 pixel from each pixel to the next along one axis, in one of
    its two components, has 0.005.
    """
    return (field[..., 1:, :] - field[..., :-1, :]).square().mean() + (field[..., :, 1:] - field[..., :, :-1]).square().mean()


def length(field: Tensor) -> Tensor:
    """E[u^2] over both components, in square pixels. field: as in `smoothness`"""
    return field.square().mean()
