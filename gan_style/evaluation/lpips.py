"""LPIPS: learned perceptual image patch similarity (Zhang et al., 2018, arXiv 1801.03924).

    d(x, y) = sum_l 1/(H_l W_l) sum_hw | w_l * (x^l_hw - y^l_hw) |^2        (equation 1)

x^l, y^l: features of layer l of a fixed network, normalised to length 1 at each place; w_l: learned weights of the channels.
"""

from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.evaluation.features import lpips_network, rgb
from gan_style.networks.pretrained.weights import read_weights

_EPS = 1e-10


class LPIPS(nn.Module):
    """Distance of two images [1, C, H, W] in [-1, 1]. The learned weights are those of version 0.1, which torchmetrics brings along."""

    def __init__(self, choice: str, key: str) -> None:
        """choice: see `lpips_network`; key: what messages call it."""
        super().__init__()
        self.network, self.layers, whose, self.words = lpips_network(choice, key)
        path = _linear_file(whose)
        stored = read_weights(path, "LPIPS", "install torchmetrics again")
        for number, layer in enumerate(self.layers):
            weight = stored.get(f"lin{number}.model.1.weight")  # [1, C, 1, 1], the square of w_l
            if weight is None:
                raise UserError(f"{path}: does not hold LPIPS's linear weights; install torchmetrics as constraints.txt says")
            self.register_buffer(layer, weight.float(), persistent=False)

    def forward(self, translated: Tensor, truth: Tensor) -> Tensor:
        x, y = (self.network(rgb(images)) for images in (translated, truth))
        distance = translated.new_zeros(())
        for layer in self.layers:
            squares = (_normalised(x[layer]) - _normalised(y[layer])).square()  # [1, C, h, w]
            distance = distance + (self.get_buffer(layer) * squares).sum(dim=1).mean()
        return distance


def _normalised(features: Tensor) -> Tensor:
    """Length 1 along the channels."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPS)


def _linear_file(whose: str) -> Path:
    """Where torchmetrics keeps the learned weights of "alex" or "vgg"."""
    found = find_spec("torchmetrics")
    assert found and found.origin
    return Path(found.origin).parent / "functional" / "image" / "lpips_models" / f"{whose}.pth"
