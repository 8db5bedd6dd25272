"""What the benchmarks of translation translate, and with what: drawn pictures, a ResNet with drawn weights."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from gan_style.bundles.file import BundleInfo, Resize, save_bundle
from gan_style.methods import CONFIGS, METHODS

HEIGHT, WIDTH = 288, 384


def drawn_bundle(root: Path, channels: int, blocks: int = 9) -> tuple[Path, nn.Module]:
    """A bundle of the generator of CycleGAN, and its network."""
    torch.manual_seed(0)
    generator = {"name": "resnet", "base_channels": channels, "num_blocks": blocks}
    config = CONFIGS["cyclegan"].model_validate({"name": "cyclegan", "generator": generator})
    network = METHODS["cyclegan"].translator(config, 3, 3)
    info = BundleInfo(
        method="cyclegan",
        direction="a2b",
        translator=config.model_dump(mode="json"),
        in_channels=3,
        out_channels=3,
        size_multiple=4,
        colours=[],
        resize=Resize(preprocess="none", load_size=286, crop_size=256),
        step=1,
    )
    save_bundle(root / "a2b.safetensors", info, network.state_dict())
    return root / "a2b.safetensors", network


def drawn_picture(path: Path, seed: int) -> Path:
    """A JPEG with as much detail as a photo."""
    path.parent.mkdir(exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(path, quality=90)
    return path
