"""Training a segmenter on the real pairs of a data set: photo in, classes of its label map out."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from gan_style import images
from gan_style.bundle import Resize
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.dataset import open_dataset, training_loader
from gan_style.datasets.reading import read_domain
from gan_style.datasets.survey import Source
from gan_style.metrics.features import rgb
from gan_style.seeding import derive_seed
from gan_style.segmentation.classes import IGNORED, Classes, Colour, find_classes
from gan_style.segmentation.segmenter import Segmenter, SegmenterInfo, make_network
from gan_style.types import Direction

LEARNING_RATE = 5e-3  # falls to 0 along a cosine
BATCH_SIZE = 8
SURVEYED = 3000  # label maps, spread evenly over the set, whose colours make the classes
FIXED_SIZES = ("resize_and_crop", "crop", "scale_width_and_crop")  # `data.preprocess` that give all images one size


def label_data(root: str, direction: Direction, resize: Resize, source: str = "auto") -> DataConfig:
    """How real pairs are read: RGB, label maps (the domain that `direction` starts from) without mixing their colours."""
    labels, photos = DomainConfig(labels="yes"), DomainConfig(labels="no")
    first, second = (labels, photos) if direction == "a2b" else (photos, labels)
    return DataConfig.model_validate(
        {"root": root, "source": source, "workers": 0, **resize.model_dump(), "domain_a": first, "domain_b": second}
    )


def train_segmenter(
    data: DataConfig,
    direction: Direction,
    resize: Resize,
    device: torch.device,
    steps: int,
    ignored: Sequence[Colour] = (),
    base_channels: int = 16,
    seed: int = 0,
) -> Segmenter:
    """Adam on the cross-entropy of each pixel, with the crops and flips of `data`. On a CPU the same arguments give the same bits."""
    dataset = open_dataset(data, "train", True, seed)
    classes = find_classes(_maps(dataset.source, data, direction[0]), ignored)
    info = SegmenterInfo(colours=classes.colours, ignored=classes.ignored, base_channels=base_channels, resize=resize, steps=steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "segmenter"))
        network = make_network(info).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    batch_size = BATCH_SIZE if data.preprocess in FIXED_SIZES else 1
    network.train()
    with tqdm(total=steps, desc="segmenter", unit="step", disable=None) as bar:
        for number, batch in enumerate(training_loader(dataset, data, 0, steps, batch_size), start=1):
            maps, photos = (batch.a, batch.b) if direction == "a2b" else (batch.b, batch.a)
            loss = cross_entropy(network(rgb(photos.to(device))), _true_classes(maps, classes).to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update()
            if number % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.3g}")
    return Segmenter(info, network)


def cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Mean of -log p(truth) over the pixels that count: scores [B, K, H, W], truth [B, H, W]."""
    losses = F.cross_entropy(scores, truth, ignore_index=IGNORED, reduction="sum")
    return losses / (truth != IGNORED).sum().clamp(min=1)  # a batch in which nothing counts has no gradient, and no NaN


def _true_classes(maps: Tensor, classes: Classes) -> Tensor:
    """Label maps [B, 3, H, W] in [-1, 1] -> classes [B, H, W]."""
    return torch.from_numpy(np.stack([classes.of(images.to_pixels(picture)) for picture in maps]).astype(np.int64))


def _maps(source: Source, data: DataConfig, domain: str) -> Iterator[np.ndarray]:
    """Training label maps as they are in their files, 8 bits deep."""
    count = min(SURVEYED, len(source.keys(domain)))
    places = [place * len(source.keys(domain)) // count for place in range(count)]
    for place in tqdm(places, desc="label maps", unit="file", leave=False, disable=None):
        pixels = read_domain(source, data, domain, place).pixels
        yield pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)
