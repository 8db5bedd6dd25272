"""Normalisation of a VGG's filters: each one's mean activation becomes 1 (Gatys et al., 2015, arXiv 1508.06576, section 2).

A ReLU and a pooling commute with a positive factor of each channel. So a filter may be divided by its mean activation if the filters of the
next layer are multiplied by it: what the network tells of an image stays, and all layers and channels have one scale.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gan_style.networks.pretrained.vgg import VGGFeatures

_LEAST = 0.5  # of the layer's mean


@torch.no_grad()
def mean_activations(vgg: VGGFeatures, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """The mean activation of each filter, behind its ReLU, over the images and their positions: {convolution: [C] float32}.

    images: [B, 3, H, W] in [-1, 1], at least one; each image has one weight, whatever its size. A mean is at least half of its
    layer's mean, so that a filter that these images hardly activate does not outweigh all others in the next image.
    """
    sums: dict[str, list[Tensor]] = {layer: [] for layer in vgg.convolutions}

    def measure(layer: str) -> torch.utils.hooks.RemovableHandle:
        return vgg.convolutions[layer].register_forward_hook(
            lambda _module, _given, made: sums[layer].extend(made.relu().mean(dim=(2, 3), dtype=torch.float64))
        )

    hooks = [measure(layer) for layer in sums]
    try:
        for image in images:
            vgg(image)
    finally:
        for hook in hooks:
            hook.remove()
    means = {layer: torch.stack(values).mean(dim=0) for layer, values in sums.items()}
    return {layer: mean.clamp(min=mean.mean().item() * _LEAST).float() for layer, mean in means.items()}


@torch.no_grad()
def normalise_activations(vgg: VGGFeatures, means: Mapping[str, Tensor]) -> None:
    """Scale the filters in place so that their mean activations, of `mean_activations`, become 1."""
    before: Tensor | None = None  # factor of the input's channels
    for layer, convolution in vgg.convolutions.items():
        assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
        mean = means[layer].to(convolution.weight)
        if before is not None:
            convolution.weight.mul_(before.view(1, -1, 1, 1))
        convolution.weight.div_(mean.view(-1, 1, 1, 1))
        convolution.bias.div_(mean)
        before = mean
