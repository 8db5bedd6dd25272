"""Training a segmenter on the real pairs of a data set: the photo is the input, the classes of its label map are the target."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.bundles.file import Resize
from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.class_colours import find_frequent
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.loading import training_loader
from gan_style.datasets.reading import read_domain
from gan_style.datasets.survey import Source
from gan_style.evaluation.task.segmenter import Segmenter, SegmenterInfo, make_network
from gan_style.files import images
from gan_style.files.samples import rounded_to_8_bits
from gan_style.label_maps.classes import IGNORED, Classes, Colour, find_classes, is_close
from gan_style.machine.memory import room_for
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.seeding import derive_seed
from gan_style.terminal.progress import Progress
from gan_style.types import Direction, to_floats

LEARNING_RATE = 5e-3  # falls to 0 along a cosine
BATCH_SIZE = 8
SURVEYED = 3000  # label maps, evenly spread over the set, whose colours become the classes
CROP = 256  # pixels of the largest crops: a batch of them fits everywhere
MAPS = DomainConfig(labels="yes")
_CROPPED: dict[str, images.Preprocess] = {"none": "crop", "scale_width": "scale_width_and_crop"}


def label_data(root: str, direction: Direction, resize: Resize, source: str = "auto", maps: DomainConfig = MAPS) -> DataConfig:
    """The configuration that reads real pairs as RGB. Label maps (the input domain of `direction`) are never interpolated.

    maps: the settings of the label maps' domain, with labels `yes` or `nearest`
    """
    labels, photos = maps, DomainConfig(labels="no")
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
    """Train with Adam on the cross-entropy of each pixel, on crops of images that are resized as in `data`; half are mirrored.

    On a CPU the same arguments give the same bits.
    """
    source = open_dataset(data, "train", "pairs", seed).source
    data = _cropped(source, data)
    maps = data.domain_a if direction[0] == "a" else data.domain_b
    if maps.labels == "nearest":
        data = data.with_colours({direction[0]: _with_ignored(maps.colours or find_frequent(source, data, direction[0]), ignored)})
    dataset = TrainingSet(source, data, seed)
    classes = find_classes(_maps(source, data, direction[0]), ignored)
    info = SegmenterInfo(
        colours=classes.colours,
        ignored=classes.ignored,
        labels="nearest" if maps.labels == "nearest" else "yes",
        base_channels=base_channels,
        resize=resize,
        steps=steps,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "segmenter"))
        network = make_network(info).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    batches = training_loader(dataset, data, 0, steps, BATCH_SIZE)
    said = f"--segmenter: {device.type} has no memory to train on {BATCH_SIZE} crops of {data.crop_size} pixels"
    with room_for(said, "free some, or take another --device"):
        progress = Progress("segmenter", "steps", steps)
        for number, batch in enumerate(progress.over(batches), start=1):
            maps, photos = (to_floats(images) for images in batch.oriented(direction))
            loss = cross_entropy(network(to_rgb(photos.to(device))), _true_classes(maps, classes).to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if number % 50 == 0:
                progress.tell(f"loss {loss.item():.3g}")
    return Segmenter(info, network)


def cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Mean of -log p(truth) over the pixels that are not IGNORED. scores: logits [B, K, H, W]; truth: [B, H, W]"""
    losses = F.cross_entropy(scores, truth, ignore_index=IGNORED, reduction="sum")
    return losses / (truth != IGNORED).sum().clamp(min=1)  # a batch without counted pixels gives no gradient and no NaN


def _true_classes(maps: Tensor, classes: Classes) -> Tensor:
    """Classes [B, H, W] of label maps [B, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.stack([classes.of(images.to_pixels(picture)) for picture in maps]).astype(np.int64))


def _with_ignored(colours: Sequence[str], ignored: Sequence[Colour]) -> list[str]:
    """The colours of the classes; a colour that is close to an ignored one is replaced by it."""
    exact = {f"#{bytes(colour).hex()}": colour for colour in ignored}
    near = {name: [as_name for as_name, colour in exact.items() if is_close(bytes.fromhex(name[1:]), colour)] for name in colours}
    return list(dict.fromkeys(found for name in colours for found in (near[name][:1] or [name])))


def _cropped(source: Source, data: DataConfig) -> DataConfig:
    """`data` with crops of at most CROP pixels, and no larger than the smallest image of the source."""
    preprocess = _CROPPED.get(data.preprocess, data.preprocess)
    crop = CROP if preprocess != data.preprocess else min(CROP, data.crop_size)
    if preprocess != "resize_and_crop":
        crop = min(crop, _shortest_side(source, data))
    return data.model_copy(update={"preprocess": preprocess, "crop_size": crop})


def _shortest_side(source: Source, data: DataConfig) -> int:
    """The shortest side of all images in pixels, after they are resized as in `data`."""
    shortest = CROP
    for place in Progress("sizes", "files", len(source.a), brief=True).over(range(len(source.a))):
        header = images.probe(source.image("a", place))
        width = header.width // 2 if source.layout == "aligned" else header.width
        shortest = min(shortest, *images.load_resize(data.preprocess, data.load_size, header.height, width))
    return shortest


def _maps(source: Source, data: DataConfig, domain: str) -> Iterator[np.ndarray]:
    """Yield the training label maps as stored, converted to 8 bits."""
    count = min(SURVEYED, len(source.keys(domain)))
    places = [place * len(source.keys(domain)) // count for place in range(count)]
    for place in Progress("label maps", "files", count, brief=True).over(places):
        yield rounded_to_8_bits(read_domain(source, data, domain, place).pixels)
