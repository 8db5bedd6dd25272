"""Distances between sets of images, computed from their features [N, D]: FID and KID."""

import warnings

import torch
from torch import Tensor, nn

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000
_KID_SEED = 1801


def fid(translated: Tensor, real: Tensor) -> float:
    """|mu - mu'|^2 + Tr(S + S' - 2 (S S')^(1/2)) of the two sets' means and covariances (Heusel et al., 2017, 1706.08500, equation 6).

    Let S = X^T X and S' = Y^T Y for centred and scaled features X and Y. Then the roots of the eigenvalues of S S' are the singular values
    of X Y^T. Computing these is much faster, and exact also for fewer images than features, where S S' is singular.
    """
    translated, real = translated.double(), real.double()
    x, y = _root_of_covariance(translated), _root_of_covariance(real)
    means = (translated.mean(dim=0) - real.mean(dim=0)).square().sum()
    traces = x.square().sum() + y.square().sum()
    distance = means + traces - 2 * torch.linalg.svdvals(x @ y.T).sum()
    return max(0.0, float(distance))  # rounding can leave less than nothing of two equal sets


def _root_of_covariance(features: Tensor) -> Tensor:
    """X [min(N, D), D] such that X^T X is the covariance of features [N, D]."""
    count, width = features.shape
    centred = (features - features.mean(dim=0)) / (count - 1) ** 0.5
    return torch.linalg.qr(centred, mode="r").R if count > width else centred


def kid(translated: Tensor, real: Tensor) -> float:
    """Squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, unbiased (Binkowski et al., 2018, 1801.01401).

    It is the mean over 100 random subsets of 1000 images of each set, or of as many as the smaller set has.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(KID_SUBSET_SIZE, len(translated), len(real))
    subsets = 1 if size == len(translated) == len(real) else KID_SUBSETS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps all features
        metric = KernelInceptionDistance(_Given(), subsets=subsets, subset_size=size, sync_on_compute=False)
    with torch.random.fork_rng(devices=[]):  # it draws the subsets from the global generator
        torch.manual_seed(_KID_SEED)
        metric.update(real.double(), real=True)
        metric.update(translated.double(), real=False)
        mean, _ = metric.compute()
    return float(mean)


class _Given(nn.Module):
    """A stand-in for torchmetrics' feature network: the features are already computed."""

    def forward(self, features: Tensor) -> Tensor:
        return features
