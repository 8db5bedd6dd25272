"""Spectral normalisation: every layer's slope bounded by 1 (Miyato et al., 2018, arXiv 1802.05957)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from gan_style.networks.moments import outside_autocast

_FIRST_ITERATIONS = 15  # from a random vector; later each forward goes on from the last one's


class SpectralNorm(nn.Module):
    """W / sigma(W), W as a matrix [out, rest], sigma its largest singular value by the power method (equation 8, appendix A).

    out: the axis of W of the outputs: 0 but for a deconvolution, where it is 1

    u [out] and v [rest], the singular vectors so far, are buffers: a training goes on from them. A forward in training moves them on by
    one iteration (algorithm 1), but not where nothing is learned from it, the weight frozen or no graph made: then processes that call
    it unequally often would part. Why not torch's own `parametrizations.spectral_norm`: it moves on in an opponent's turn too, and
    takes sigma in half precision under autocast.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, out: int = 0) -> None:
        super().__init__()
        self.out = out
        matrix = self._matrix(weight.detach())
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]).to(matrix), dim=0))
        self.register_buffer("v", F.normalize(matrix.T @ self.u, dim=0))
        for _ in range(_FIRST_ITERATIONS):
            self._iterate(matrix)

    @outside_autocast
    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        if self.training and weight.requires_grad and torch.is_grad_enabled():
            self._iterate(matrix.detach())
        return weight / (self.u @ matrix @ self.v)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.out).flatten(1)

    def _iterate(self, matrix: Tensor) -> None:
        """New tensors, not the old ones changed: an earlier forward's graph may still need those."""
        self.u = F.normalize(matrix @ self.v, dim=0)
        self.v = F.normalize(matrix.T @ self.u, dim=0)


def normalise_spectrally(network: nn.Module) -> nn.Module:
    """Put every convolution, deconvolution and linear layer of `network`, its weights drawn, under it; the same network."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            register_parametrization(layer, "weight", SpectralNorm(layer.weight, out=int(isinstance(layer, nn.ConvTranspose2d))))
    return network


def singular_vectors(network: nn.Module) -> set[str]:
    """The names of all u and v in the network's state."""
    layers = [name for name, module in network.named_modules() if isinstance(module, SpectralNorm)]
    return {f"{layer}.{vector}" for layer in layers for vector in ("u", "v")}


def is_spectral(network: nn.Module) -> bool:
    """Has `normalise_spectrally` been here?"""
    return any(isinstance(module, SpectralNorm) for module in network.modules())
