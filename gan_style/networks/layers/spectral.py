"""Spectral normalisation: every layer's slope bounded by 1 (Miyato et al., 2018, arXiv 1802.05957)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, register_parametrization

from gan_style.networks.layers.moments import outside_autocast

_FIRST_ITERATIONS = 16  # from a random vector; later each step goes on from the last one's


class SpectralNorm(nn.Module):
    """W / sigma(W), W as a matrix [out, rest], sigma its largest singular value by the power method (equation 8, appendix A).

    out: the axis of W that counts the outputs: 1 for a deconvolution, else 0

    u [out] and v [rest], the current singular vectors, are buffers and saved in checkpoints. `advance` moves them by one iteration
    (algorithm 1) before each step in which the network learns. A forward only reads them, so the number of forwards in a step does not
    matter. torch's own `parametrizations.spectral_norm` moves them in every forward, also in an opponent's turn, and computes sigma in
    half precision under autocast.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, out: int = 0) -> None:
        super().__init__()
        self.out = out
        matrix = self._matrix(weight.detach())
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]).to(matrix), dim=0))
        self.register_buffer("v", F.normalize(matrix.T @ self.u, dim=0))
        self.settle(weight)

    @outside_autocast
    def forward(self, weight: Tensor) -> Tensor:
        return weight / (self.u @ self._matrix(weight) @ self.v)

    @torch.no_grad()
    def iterate(self, weight: Tensor) -> None:
        """Move u and v by one iteration towards the singular vectors of this weight."""
        matrix = self._matrix(weight)
        self.u.copy_(F.normalize(matrix @ self.v, dim=0))
        self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))

    def settle(self, weight: Tensor) -> None:
        """Bring u and v close to the singular vectors of a weight that they do not belong to yet."""
        for _ in range(_FIRST_ITERATIONS):
            self.iterate(weight)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.out).flatten(1)


def normalise_spectrally(network: nn.Module) -> nn.Module:
    """`network` with every convolution, deconvolution and linear layer under spectral normalisation; its weights are drawn already.

    A network with the method `spectral_modules` has it in the modules that the method gives alone.
    """
    for layer in list(getattr(network, "spectral_modules", network.modules)()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            register_parametrization(layer, "weight", SpectralNorm(layer.weight, out=int(isinstance(layer, nn.ConvTranspose2d))))
    return network


Norms = list[tuple[SpectralNorm, Tensor]]  # with the weight that each normalises


def spectral_norms(network: nn.Module) -> Norms:
    """All spectral normalisations of `network`."""
    layers = [module for module in network.modules() if isinstance(module, ParametrizationList)]
    return [(norm, layer.original) for layer in layers for norm in layer if isinstance(norm, SpectralNorm)]


def advance(norms: Norms) -> None:
    """Move each by one iteration, before a step in which its weight learns."""
    for norm, weight in norms:
        norm.iterate(weight)


def singular_vectors(network: nn.Module) -> set[str]:
    """The names of all u and v in the network's state dict."""
    layers = [name for name, module in network.named_modules() if isinstance(module, SpectralNorm)]
    return {f"{layer}.{vector}" for layer in layers for vector in ("u", "v")}


def is_spectral(network: nn.Module) -> bool:
    """Has the network a spectral normalisation?"""
    return any(isinstance(module, SpectralNorm) for module in network.modules())
