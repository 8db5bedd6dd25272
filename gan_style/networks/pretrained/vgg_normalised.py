"""The encoder of AdaIN's authors: a VGG-19 whose filters' mean activation is 1, behind a convolution that normalises colours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from gan_style.errors import UserError
from gan_style.networks.pretrained.vgg import BLOCKS, he_weights, layers
from gan_style.networks.pretrained.weights import fitting, read_weights

FILE = "vgg_normalised.pth"
COLOURS = "colours"  # the first convolution, 1 x 1


class NormalisedVGG(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] -> {layer: features [B, C, h, w]}, for the layers asked for, as `VGGFeatures`.

    weights: "random" (He's initialisation from a fixed seed) or the file of pytorch-AdaIN; None: torch's initialisation
    Convolutions pad by reflection, so H and W must be at least `minimum_size`. A pooling keeps the last row of an odd number. Frozen.
    """

    def __init__(self, wanted: Sequence[str], weights: str | None) -> None:
        super().__init__()
        order = layers("vgg19")
        self.wanted = tuple(wanted)
        self.run = order[: max(map(order.index, wanted)) + 1]
        self.size_multiple = 2 ** sum(layer.startswith("pool") for layer in self.run)
        self.minimum_size = 2 * self.size_multiple  # 2 pixels to reflect
        make = nn.Conv2d if weights is None else _empty
        self.convolutions = nn.ModuleDict({COLOURS: make(3, 3, 1)})
        channels = 3
        for layer in self.run:
            if layer.startswith("conv"):
                width = BLOCKS["vgg19"][int(layer[4]) - 1][0]
                self.convolutions[layer] = make(channels, width, 3, padding=1, padding_mode="reflect")
                channels = width
        self.relu = nn.ReLU()
        if weights is not None:
            self.convolutions.load_state_dict(_loaded(self.convolutions.state_dict(), weights))
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
        """wanted: some of the layers that were asked for; the network computes nothing behind the deepest."""
        wanted = self.wanted if wanted is None else wanted
        if min(images.shape[-2:]) < self.minimum_size:
            height, width = images.shape[-2:]
            raise UserError(
                f"an image of {width} x {height} pixels is too small for the encoder, which needs {self.minimum_size}: take larger images"
            )
        ceil = any(side % self.size_multiple for side in images.shape[-2:])  # a style picture; contents are padded to multiples
        x = self.convolutions[COLOURS]((images + 1) / 2)
        features = {}
        for layer in self.run[: 1 + max(map(self.run.index, wanted))]:
            if layer.startswith("conv"):
                x = self.convolutions[layer](x)
            else:
                x = self.relu(x) if layer.startswith("relu") else nn.functional.max_pool2d(x, 2, ceil_mode=ceil)
            if layer in wanted:
                features[layer] = x  # [B, C, H / 2^p, W / 2^p] after p poolings
        return features


def numbered() -> Iterator[tuple[str, int]]:
    """(layer, its number in the authors' `nn.Sequential`), for every convolution; a padding stands before each but the first."""
    yield COLOURS, 0
    number = 1
    for layer in layers("vgg19"):
        number += layer.startswith("conv")
        if layer.startswith("conv"):
            yield layer, number
        number += 1


def _empty(*arguments: int, **keywords: object) -> nn.Module:
    return skip_init(nn.Conv2d, *arguments, **keywords, device=torch.get_default_device())


def _loaded(expected: dict[str, Tensor], weights: str) -> dict[str, Tensor]:
    """The encoder's weights from the authors' file."""
    if weights == "random":
        return he_weights(expected)
    if weights == "imagenet":
        raise UserError(f"method.vgg.weights imagenet: encoder normalised has weights of its own; give the path of {FILE}, or `random`")
    stored = read_weights(Path(weights), "VGG", f"give {FILE} of pytorch-AdaIN, or `random`")
    places = dict(numbered())
    numbers = {f"{places[key.split('.')[0]]}.{key.split('.')[1]}": value for key, value in expected.items()}
    found = fitting(stored, numbers, f"{weights}: not the encoder of pytorch-AdaIN", f"; give its {FILE}")
    return dict(zip(expected, found.values(), strict=True))
