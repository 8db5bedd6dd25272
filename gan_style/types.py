"""What the packages exchange. Images are float tensors [B, C, H, W] with values in [-1, 1]."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

Direction = Literal["a2b", "b2a"]

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
    """One micro-batch of samples from the two domains.

    a, b:   images [B, C, H, W] in [-1, 1]; the two domains' sizes may differ where the data are unpaired
    keys_a, keys_b: the names of the samples (paths relative to the data root), for logs and messages
    slots:  the samples' positions in the global batch, 0 <= slot < train.batch_size: the same for a sample on any
            number of processes, so state that belongs to a slot (a replay buffer) survives a change of their number
    numbers: the samples' numbers in the endless stream of training samples: what a sample is drawn (a style, noise) is a
            function of it
    """

    a: Tensor
    b: Tensor
    keys_a: tuple[str, ...]
    keys_b: tuple[str, ...]
    slots: tuple[int, ...]
    numbers: tuple[int, ...]

    def oriented(self, direction: Direction) -> tuple[Tensor, Tensor]:
        """(images that a translator of this direction is given, images of the domain that it leads to)."""
        return (self.a, self.b) if direction == "a2b" else (self.b, self.a)

    def to(self, device: torch.device, dtype: torch.dtype, memory_format: torch.memory_format) -> "Batch":
        """The batch on `device`; from pinned memory the copy does not wait."""

        def move(images: Tensor) -> Tensor:
            return images.to(device, dtype, non_blocking=True).contiguous(memory_format=memory_format)

        return replace(self, a=move(self.a), b=move(self.b))

    def pin_memory(self) -> "Batch":
        """The batch in pinned memory, from which copies to a GPU need not be waited for."""
        a = self.a.pin_memory()
        return replace(self, a=a, b=a if self.b is self.a else self.b.pin_memory())
