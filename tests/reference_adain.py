"""The networks of pytorch-AdaIN, built from the order of their layers; widths: of the five blocks of the encoder."""

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512)
COUNTS = (2, 2, 4, 4, 4)
UNTIL_RELU4_1 = 31  # layers


def their_encoder() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    channels = 3
    for block, (width, count) in enumerate(zip(WIDTHS, COUNTS, strict=True)):
        for _ in range(count):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool2d(2, 2, 0, ceil_mode=True)] if block < 4 else []
    return nn.Sequential(*layers)


def their_decoder(k: int = 64) -> nn.Sequential:
    layers: list[nn.Module] = []

    def convolutions(*widths: int) -> None:
        for before, after in pairwise(widths):
            layers.extend([nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3), nn.ReLU()])

    convolutions(512, 4 * k)
    layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    convolutions(4 * k, 4 * k, 4 * k, 4 * k, 2 * k)
    layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    convolutions(2 * k, 2 * k, k)
    layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    convolutions(k, k, 3)
    return nn.Sequential(*layers[:-1])


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    flat = features.flatten(2)
    return flat.mean(dim=2)[..., None, None], (flat.var(dim=2) + 1e-5).sqrt()[..., None, None]


def their_transfer(encoder: nn.Sequential, decoder: nn.Sequential, content: Tensor, style: Tensor, alpha: float = 1.0) -> Tensor:
    """content and style [B, 3, H, W] in [0, 1] -> the translation in about [0, 1]."""
    features, target = encoder[:UNTIL_RELU4_1](content), encoder[:UNTIL_RELU4_1](style)
    (mean, deviation), (style_mean, style_deviation) = _moments(features), _moments(target)
    stylized = (features - mean) / deviation * style_deviation + style_mean
    return decoder(alpha * stylized + (1 - alpha) * features)


def drawn(network: nn.Sequential, seed: int) -> nn.Sequential:
    """The network with weights that keep the scale of activations."""
    torch.manual_seed(seed)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.uniform_(layer.bias, -0.1, 0.1)
    return network.eval()
