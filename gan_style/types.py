"""What the packages exchange. Images are float tensors [B, C, H, W] with values in [-1, 1]."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

Direction = Literal["a2b", "b2a"]

# What a method is trained on: pairs of images, images of two domains, images of one (`Batch.a`), or those with the classes that their
# folders name (`Batch.labels`).
Needs = Literal["pairs", "domains", "images", "labelled images"]

# What a translation made: name -> images or features. Methods document their own names (`fake_b`, `reconstructed_a`, ...).
Outputs = dict[str, Tensor]


class Kept:
    """What a run has taken from files beside its data set, by key. Checkpoints hold it, so a run that goes on needs those files no more.

    earlier: what an earlier start of the run kept; None at the first one
    """

    def __init__(self, earlier: Mapping[str, Any] | None = None) -> None:
        self.earlier = earlier
        self.now: dict[str, Any] = {}  # of texts, numbers, lists, mappings, tensors
        self.missed: list[str] = []  # files that could not be read again, and what is used instead, in words

    def get(self, key: str) -> Any:
        """What an earlier start kept under this key; None where that is nothing."""
        return None if self.earlier is None else self.earlier.get(key)

    def keep(self, key: str, value: Any) -> None:
        self.now[key] = value


@dataclass(frozen=True)
class Task:
    """What a method must know of a run beside its own configuration."""

    channels_a: int = 3
    channels_b: int = 3
    batch_size: int = 1  # global
    seed: int = 0
    size: int = 256  # side of the training images, where they have one
    kept: Kept = field(default_factory=Kept, compare=False)

    def channels(self, direction: Direction) -> tuple[int, int]:
        """Channels in and out of a translator of this direction."""
        return (self.channels_a, self.channels_b) if direction == "a2b" else (self.channels_b, self.channels_a)


def detach(outputs: Outputs) -> Outputs:
    """The same outputs, cut from the graph that made them."""
    return {name: value.detach() for name, value in outputs.items()}


@dataclass(frozen=True)
class Batch:
    """One micro-batch of samples.

    images: domain -> images [B, C, H, W] in [-1, 1]; sizes of two domains may differ where the data are unpaired
    keys:   domain -> the samples' names (paths relative to the data root), for logs and messages
    slots:  the samples' positions in the global batch, 0 <= slot < train.batch_size. A sample has the same slot on any number of
            processes, so state that belongs to a slot (a replay buffer) survives a change of their number
    numbers: the samples' numbers in the endless stream of training samples. What a sample is drawn (a style, noise, a target) is a
            function of its number
    labels: of a labelled data set: for each sample the place of its class among the data set's names; None elsewhere
    """

    images: Mapping[str, Tensor]
    keys: Mapping[str, tuple[str, ...]]
    slots: tuple[int, ...]
    numbers: tuple[int, ...]
    labels: tuple[int, ...] | None = None

    @classmethod
    def of_two(
        cls, a: Tensor, b: Tensor, keys_a: tuple[str, ...], keys_b: tuple[str, ...], slots: tuple[int, ...], numbers: tuple[int, ...]
    ) -> "Batch":
        """A batch of the two domains `a` and `b`."""
        return cls({"a": a, "b": b}, {"a": keys_a, "b": keys_b}, slots, numbers)

    @property
    def a(self) -> Tensor:
        """The images of domain A, or of the only domain."""
        return self.images["a"]

    @property
    def b(self) -> Tensor:
        """The images of domain B."""
        return self.images["b"]

    def with_images(self, **images: Tensor) -> "Batch":
        """The batch with other images of some domains."""
        return replace(self, images={**self.images, **images})

    def oriented(self, direction: Direction) -> tuple[Tensor, Tensor]:
        """(images that a translator of this direction is given, images of the domain that it leads to)."""
        return (self.a, self.b) if direction == "a2b" else (self.b, self.a)

    def to(self, device: torch.device, dtype: torch.dtype, memory_format: torch.memory_format) -> "Batch":
        """The batch on `device`; from pinned memory the copy does not wait."""

        def move(images: Tensor) -> Tensor:
            return images.to(device, dtype, non_blocking=True).contiguous(memory_format=memory_format)

        return self.with_images(**{domain: move(images) for domain, images in self.images.items()})

    def pin_memory(self) -> "Batch":
        """The batch in pinned memory, from which copies to a GPU need not be waited for."""
        return self.with_images(**{domain: images.pin_memory() for domain, images in self.images.items()})
