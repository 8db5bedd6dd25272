"""The data sets of a run: numbered training samples, their batches, and validation images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from gan_style.config.schema import DataConfig, DomainConfig
from gan_style.datasets.empty_masks import check_not_all_empty
from gan_style.datasets.held_out import divided
from gan_style.datasets.masks import check_size, read_mask, with_masks
from gan_style.datasets.reading import Loaded, doubts, read_both, read_domain
from gan_style.datasets.resized import ResizedImages
from gan_style.datasets.sampling import locate, permutation
from gan_style.datasets.sources import find, find_labelled, find_one_domain
from gan_style.datasets.survey import Source, Split, TwoFolders, told
from gan_style.datasets.transforms import TrainingTransforms
from gan_style.datasets.volumes import with_slices
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import Batch, Needs, to_floats


@dataclass(frozen=True)
class Sample:
    """One training sample, with the fields of `Batch`: images [C, H, W] (uint8 or uint16), keys and masks by domain, slot, number, label.

    doubts: kind -> words about something that may be wrong with the sample
    """

    images: dict[str, Tensor]
    keys: dict[str, str]
    slot: int
    number: int
    label: int | None = None
    doubts: dict[str, str] = field(default_factory=dict)
    masks: dict[str, Tensor] = field(default_factory=dict)


class Read(NamedTuple):
    """The image of one domain in a sample: the epoch of the domain's order, and the image's index in the source."""

    domain: str
    epoch: int
    image: int


class SamplePlace(NamedTuple):
    """The images, slot and number of a training sample."""

    slot: int
    number: int
    reads: tuple[Read, ...]


class TrainingSet:
    """The endless stream of training samples. `len` is the length of an epoch, which is the larger domain's if they are unpaired."""

    def __init__(self, source: Source, config: DataConfig, seed: int) -> None:
        self.source = source
        self.config = config
        self.seed = seed
        self.images = ResizedImages(source, config)
        self.transforms = TrainingTransforms(config)
        self.names = tuple(source.classes)  # of a labelled set

    def __len__(self) -> int:
        return max(len(self.source.a), len(self.source.b))

    def describe(self) -> str:
        """The number of images or pairs, in words."""
        return self.source.describe()

    def __getitem__(self, position: tuple[int, int]) -> Sample:
        """Sample `position` = (number in the stream, slot in the global batch)."""
        return self.read(self.place(*position))

    def place(self, number: int, slot: int) -> SamplePlace:
        """The place of sample `number`. Only the training process calls this, because the orders of a large set take much memory."""
        reads = (
            Read(domain, *locate(self.seed, self._stream(domain), number, len(self.source.keys(domain)))) for domain in self.source.domains
        )
        return SamplePlace(slot, number, tuple(reads))

    def seen(self, samples: int) -> dict[str, np.ndarray]:
        """Domain -> [images] bool: which of its images are among the first `samples` samples?"""
        masks: dict[str, np.ndarray] = {}
        for domain in self.source.domains:
            masks[domain] = np.zeros(len(self.source.keys(domain)), bool)
            masks[domain][permutation(self.seed, self._stream(domain), 0, len(masks[domain]))[:samples]] = True
        if self.source.b is self.source.a:  # the same files
            masks["a"] |= masks.get("b", False)
        return masks

    def _stream(self, domain: str) -> str:
        """The name of the stream that orders a domain's images. Unpaired domains have separate streams of their own lengths."""
        return "pair" if self.source.paired else domain

    def read(self, place: SamplePlace) -> Sample:
        keys = {domain: told(self.source.keys(domain)[index]) for domain, _, index in place.reads}
        tensors: dict[str, Tensor] = {}
        doubted: dict[str, str] = {}
        masks: dict[str, Tensor | None] = {}
        if self.source.paired:
            _, epoch, index = place.reads[0]
            loaded = self.images.pair(index)
            doubted = doubts(loaded, masked=bool(self.source.masks))
            tensors, mask = self._transformed(loaded, "a", "pair", epoch, index)
            masks = dict.fromkeys(tensors, mask)
        else:
            for domain, epoch, index in place.reads:
                loaded = {domain: self.images.one(domain, index)}
                doubted |= doubts(loaded, masked=bool(self.source.masks))
                tensor, masks[domain] = self._transformed(loaded, domain, domain, epoch, index)
                tensors |= tensor
        if self.images.cache and self.images.cache.trouble:
            doubted["cache"] = self.images.cache.trouble
        label = self.names.index(self.source.label(place.reads[0].image)) if self.names else None
        there = {domain: mask for domain, mask in masks.items() if mask is not None}
        return Sample(tensors, keys, place.slot, place.number, label, doubted, there)

    def _transformed(
        self, loaded: dict[str, Loaded], domain: str, stream: str, epoch: int, index: int
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """(the images by domain, their mask or None), moved alike. domain: of the image whose mask it is"""
        if self.source.masks:
            loaded["mask"] = self.images.mask(domain, index, loaded[domain])
        tensors = self.transforms.of_resized(loaded, self.seed, stream, epoch, index)
        return tensors, tensors.pop("mask", None)


class ValidationSet:
    """Validation images, resized to `images.validation_size`, and never cropped, flipped or recoloured.

    paired: image i of domain B is the true output for image i of domain A
    """

    def __init__(self, source: Source, config: DataConfig) -> None:
        self.source = source
        self.config = config
        self.paired = source.paired
        self.len_a = len(source.a)
        self.len_b = len(source.b)

    def describe(self) -> str:
        """The number of images or pairs, in words."""
        return self.source.describe()

    def read_a(self, index: int) -> tuple[Tensor, str]:
        """(image [C, H, W] in [-1, 1], key)."""
        return self.sized(read_domain(self.source, self.config, "a", index)), told(self.source.a[index])

    def read_b(self, index: int) -> tuple[Tensor, str]:
        """(image [C, H, W] in [-1, 1], key)."""
        return self.sized(read_domain(self.source, self.config, "b", index)), told(self.source.b[index])

    def read_pair(self, index: int) -> dict[str, Loaded]:
        """Domain -> image of pair `index` as stored; `sized` makes tensors of them. A side-by-side file is decoded once."""
        return read_both(self.source, self.config, index)

    def mask(self, domain: str, index: int, image: Loaded) -> Tensor | None:
        """The mask [1, H, W] of an image as it was read, resized as the image is: 0 outside, inside its labels. None without masks."""
        if not self.source.masks:
            return None
        loaded = read_mask(self.source, domain, index)
        check_size(loaded, image)
        size = self._size(image)
        return images.to_integers(images.resize(loaded.pixels, *size, labels=True, name=loaded.file).astype(np.int32))

    def label(self, index: int) -> str | None:
        """The class of image `index`; None if the set is not labelled."""
        return self.source.label(index) if self.source.classes else None

    def sized(self, loaded: Loaded) -> Tensor:
        """The image [C, H, W] in [-1, 1], resized."""
        return images.to_tensor(images.resize(loaded.pixels, *self._size(loaded), loaded.labels, loaded.file))

    def _size(self, loaded: Loaded) -> tuple[int, int]:
        config = self.config
        return images.validation_size(config.preprocess, config.load_size, config.crop_size, *loaded.pixels.shape[:2])


@overload
def open_dataset(config: DataConfig, split: Literal["train"], needs: Needs, seed: int) -> TrainingSet: ...
@overload
def open_dataset(config: DataConfig, split: Literal["val"], needs: Needs, seed: int) -> ValidationSet | None: ...
def open_dataset(config: DataConfig, split: Split, needs: Needs, seed: int) -> TrainingSet | ValidationSet | None:
    """Open the data set of `config` for a method with these `needs`; None if it has no validation split.

    A method of two unpaired domains may read paired files; it does not see the pairs.
    """
    source = _source(config, split, needs)
    if source is not None:
        _check_ranges(source, config)
        source = with_slices(with_masks(source, config.mask), config)
        check_not_all_empty(source)
    if split == "val":
        return None if source is None else ValidationSet(source, config)
    if source is None:
        raise UserError(f"{config.root}: has no training images; see data/README.md for the layouts")
    return TrainingSet(source, config, seed)


def _check_ranges(source: Source, config: DataConfig) -> None:
    """`UserError` if images of several files have no range."""
    for domain in source.domains:
        settings: DomainConfig = getattr(config, f"domain_{domain}")
        if settings.range is None and (count := source.inputs(domain)) > 1:
            raise UserError(
                f"{source.name(domain, 0)}: are {count} files of one image, which are read as measurements; set data.domain_{domain}.range "
                f"(auto; [0, 255] for 8 bits), and data.domain_{domain}.channels to the sum of their channels"
            )


def _source(config: DataConfig, split: Split, needs: Needs) -> Source | None:
    """The images of a split as training reads them; None if there are none."""
    if not config.hold_out or split == "test":
        return find_source(config, split, needs)
    if validation := find_source(config, "val", needs):
        raise UserError(f"data.hold_out: {config.root} has validation images ({validation.describe()}); leave hold_out out")
    whole = find_source(config, "train", needs)
    return whole and divided(whole, config.hold_out)[split == "val"]


def find_source(config: DataConfig, split: Split, needs: Needs) -> Source | None:
    """The images of a split on the disk, for a method with these `needs`; None if there is no such split. Nothing is held out."""
    labelled = needs == "labelled images"
    if config.source not in ("auto", "labelled") if labelled else config.source == "labelled":
        wanted = "a labelled set; take auto or labelled" if labelled else "no labelled set; take auto"
        raise UserError(f"data.source: {config.source} does not fit this method, which needs {wanted}")
    if config.root_b is not None:
        return _two_folders(config, split, needs != "domains")
    if labelled:
        return find_labelled(config.root, split)
    return find_one_domain(config.root, split) if needs == "images" else find(config.root, config.source, split, needs == "pairs")


def _two_folders(config: DataConfig, split: Split, refused: bool) -> Source | None:
    """Domain A from `root`, domain B from `root_b`."""
    assert config.root_b is not None
    if refused or config.source not in ("auto", "unpaired"):
        raise UserError("data.root_b: is for methods of two unpaired domains with data.source auto or unpaired; leave it out")
    a, b = (find_one_domain(root, split) for root in (config.root, config.root_b))
    if a is None or b is None:  # styles need no validation split: training's do
        b = find_one_domain(config.root_b, "train") if a else None
    return TwoFolders("unpaired", a.root, a.a, b.a, False, b.root, folders=(a.folders[0], b.folders[0]), split=a.split) if a and b else None


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples to a batch. `UserError` names two files whose sizes differ."""
    first = samples[0]
    for domain in first.images:
        for sample in samples[1:]:
            shapes = [tuple(each.images[domain].shape) for each in (first, sample)]
            if shapes[0] != shapes[1]:
                named = " but ".join(
                    f"{each.keys[domain]} is {shape[2]} x {shape[1]}" for each, shape in zip((first, sample), shapes, strict=True)
                )
                raise UserError(f"{named}: a batch needs one size; set train.batch_size to 1 or data.preprocess to resize_and_crop")
    labels = [sample.label for sample in samples if sample.label is not None]
    return Batch(
        images={domain: _stack([sample.images[domain] for sample in samples]) for domain in first.images},
        keys={domain: tuple(sample.keys[domain] for sample in samples) for domain in first.keys},
        slots=tuple(sample.slot for sample in samples),
        numbers=tuple(sample.number for sample in samples),
        labels=tuple(labels) if labels else None,
        masks={domain: _stack([sample.masks[domain] for sample in samples]) for domain in first.masks},
    )


def batches_of_one(training: TrainingSet) -> Iterator[Batch]:
    """The training samples from the first one on, without end, in [-1, 1]. Their bits do not depend on the number of processes."""
    for number in count():
        yield collate([training[number, 0]]).to(torch.device("cpu"), torch.float32, torch.contiguous_format)


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """torch.stack, by NumPy for the reason that `images.to_tensor` gives. Images of different types become floats."""
    if len({tensor.dtype for tensor in tensors}) > 1:
        tensors = [to_floats(tensor) for tensor in tensors]
    return torch.from_numpy(np.stack([tensor.numpy() for tensor in tensors]))
