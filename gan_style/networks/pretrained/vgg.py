"""torchvision's VGG-16 and VGG-19 (Simonyan and Zisserman, 2014, arXiv 1409.1556) as extractors of features by layer name.

Layers: conv1_1, relu1_1, conv1_2, relu1_2, pool1, conv2_1, ... pool5; see `layers`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.files.looking import only_missed
from gan_style.networks.pretrained.normalisation import ImageNetNormalisation
from gan_style.networks.pretrained.weights import downloaded, fitting, kept_file, read_weights, torchvision_address

# Channels and number of convolutions of the five blocks: names of layers are known before torchvision is loaded.
BLOCKS = {
    "vgg16": ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)),
    "vgg19": ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)),
}
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

    weights: "imagenet", "random" (see `load_vgg`) or a file; None: torch's initialisation, which a state dict then replaces.
    pooling: "max" as trained, or "avg", which Gatys et al. found to give smoother results (1508.06576, section 2).
    padding: "zeros" as trained, or "reflect", which shows no border where the image ends.
    H and W must be at least `minimum_size`. Frozen and never trained.
    """

    def __init__(
        self,
        name: str,
        wanted: Sequence[str],
        weights: str | None = "imagenet",
        pooling: str = "max",
        padding: Literal["zeros", "reflect"] = "zeros",
    ) -> None:
        super().__init__()
        order = layers(name)
        unknown = sorted(set(wanted) - set(order))
        if unknown or not wanted:
            raise ValueError(f"{name} has no layer {', '.join(unknown) or '(none was asked for)'}; it has {', '.join(order)}")
        self.wanted = tuple(layer for layer in order if layer in wanted)
        self.pooling = pooling
        self.run = order[: order.index(self.wanted[-1]) + 1]
        self.minimum_size = (2 if padding == "reflect" else 1) * 2 ** sum(layer.startswith("pool") for layer in self.run)
        self.convolutions = nn.ModuleDict()  # checkpoints and bundles use these names
        modules = dict(zip(order, _torchvisions(name), strict=True))
        for layer in self.run:
            if layer.startswith("conv"):
                convolution = cast(nn.Conv2d, modules[layer].to_empty(device=torch.get_default_device()))
                convolution.padding_mode = padding
                if weights is None:
                    convolution.reset_parameters()
                self.convolutions[layer] = convolution
        self.relu = nn.ReLU()  # torchvision's ReLU works in place and would overwrite requested features
        self.pool = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
        self.normalise = ImageNetNormalisation()
        stored = {} if weights is None else load_vgg(name, weights)
        for layer, convolution in self.convolutions.items() if stored else ():
            convolution.load_state_dict({part: stored[f"{layer}.{part}"] for part in ("weight", "bias")})
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
        """wanted: some of the layers that were asked for; the network computes nothing behind the deepest."""
        wanted = self.wanted if wanted is None else wanted
        height, width = images.shape[-2:]
        if height < self.minimum_size or width < self.minimum_size:
            raise UserError(
                f"an image of {width} x {height} pixels is too small for layer {self.wanted[-1]}, which needs {self.minimum_size}: "
                "take larger images or shallower layers"
            )
        x = self.normalise(images)
        features = {}
        for layer in self.run[: 1 + max(map(self.run.index, wanted))]:
            if layer.startswith("conv"):
                x = self.convolutions[layer](x)
            else:
                x = self.relu(x) if layer.startswith("relu") else self.pool(x)
            if layer in wanted:
                features[layer] = x  # [B, C, H / 2^p, W / 2^p] after p poolings
        return features


def load_vgg(name: str, weights: str) -> Mapping[str, Tensor]:
    """Load the tensors of all convolutions: conv1_1.weight, conv1_1.bias, ...

    "imagenet": torchvision's file, downloaded once and checked by its hash. "random": He's initialisation from a fixed seed, good for
    textures (1606.00021) and tests, not for recognising content. Else a .pth or .safetensors file with torchvision's names or
    the names above. `UserError` if the file is missing or does not fit. The function unpickles nothing but tensors.
    """
    theirs, order = _torchvisions(name).state_dict(), layers(name)
    numbered = {f"{order[int(number)]}.{part}": f"{number}.{part}" for number, part in (key.split(".") for key in theirs)}
    expected = {key: theirs[number] for key, number in numbered.items()}
    address = torchvision_address(name.upper())
    if weights == "random" or (weights == "imagenet" and only_missed(kept_file(address))):
        return he_weights(expected)
    otherwise = "give its path, or take `random`, which is good for textures"
    path = downloaded(address, name, otherwise) if weights == "imagenet" else Path(weights)
    stored = read_weights(path, "VGG", "give a .pth or .safetensors file, `imagenet` or `random`")
    if any(key.startswith("features.") for key in stored):
        stored = {key: stored[f"features.{number}"] for key, number in numbered.items() if f"features.{number}" in stored}
    return fitting(stored, expected, f"{path}: not the weights of {name}", f"; give torchvision's {kept_file(address).name}")


def _torchvisions(name: str) -> nn.Sequential:
    """The convolutions, ReLUs and poolings of torchvision's network, one for each of `layers(name)`, without memory for weights."""
    from torchvision import models

    with torch.device("meta"):
        return getattr(models, name)(weights=None, init_weights=False).features


def he_weights(expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of these shapes from a fixed seed that keep the scale of activations through ReLUs (He et al., 1502.01852); biases are 0."""
    generator = torch.Generator().manual_seed(_RANDOM_SEED)
    drawn: dict[str, Tensor] = {}
    for key, place in expected.items():
        if key.endswith("bias"):
            drawn[key] = torch.zeros(place.shape)
        else:
            drawn[key] = torch.randn(place.shape, generator=generator) * (2.0 / place[0].numel()) ** 0.5
    return drawn
