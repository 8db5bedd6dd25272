"""Frozen networks, such as a VGG: checkpoints store a hash of their weights, which are too large to store."""

import hashlib
from collections.abc import Mapping

import torch
from torch import nn

from gan_style.errors import UserError


def weight_hashes(networks: Mapping[str, nn.Module]) -> dict[str, str]:
    """Network name -> SHA-256 of its weights."""
    hashes = {}
    for name, network in networks.items():
        digest = hashlib.sha256()
        for key, value in network.state_dict().items():
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        hashes[name] = digest.hexdigest()
    return hashes


def check_weights_known(stored: Mapping[str, str], now: Mapping[str, str]) -> None:
    """`UserError` if a network's weights differ from those of the checkpoint. stored, now: see `weight_hashes`"""
    for name, known in stored.items():
        if now.get(name) != known:
            raise UserError(f"method.{name}.weights: this run began with other weights; give their file, or take another run_dir")
