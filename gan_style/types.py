"""The types that rooms of the package exchange. Images are float tensors [B, C, H, W] with values in [-1, 1].

A batch that was loaded holds its images as integers until `Batch.to` brings it to the device: they take a quarter of the memory.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

Direction = Literal["a2b", "b2a"]

# The training data of a method: pairs of images, unpaired images of two domains, images of one domain (`Batch.a`), or images with a
# class each (`Batch.labels`).
Needs = Literal["pairs", "domains", "images", "labelled images"]

# The results of a method's `translate`: name -> images or features. Each method documents its names (`fake_b`, `reconstructed_a`, ...).
Outputs = dict[str, Tensor]


class Kept:
    """Values that a run has read from files beside its data set, by key. Checkpoints hold them, so a resumed run works without the files.

    earlier: the values that a checkpoint holds; None at the first start
    """

    def __init__(self, earlier: Mapping[str, Any] | None = None) -> None:
        self.earlier = earlier
        self.now: dict[str, Any] = {}  # values are texts, numbers, lists, mappings or tensors
        self.missed: list[str] = []  # a message for each file that is missing now

    def get(self, key: str) -> Any:
        """The value of an earlier start; None if there is none."""
        return None if self.earlier is None else self.earlier.get(key)

    def keep(self, key: str, value: Any) -> None:
        """Keep a value for the checkpoints of this start."""
        self.now[key] = value


def _none() -> "Iterator[Batch]":
    return iter(())


@dataclass(frozen=True)
class Task:
    """The facts of a run that a method needs beside its own configuration.

    samples: the training samples from the first one on, one in a batch, in [-1, 1]; for what is measured before the training
    """

    channels_a: int = 3
    channels_b: int = 3
    batch_size: int = 1  # global
    seed: int = 0
    size: int = 256  # side of the training images in pixels, if all are squares of one size
    kept: Kept = field(default_factory=Kept, compare=False)
    samples: "Callable[[], Iterator[Batch]]" = field(default=_none, compare=False)

    def channels(self, direction: Direction) -> tuple[int, int]:
        """The channels of a translator's input and output."""
        return (self.channels_a, self.channels_b) if direction == "a2b" else (self.channels_b, self.channels_a)


def to_floats(images: Tensor) -> Tensor:
    """Convert integers of n bits to float32 in [-1, 1]: value / ((2^n - 1) / 2) - 1. Floats are returned as they are.

    The result has the bits of `files.images.to_tensor` on every device.
    """
    if images.is_floating_point():
        return images
    # The divisor lies on the device. CUDA would multiply by the reciprocal of a number of Python, which rounds differently.
    half = torch.full((), torch.iinfo(images.dtype).max / 2, dtype=torch.float32, device=images.device)
    return images.to(torch.float32).div_(half).sub_(1.0)


def detach(outputs: Outputs) -> Outputs:
    """The same outputs without their graph: no gradient flows back."""
    return {name: value.detach() for name, value in outputs.items()}


@dataclass(frozen=True)
class Batch:
    """One micro-batch of samples.

    images:  domain -> images [B, C, H, W], in [-1, 1] after `to`. As loaded they are uint8 or uint16, like their files; float32 where
             files of both kinds meet in a batch. In unpaired data the sizes of two domains may differ.
    keys:    domain -> the names of the samples (paths relative to the data root), for logs and messages
    slots:   the positions of the samples in the global batch, 0 <= slot < train.batch_size. They do not depend on the number of processes,
             so the state of a slot (a replay buffer) survives a change of that number.
    numbers: the numbers of the samples in the endless stream of training samples. All that is random for a sample (a style, noise, a target
             domain) is a function of its number.
    labels:  for each sample the index of its class among the names of a labelled data set; None for other data sets
    masks:   domain -> masks of its images [B, 1, H, W]: 1 inside, 0 outside; uint8 as loaded, floats after `to`. Empty for a data set
             without masks
    """

    images: Mapping[str, Tensor]
    keys: Mapping[str, tuple[str, ...]]
    slots: tuple[int, ...]
    numbers: tuple[int, ...]
    labels: tuple[int, ...] | None = None
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of_two(
        cls, a: Tensor, b: Tensor, keys_a: tuple[str, ...], keys_b: tuple[str, ...], slots: tuple[int, ...], numbers: tuple[int, ...]
    ) -> "Batch":
        """A batch of the two domains `a` and `b`."""
        return cls({"a": a, "b": b}, {"a": keys_a, "b": keys_b}, slots, numbers)

    @property
    def a(self) -> Tensor:
        """The images of domain A, or of the only domain, [B, C, H, W]."""
        return self.images["a"]

    @property
    def b(self) -> Tensor:
        """The images of domain B, [B, C, H, W]."""
        return self.images["b"]

    def mask(self, domain: str) -> Tensor | None:
        """The masks of a domain's images, [B, 1, H, W]; None in a data set without masks."""
        return self.masks.get(domain)

    def with_images(self, **images: Tensor) -> "Batch":
        """A copy of the batch with other images for the given domains."""
        return replace(self, images={**self.images, **images})

    def oriented(self, direction: Direction) -> tuple[Tensor, Tensor]:
        """(inputs of a translator of this direction, real images of its output's domain)."""
        return (self.a, self.b) if direction == "a2b" else (self.b, self.a)

    def to(self, device: torch.device, dtype: torch.dtype, memory_format: torch.memory_format) -> "Batch":
        """Copy the batch to `device` and make floats of integers there. A copy from pinned memory is asynchronous."""

        def move(images: Tensor) -> Tensor:
            return to_floats(images.to(device, non_blocking=True)).to(dtype).contiguous(memory_format=memory_format)

        moved = self.with_images(**{domain: move(images) for domain, images in self.images.items()})
        return replace(moved, masks={domain: mask.to(device, non_blocking=True).to(dtype) for domain, mask in self.masks.items()})

    def pin_memory(self) -> "Batch":
        """Copy the batch to pinned memory. Copies from there to a GPU are asynchronous."""
        pinned = self.with_images(**{domain: images.pin_memory() for domain, images in self.images.items()})
        return replace(pinned, masks={domain: mask.pin_memory() for domain, mask in self.masks.items()})
