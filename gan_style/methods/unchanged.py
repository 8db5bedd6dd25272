"""Style and content losses of training images as they are: the scales of `method.relative`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gan_style.losses.perceptual import content_loss


@dataclass(frozen=True)
class Unchanged:
    """Losses of images as they are. content: layer -> the mean square of the features. style: layer -> [S], the losses of the S styles"""

    content: dict[str, float] = field(default_factory=dict)
    style: dict[str, Tensor] = field(default_factory=dict)


@torch.no_grad()
def measured(
    vgg: nn.Module,
    images: Iterable[Tensor],
    content_layers: Sequence[str],
    styles: Mapping[str, Tensor],
    statistics: Callable[[Tensor], Tensor],
) -> dict[str, Any]:
    """The fields of `Unchanged`: means over the images [1, 3, H, W] in [-1, 1], at least one.

    styles: layer -> [S, N, M], the statistics of the styles' features
    """
    content, style = defaultdict[str, list[float]](list), defaultdict[str, list[Tensor]](list)
    for image in images:
        features = vgg(image)
        for layer in content_layers:
            content[layer].append(content_loss(features[layer], torch.zeros_like(features[layer])).item())
        for layer, targets in styles.items():
            style[layer].append((statistics(features[layer]) - targets).square().sum(dim=(1, 2)))  # [S]
    return {
        "content": {layer: sum(found) / len(found) for layer, found in content.items()},
        "style": {layer: torch.stack(found).mean(dim=0) for layer, found in style.items()},
    }
