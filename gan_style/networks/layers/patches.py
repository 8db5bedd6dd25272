"""Patches: features at a few positions of an image, which contrastive losses compare (2007.15651, section 3)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gan_style.networks.layers.transfer import sent

Positions = dict[str, Tensor]  # layer -> (row, column) in the layer's map, of P patches of each image: [B, P, 2], whole numbers
Patches = dict[str, Tensor]  # layer -> their features [B, P, C]


def draw_positions(strides: Mapping[str, int], height: int, width: int, count: int, seeds: Sequence[int]) -> Positions:
    """Draw `count` different positions in each layer for each seed, or all positions if the layer has fewer.

    Each seed belongs to one image of height x width pixels.

    strides: layer -> pixels between two of its positions. An image's positions are a function of its seed alone.
    """
    drawn: dict[str, list[np.ndarray]] = {layer: [] for layer in strides}
    for seed in seeds:
        lots = np.random.default_rng(seed)
        for layer, stride in strides.items():
            rows, columns = -(-height // stride), -(-width // stride)
            picked = lots.choice(rows * columns, min(count, rows * columns), replace=False, shuffle=False)
            drawn[layer].append(np.stack(np.divmod(picked, columns), axis=1))
    return {layer: torch.from_numpy(np.stack(places)) for layer, places in drawn.items()}


def mirror_positions(positions: Positions, strides: Mapping[str, int], width: int, which: Sequence[bool]) -> Positions:
    """Mirror the positions of the images that `which` marks left to right. The images are `width` pixels wide."""
    chosen = torch.tensor(which)[:, None]  # [B, 1]
    mirrored: Positions = {}
    for layer, places in positions.items():
        rows, columns = places.unbind(2)
        last = -(-width // strides[layer]) - 1
        mirrored[layer] = torch.stack([rows, torch.where(chosen, last - columns, columns)], dim=2)
    return mirrored


def on_device(positions: Positions, device: torch.device) -> Positions:
    """The positions on `device`; the copy does not wait for the device."""
    return {layer: sent(places, device) for layer, places in positions.items()}


def at_positions(features: Tensor, positions: Tensor) -> Tensor:
    """Features [B, C, h, w] at positions [B, P, 2] -> [B, P, C]; their gradient has their memory format."""
    images = torch.arange(len(features), device=features.device)[:, None]  # [B, 1]
    rows, columns = positions.unbind(2)
    if features.is_contiguous():
        return features[images, :, rows, columns]
    return features.permute(0, 2, 3, 1)[images, rows, columns]
