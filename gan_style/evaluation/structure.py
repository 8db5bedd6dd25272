"""The structure distance: does a translation keep the layout of its input? It compares the self-similarities of both images.

    S(x)_ij = cos(f_i(x), f_j(x)),   d(x, y) = 1/n^2 sum_ij (S(x)_ij - S(y)_ij)^2

f_i: features of a fixed network at position i. With the keys of a DINO transformer S is the self-similarity of Tumanyan et al. (2022, arXiv
2201.00424) and d the structure loss of their code. With a VGG it follows Zheng et al. (2021, arXiv 2104.00854) and needs no weights beside
those of the losses.
"""

import torch.nn.functional as F
from torch import Tensor

SHORTER, LONGER = 224, 480  # pixels that larger images are scaled down to: S grows with the fourth power of the side


def structure_distance(features: Tensor, others: Tensor) -> Tensor:
    """d of two images' features [1, N, C]."""
    return (self_similarity(features) - self_similarity(others)).square().mean()


def self_similarity(features: Tensor) -> Tensor:
    """S [1, N, N] of features [1, N, C]."""
    directions = F.normalize(features, dim=2)
    return directions @ directions.transpose(1, 2)


def bounded(images: Tensor) -> Tensor:
    """Scale images [B, C, H, W] down to a shorter side of at most SHORTER and a longer side of at most LONGER pixels."""
    height, width = images.shape[-2:]
    scale = min(1.0, SHORTER / min(height, width), LONGER / max(height, width))
    if scale == 1.0:
        return images
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
