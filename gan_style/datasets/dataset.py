"""Data sets as the trainer sees them: numbered training samples, batches of them, and validation images."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from gan_style.config.schema import DataConfig
from gan_style.datasets.reading import Loaded, doubts, read_both, read_domain, read_pair
from gan_style.datasets.sampling import locate, permutation
from gan_style.datasets.sources import find, find_one_domain
from gan_style.datasets.survey import Source, Split, TwoFolders
from gan_style.datasets.transforms import TrainingTransforms
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import Batch


@dataclass(frozen=True)
class Sample:
    """One training sample: images [C, H, W] in [-1, 1], their keys, its place in the global batch, its number in the stream.

    doubts: what may be wrong with it, in words by their kind
    """

    a: Tensor
    b: Tensor
    key_a: str
    key_b: str
    slot: int
    number: int
    doubts: dict[str, str] = field(default_factory=dict)


class Place(NamedTuple):
    """Where a training sample is read: for each domain the epoch of its order and the index in the source."""

    slot: int
    number: int
    epoch_a: int
    index_a: int
    epoch_b: int
    index_b: int


class TrainingSet:
    """The endless stream of training samples. `len` is the length of an epoch: the larger domain, where they are unpaired."""

    def __init__(self, source: Source, config: DataConfig, seed: int) -> None:
        self.source = source
        self.config = config
        self.seed = seed
        self.transforms = TrainingTransforms(config)

    def __len__(self) -> int:
        return max(len(self.source.a), len(self.source.b))

    def describe(self) -> str:
        """For people: how many of what."""
        return self.source.describe()

    def __getitem__(self, position: tuple[int, int]) -> Sample:
        """Sample `position` = (number in the stream, slot in the global batch)."""
        return self.read(self.place(*position))

    def place(self, number: int, slot: int) -> Place:
        """Where sample `number` is to be read. The orders of a large set fill memory, so the training process alone asks for this."""
        a, b = (locate(self.seed, self._stream(domain), number, len(self.source.keys(domain))) for domain in ("a", "b"))
        return Place(slot, number, *a, *b)

    def seen(self, samples: int) -> dict[str, np.ndarray]:
        """Domain -> [images] bool: which of its images are among the first `samples` samples?"""
        masks = {}
        for domain in ("a", "b"):
            masks[domain] = np.zeros(len(self.source.keys(domain)), bool)
            masks[domain][permutation(self.seed, self._stream(domain), 0, len(masks[domain]))[:samples]] = True
        if self.source.b is self.source.a:  # the same files
            masks["a"] |= masks["b"]
        return masks

    def _stream(self, domain: str) -> str:
        """Whose order a domain's images come in: where they are not paired, each domain has its own, of its own length."""
        return "pair" if self.source.paired else "a" if self.source.layout == "images" else domain

    def read(self, place: Place) -> Sample:
        slot, number, epoch_a, index_a, epoch_b, index_b = place
        if self.source.paired and self.source.layout != "images":
            loaded = read_pair(self.source, self.config, index_a)
            tensors, doubted = self.transforms(loaded, self.seed, "pair", epoch_a, index_a), doubts(loaded)
        else:
            tensors, doubted = self._read_one("a", epoch_a, index_a)
            if self.source.layout == "images":
                tensors["b"] = tensors["a"]
            else:
                other, more = self._read_one("b", epoch_b, index_b)
                tensors, doubted = tensors | other, doubted | more
        return Sample(tensors["a"], tensors["b"], self.source.a[index_a], self.source.b[index_b], slot, number, doubted)

    def _read_one(self, domain: str, epoch: int, index: int) -> tuple[dict[str, Tensor], dict[str, str]]:
        """{domain: image} of one domain alone, and what may be wrong with it."""
        loaded = {domain: read_domain(self.source, self.config, domain, index)}
        return self.transforms(loaded, self.seed, domain, epoch, index), doubts(loaded)


class ValidationSet:
    """Validation images: resized as `images.validation_size` says, never cropped, flipped or recoloured.

    paired: image i of domain B is the truth for image i of domain A
    """

    def __init__(self, source: Source, config: DataConfig) -> None:
        self.source = source
        self.config = config
        self.paired = source.paired
        self.len_a = len(source.a)
        self.len_b = len(source.b)

    def describe(self) -> str:
        """For people: how many of what."""
        return self.source.describe()

    def read_a(self, index: int) -> tuple[Tensor, str]:
        """(image [C, H, W] in [-1, 1], key)."""
        return self.sized(read_domain(self.source, self.config, "a", index)), self.source.a[index]

    def read_b(self, index: int) -> tuple[Tensor, str]:
        """(image [C, H, W] in [-1, 1], key)."""
        return self.sized(read_domain(self.source, self.config, "b", index)), self.source.b[index]

    def read_pair(self, index: int) -> dict[str, Loaded]:
        """Domain -> image of pair `index` as it is in its file: a side-by-side file is decoded once. `sized` makes tensors of them."""
        return read_both(self.source, self.config, index)

    def sized(self, loaded: Loaded) -> Tensor:
        """The image [C, H, W] in [-1, 1], resized."""
        config = self.config
        size = images.validation_size(config.preprocess, config.load_size, config.crop_size, *loaded.pixels.shape[:2])
        return images.to_tensor(images.resize(loaded.pixels, *size, loaded.labels, loaded.file))


@overload
def open_dataset(config: DataConfig, split: Literal["train"], paired: bool, seed: int, single: bool = ...) -> TrainingSet: ...
@overload
def open_dataset(config: DataConfig, split: Literal["val"], paired: bool, seed: int, single: bool = ...) -> ValidationSet | None: ...
def open_dataset(config: DataConfig, split: Split, paired: bool, seed: int, single: bool = False) -> TrainingSet | ValidationSet | None:
    """The data set of `config`; None where it has no validation split.

    paired: what the method needs; an unpaired method may be fed from paired files, whose pairs it does not see
    single: the method needs images of one domain only
    """
    if config.root_b is not None:
        source = _two_folders(config, split, paired or single)
    else:
        source = find_one_domain(config.root, split) if single else find(config.root, config.source, split, paired)
    if split == "val":
        return None if source is None else ValidationSet(source, config)
    if source is None:
        raise UserError(f"{config.root}: has no training images; see data/README.md for the layouts")
    return TrainingSet(source, config, seed)


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
    """Stack samples; a `UserError` names two files whose sizes differ."""
    for domain in ("a", "b"):
        first = samples[0]
        for sample in samples[1:]:
            shapes = [tuple(getattr(each, domain).shape) for each in (first, sample)]
            if shapes[0] != shapes[1]:
                named = " but ".join(
                    f"{getattr(each, f'key_{domain}')} is {shape[2]} x {shape[1]}"
                    for each, shape in zip((first, sample), shapes, strict=True)
                )
                raise UserError(f"{named}: a batch needs one size; set train.batch_size to 1 or data.preprocess to resize_and_crop")
    a = _stack([sample.a for sample in samples])
    return Batch(
        a=a,
        b=_stack([sample.b for sample in samples]) if any(sample.b is not sample.a for sample in samples) else a,
        keys_a=tuple(sample.key_a for sample in samples),
        keys_b=tuple(sample.key_b for sample in samples),
        slots=tuple(sample.slot for sample in samples),
        numbers=tuple(sample.number for sample in samples),
    )


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """torch.stack, by NumPy for the reason that `images.to_tensor` gives."""
    return torch.from_numpy(np.stack([tensor.numpy() for tensor in tensors]))
