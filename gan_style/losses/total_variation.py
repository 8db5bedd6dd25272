"""Total variation (Rudin et al., 1992; as a regulariser of style transfer in 1603.08155, section 3.2)."""

from torch import Tensor


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of vertical neighbours plus that of horizontal neighbours; 2 for a checkerboard of 0 and 1.

    images: [B, C, H, W]
    """
    images = images if images.dtype.itemsize >= 4 else images.float()
    return (images[..., 1:, :] - images[..., :-1, :]).abs().mean() + (images[..., :, 1:] - images[..., :, :-1]).abs().mean()
