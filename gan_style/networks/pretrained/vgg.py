"""VGG-16 and VGG-19 (Simonyan and Zisserman, 2014, arXiv 1409.1556) as extractors of features by layer name.

Layers: conv1_1, relu1_1, conv1_2, relu1_2, pool1, conv2_1, ... pool5; see `layers`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.files.looking import only_missed
from gan_style.networks.pretrained.weights import kept_file, read_weights, torchvision_file

# Channels and number of convolutions of the five blocks.
BLOCKS = {
    "vgg16": ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)),
    "vgg19": ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)),
}
_FILES = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}  # torchvision's; the name holds the SHA-256's beginning
_RANDOM_SEED = 1409


def layers(name: str) -> list[str]:
    """The layers of "vgg16" or "vgg19", in order."""
    found = []
    for block, (_, count) in enumerate(BLOCKS[name], start=1):
        for number in range(1, count + 1):
            found += [f"conv{block}_{number}", f"relu{block}_{number}"]
        found.append(f"pool{block}")
    return found


class VGGFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> {layer: features [B, C, h, w]}, for the layers asked for and no deeper.

    weights: "imagenet", "random" (see `load`) or a file; None leaves them to a state dict. Frozen and never trained.
    pooling: "max" as trained, or "avg", which Gatys et al. found to give smoother results (1508.06576, section 2).
    H and W must be at least `minimum_size`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, wanted: Sequence[str], weights: str | None = "imagenet", pooling: str = "max") -> None:
        super().__init__()
        order = layers(name)
        unknown = sorted(set(wanted) - set(order))
        if unknown or not wanted:
            raise ValueError(f"{name} has no layer {', '.join(unknown) or '(none was asked for)'}; it has {', '.join(order)}")
        self.wanted = tuple(layer for layer in order if layer in wanted)
        self.pooling = pooling
        self.run = order[: order.index(self.wanted[-1]) + 1]
        self.minimum_size = 2 ** sum(layer.startswith("pool") for layer in self.run)
        self.convolutions = nn.ModuleDict()
        channels = 3
        for layer in self.run:
            if layer.startswith("conv"):
                width = BLOCKS[name][int(layer[4]) - 1][0]
                conv = nn.Conv2d if weights is None else partial(nn.utils.skip_init, nn.Conv2d)
                self.convolutions[layer] = conv(channels, width, 3, padding=1)
                channels = width
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        stored = {} if weights is None else load(name, weights)
        for layer, convolution in self.convolutions.items() if stored else ():
            convolution.load_state_dict({part: stored[f"{layer}.{part}"] for part in ("weight", "bias")})
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
        """wanted: some of the layers that were asked for, where not all are needed; nothing behind the deepest is computed."""
        missing = set(self.wanted if wanted is None else wanted)
        if min(images.shape[-2:]) < self.minimum_size:
            height, width = images.shape[-2:]
            raise UserError(
                f"an image of {width} x {height} pixels is too small for layer {self.wanted[-1]}, which needs {self.minimum_size}: "
                "take larger images or shallower layers"
            )
        x = ((images + 1) / 2 - self.mean) / self.deviation
        features = {}
        for layer in self.run:
            if layer.startswith("conv"):
                x = self.convolutions[layer](x)
            elif layer.startswith("relu"):
                x = F.relu(x)
            else:
                x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if layer in missing:
                features[layer] = x  # [B, C, H / 2^p, W / 2^p] after p poolings
                missing.remove(layer)
                if not missing:
                    break
        return features


def load(name: str, weights: str) -> Mapping[str, Tensor]:
    """{conv1_1.weight, conv1_1.bias, ...} of every convolution.

    "imagenet": torchvision's file, downloaded once and checked by its hash; "random": He's initialisation from a fixed seed, good for
    textures (1606.00021) and tests, not for recognising content; else a .pth or .safetensors file with torchvision's names or
    these. `UserError` where the file is not there or does not fit. Nothing is unpickled but tensors.
    """
    convolutions = [layer for layer in layers(name) if layer.startswith("conv")]
    if weights == "random" or (weights == "imagenet" and only_missed(kept_file(_FILES[name]))):
        return _random(name, convolutions)
    otherwise = "give its path, or take `random`, which is good for textures"
    path = torchvision_file(_FILES[name], name, otherwise) if weights == "imagenet" else Path(weights)
    stored = read_weights(path, "VGG", "give a .pth or .safetensors file, `imagenet` or `random`")
    if any(key.startswith("features.") for key in stored):  # torchvision numbers the layers of its sequence
        numbers = sorted({int(key.split(".")[1]) for key in stored if key.startswith("features.") and key.endswith(".weight")})
        names = dict(zip(convolutions, numbers, strict=False))
        found = {f"{layer}.{part}": stored.get(f"features.{n}.{part}") for layer, n in names.items() for part in ("weight", "bias")}
    else:
        found = {f"{layer}.{part}": stored.get(f"{layer}.{part}") for layer in convolutions for part in ("weight", "bias")}
    expected = {key: value.shape for key, value in _random(name, convolutions, torch.device("meta")).items()}
    fitting: dict[str, Tensor] = {}
    for key, shape in expected.items():
        tensor = found.get(key)
        if not isinstance(tensor, Tensor) or tensor.shape != shape or not tensor.is_floating_point():
            raise UserError(f"{path}: not the weights of {name}: {key} is missing or has another shape; give torchvision's {_FILES[name]}")
        fitting[key] = tensor.float()
    return fitting


def _random(name: str, convolutions: Sequence[str], device: torch.device | None = None) -> dict[str, Tensor]:
    generator = None if device else torch.Generator().manual_seed(_RANDOM_SEED)
    drawn: dict[str, Tensor] = {}
    channels = 3
    for layer in convolutions:
        width = BLOCKS[name][int(layer[4]) - 1][0]
        deviation = (2.0 / (9 * channels)) ** 0.5  # He et al., 1502.01852: keeps the activations' scale through ReLUs
        drawn[f"{layer}.weight"] = torch.randn(width, channels, 3, 3, generator=generator, device=device) * deviation
        drawn[f"{layer}.bias"] = torch.zeros(width, device=device)
        channels = width
    return drawn
