"""The memory format of a run: channels last, [B, H, W, C], or [B, C, H, W]."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn


def memory_format(
    wanted: Literal["auto"] | bool, networks: Iterable[nn.Module], device: torch.device, compiled: bool = False
) -> torch.memory_format:
    """The format of images, weights and everything between them.

    wanted: `train.channels_last`. `auto` is a rule, no measurement, so that a run that goes on has the same bits: channels last, except

    - on a CPU for networks most of whose weights are in transposed convolutions, such as a U-Net. There oneDNN copies these weights in
      channels last, and a step takes 1.1 to 1.3 times as long (docs/results/2026-11-26-step.md);
    - on a GPU for networks that pad by reflection, such as a ResNet, unless they are compiled. CUDA pads so in [B, C, H, W] alone, and a
      step in channels last copies at each padding: it takes 1.1 to 1.4 times as long (docs/results/2026-11-26-gpu.md);
    - on a GPU for networks with maps of one position, see `one_position`.
    """
    networks = list(networks)
    if wanted == "auto":
        if device.type == "cpu":
            wanted = not _mostly_transposed(networks)
        else:
            wanted = not any(map(one_position, networks)) and (compiled or not any(map(_pads_by_reflection, networks)))
    return torch.channels_last if wanted else torch.contiguous_format


def one_position(network: nn.Module) -> bool:
    """Does the network have maps of 1 x 1? Channels last and [B, C, H, W] are one for such a map. The compiler and CUDA's convolutions
    took it for different ones: a compiled DCGAN of torch 2.11 in channels last stopped at its own check (docs/results/2026-11-26-gpu.md).
    """
    return bool(getattr(network, "one_position", False))


def _mostly_transposed(networks: Iterable[nn.Module]) -> bool:
    modules = [module for network in networks for module in network.modules()]
    transposed = sum(module.weight.numel() for module in modules if isinstance(module, nn.ConvTranspose2d))
    other = sum(module.weight.numel() for module in modules if isinstance(module, nn.Conv2d))
    return transposed > other


def _pads_by_reflection(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) and module.padding_mode == "reflect" for module in network.modules())
