"""Bundles of tiny untrained translators, and pictures to feed them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_style.bundles.file import BundleInfo, Resize, save_bundle
from gan_style.methods import METHODS

UNET_BATCH = {"name": "unet", "base_channels": 4, "num_downs": 3, "norm": "batch", "dropout": True, "init_gain": 0.15}
RESNET_INSTANCE = {"name": "resnet", "base_channels": 4, "num_blocks": 1, "norm": "instance", "init_gain": 0.15}
GENERATORS = {"unet-batch": UNET_BATCH, "resnet-instance": RESNET_INSTANCE}


def tiny_bundle(
    path: Path,
    generator: dict[str, Any] = RESNET_INSTANCE,
    method: str = "pix2pix",
    resize: Resize | None = None,
    seed: int = 0,
    keys: dict[str, Any] | None = None,
    **info: Any,
) -> Path:
    """Write a bundle of freshly drawn weights; `keys` are further ones of the method's, `info` replaces fields of its metadata."""
    config = METHODS[method].Config.model_validate({"name": method, "generator": generator, **(keys or {})})
    fields: dict[str, Any] = {
        "method": method,
        "direction": "a2b",
        "translator": config.model_dump(mode="json"),
        "in_channels": 3,
        "out_channels": 3,
        "size_multiple": 4,
        "resize": resize or Resize(preprocess="resize_and_crop", load_size=40, crop_size=32),
        "step": 7,
        **info,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = METHODS[method].translator(config, fields["in_channels"], fields["out_channels"])
        for layer in network.modules():  # as if trained: eval mode with these would show
            if isinstance(layer, torch.nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
                layer.running_mean.normal_(0.0, 3.0)
                layer.running_var.uniform_(0.1, 9.0)
    save_bundle(path, BundleInfo.model_validate(fields), network.state_dict())
    return path


def pixels(height: int, width: int, channels: int = 3, depth: int = 8, seed: int = 0) -> np.ndarray:
    """[height, width, channels] of random colours with some structure."""
    rng = np.random.default_rng(seed)
    top = 2**depth - 1
    slope = np.linspace(0, 0.5, width)[None, :, None] * np.ones((height, 1, channels))
    return np.round((slope + rng.random((height, width, channels)) / 2) * top).astype(np.uint8 if depth == 8 else np.uint16)
