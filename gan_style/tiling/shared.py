"""A network whose normalisations share their statistics over the frames of a video.

With statistics of its own, each frame gets other colours as soon as something enters it, and still parts of the scene flicker. Here frame n
after a cut is normalised by an average over it and the frames before it:

    m_1 = x_1        m_n = m_(n-1) + (x_n - m_(n-1)) / MEMORY

x_n are the mean and the mean square of a channel of frame n; shared statistics have normalised all earlier layers already. So one pass over
the frames is enough, frame 1 has its own statistics, and older frames fade. A shorter memory follows a scene sooner and flickers more:
benchmarks/video.py measures it.
"""

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.normalisation import EPSILON, InstanceNorm2d, PerImageBatchNorm2d

MEMORY = 240  # frames: ten seconds of film

_SHARED = (InstanceNorm2d, PerImageBatchNorm2d, ConditionalInstanceNorm2d)
_OTHERS = (nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)  # measure too, and are not replaced


class SharedNorm2d(nn.Module):
    """A normalisation of frames x [B, C, H, W], which follow each other, by shared statistics; its scale and shift are those of `layer`.

    seen: the number of frames since the last cut
    mean, square: [C], float64, the averages of the values and of their squares
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.seen = 0
        self.mean = self.square = torch.zeros(0, dtype=torch.float64)

    def forward(self, x: Tensor, styles: Tensor | None = None) -> Tensor:
        y = torch.cat([self._normalised(frame) for frame in x.split(1)])
        if isinstance(self.layer, ConditionalInstanceNorm2d):
            gamma, beta = self.layer.affine(x, styles)
            return y * gamma + beta
        return y

    def _normalised(self, frame: Tensor) -> Tensor:
        """frame: [1, C, H, W]"""
        variance, mean = (each[0].double() for each in torch.var_mean(frame.float(), dim=(2, 3), correction=0))
        square = variance + mean.square()
        self.seen += 1
        self.mean = mean if self.seen == 1 else torch.lerp(self.mean.to(mean), mean, 1 / MEMORY)
        self.square = square if self.seen == 1 else torch.lerp(self.square.to(mean), square, 1 / MEMORY)
        shared = (self.square - self.mean.square()).clamp(min=0)
        scale, shift, epsilon = (
            (self.layer.weight, self.layer.bias, self.layer.eps) if isinstance(self.layer, PerImageBatchNorm2d) else (None, None, EPSILON)
        )
        return F.batch_norm(frame, self.mean.float(), shared.float(), scale, shift, False, 0.0, epsilon)


class SharedStatistics:
    """A copy of a serving network whose normalisations are shared over the frames that it is given one after another.

    `UserError` if the network has no statistics to share, or some that cannot be shared.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network)
        self._norms: dict[str, SharedNorm2d] = {}
        for name, module in list(self.network.named_modules()):
            if isinstance(module, _OTHERS):
                raise UserError(f"--statistics shared: the statistics of {name} ({type(module).__name__}) cannot be shared; leave it out")
            if isinstance(module, _SHARED):
                parent, _, own = name.rpartition(".")
                self._norms[name] = SharedNorm2d(module)
                setattr(self.network.get_submodule(parent), own, self._norms[name])
        if not self._norms:
            raise UserError(
                "--statistics shared: the network does not normalise a picture by the picture's own statistics, so that frames share "
                "nothing; leave it out"
            )

    def reset(self) -> None:
        """Begin anew, as at a cut."""
        for norm in self._norms.values():
            norm.seen = 0

    def state(self) -> dict[str, Tensor]:
        """The statistics so far, on the CPU."""
        found: dict[str, Tensor] = {}
        for name, norm in self._norms.items():
            if norm.seen:
                found |= {f"{name}.seen": torch.tensor(norm.seen), f"{name}.mean": norm.mean.cpu(), f"{name}.square": norm.square.cpu()}
        return found

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`."""
        for name, norm in self._norms.items():
            norm.seen = int(state.get(f"{name}.seen", torch.tensor(0)))
            if norm.seen:
                norm.mean, norm.square = (state[f"{name}.{which}"].clone() for which in ("mean", "square"))
