"""The exponential moving average of the generators' weights, which inference uses (Yazici et al., 2018, arXiv 1806.04498)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gan_style.networks.layers.spectral import singular_vectors


class EMA:
    """Shadow weights: shadow <- decay * shadow + (1 - decay) * weight after each step.

    Integer buffers are copied. The singular vectors of spectral normalisation are copied too, because a mean of unit vectors is not
    a unit vector.

    warmup: after n steps the half-life of the average is at most warmup * n steps, so that the initial weights are soon forgotten
    (StyleGAN2-ADA's and EDM's public code, with 0.05); 0: no limit
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float, warmup: float = 0.0) -> None:
        self.decay, self.warmup = decay, warmup
        self.networks = dict(networks)
        self.copied = {name: singular_vectors(network) for name, network in networks.items()}
        self.shadows = {name: _copy(network.state_dict()) for name, network in networks.items()}

    def decay_after(self, steps: int) -> float:
        """The decay of the update after `steps` (at least 1) steps. A half-life of h steps is a decay of 0.5 ** (1 / h)."""
        return min(self.decay, 0.5 ** (1 / (self.warmup * steps))) if self.warmup else self.decay

    @torch.no_grad()
    def update(self, steps: int, still: Tensor) -> None:
        """Move every shadow towards its network, which has been updated `steps` times.

        still: a scalar on the networks' device; 1 if the networks did not move in this step, so that no shadow moves; else 0
        """
        for name, network in self.networks.items():
            weights = network.state_dict()
            averaged = [key for key in weights if weights[key].is_floating_point() and key not in self.copied[name]]
            shadow = self.shadows[name]
            pairs = [shadow[key] for key in averaged], [weights[key] for key in averaged]
            share = (1.0 - still.to(pairs[1][0])) * (1.0 - self.decay_after(steps))
            torch._foreach_lerp_(*pairs, [share] * len(averaged))  # pyright: ignore[reportPrivateImportUsage] - all weights in one call
            for key in weights.keys() - set(averaged):
                shadow[key].copy_(weights[key])

    def load(self, shadows: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Restore saved shadows."""
        for name, shadow in self.shadows.items():
            for key, value in shadow.items():
                value.copy_(shadows[name][key])


def _copy(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in weights.items()}
