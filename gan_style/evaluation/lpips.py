"""LPIPS: learned perceptual image patch similarity (Zhang et al., 2018, arXiv 1801.03924), computed by torchmetrics.

    d(x, y) = sum_l 1/(H_l W_l) sum_hw | w_l * (x^l_hw - y^l_hw) |^2        (equation 1)

x^l, y^l: features of layer l of a fixed network, with length 1 at each position; w_l: learned weights of the channels, version 0.1.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.evaluation.features import RANDOM, family_of
from gan_style.files.looking import only_missed
from gan_style.networks.pretrained import vgg
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.pretrained.weights import downloaded, fitting, kept_file, read_weights, torchvision_address

Backbone = Literal["alex", "vgg"]
_LEAST: dict[Backbone, tuple[str, int]] = {"alex": ("AlexNet", 31), "vgg": ("layer relu5_3", 16)}  # name, and least pixels of a side


class LPIPS(nn.Module):
    """The distance of two images [1, C, H, W] in [-1, 1], a number of at least 0. The weights are frozen."""

    def __init__(self, choice: str, key: str) -> None:
        """Build torchmetrics' network and load its weights.

        choice: `alex` or `vgg`: torchvision's weights; `random`: VGG-16 with random weights; or the path of a file with AlexNet or VGG-16
        key: the option or key of the choice, for messages
        """
        super().__init__()
        from torchmetrics.functional.image import lpips

        self.words, backbone, weights = _chosen(choice, key)
        with torch.device("meta"):  # torchmetrics' public class downloads its weights and takes no others
            network = lpips._NoTrainLpips(pretrained=False, net=backbone, pnet_rand=True)
        network.to_empty(device="cpu")
        network.scaling_layer = lpips.ScalingLayer()
        network.net.load_state_dict(dict(zip(network.net.state_dict(), weights, strict=True)))
        path = _linear_file(backbone)
        linear = {name: place for name, place in network.state_dict().items() if name.startswith("lin") and not name.startswith("lins.")}
        stored = read_weights(path, "LPIPS", "install torchmetrics again")
        problem, otherwise = f"{path}: not LPIPS's linear weights", "; install torchmetrics as constraints.txt says"
        network.load_state_dict(fitting(stored, linear, problem, otherwise), strict=False)
        self.network = network.requires_grad_(False)
        self.name, self.least = _LEAST[backbone]

    def forward(self, translated: Tensor, truth: Tensor) -> Tensor:
        height, width = translated.shape[-2:]
        if min(height, width) < self.least:
            raise UserError(
                f"an image of {width} x {height} pixels is too small for {self.name}, which needs {self.least}: take larger images"
            )
        return self.network(to_rgb(translated), to_rgb(truth)).squeeze()


def _chosen(choice: str, key: str) -> tuple[str, Backbone, Iterable[Tensor]]:
    """The chosen network: its description for tables, its name in torchmetrics, the tensors of its convolutions in order."""
    address = torchvision_address("AlexNet")
    if choice == "alex" and only_missed(kept_file(address)):
        choice = "random"
    if choice in ("vgg", "random"):
        weights = "imagenet" if choice == "vgg" else "random"
        words = f"VGG-16, {'ImageNet' if choice == 'vgg' else 'random'} weights"
        return words, "vgg", vgg.load_vgg("vgg16", weights).values()
    path = downloaded(address, "AlexNet", f"give its path as {key}, or {RANDOM}") if choice == "alex" else Path(choice)
    stored = read_weights(path, "LPIPS", f"give a .pth or .safetensors file of AlexNet or VGG-16, `alex`, `vgg` or `random` as {key}")
    family = family_of(stored, path, key)
    if family == "vgg16":
        return f"VGG-16, {path.name}", "vgg", vgg.load_vgg("vgg16", str(path)).values()
    if family != "alexnet":
        raise UserError(f"{key}: {path} holds {family}, which LPIPS does not take; give AlexNet or VGG-16")
    from torchvision.models import alexnet

    with torch.device("meta"):
        expected = {name: place for name, place in alexnet(weights=None).state_dict().items() if name.startswith("features.")}
    return f"AlexNet, {path.name}", "alex", fitting(stored, expected, f"{path}: not the weights of AlexNet").values()


def _linear_file(backbone: str) -> Path:
    """The file in torchmetrics with the learned weights w_l of "alex" or "vgg"."""
    found = find_spec("torchmetrics")
    assert found and found.origin
    return Path(found.origin).parent / "functional" / "image" / "lpips_models" / f"{backbone}.pth"
