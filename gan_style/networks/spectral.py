"""Spectral normalisation: every layer's slope bounded by 1 (Miyato et al., 2018, arXiv 1802.05957)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from gan_style.networks.moments import outside_autocast

_FIRST_ITERATIONS = 15  # from a random vector; later each forward goes on from the last one's


class SpectralNorm(nn.Module):
    """W / sigma(W), W [out, ...] as a matrix [out, rest], sigma its largest singular value by the power method (equation 8, appendix A).

    u [out] and v [rest], the singular vectors so far, are buffers: a training goes on from them. A forward in training moves them on by
    one iteration (algorithm 1), but not while the weight is frozen: an opponent that is only read stays as it is. Why not torch's own
    `parametrizations.spectral_norm`: it moves on in an opponent's turn too, and takes sigma in half precision under autocast.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]).to(matrix), dim=0))
        self.register_buffer("v", F.normalize(matrix.T @ self.u, dim=0))
        for _ in range(_FIRST_ITERATIONS):
            self._iterate(matrix)

    @outside_autocast
    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        if self.training and weight.requires_grad:
            self._iterate(matrix.detach())
        return weight / (self.u @ matrix @ self.v)

    def _iterate(self, matrix: Tensor) -> None:
        """New tensors, not the old ones changed: an earlier forward's graph may still need those."""
        self.u = F.normalize(matrix @ self.v, dim=0)
        self.v = F.normalize(matrix.T @ self.u, dim=0)


def normalise_spectrally(network: nn.Module) -> nn.Module:
    """Put every convolution and linear layer of `network`, its weights drawn, under spectral normalisation; the same network."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            register_parametrization(layer, "weight", SpectralNorm(layer.weight))
    return network


def is_spectral(network: nn.Module) -> bool:
    """Has `normalise_spectrally` been here?"""
    return any(isinstance(module, SpectralNorm) for module in network.modules())
