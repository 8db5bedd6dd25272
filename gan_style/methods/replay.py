"""The replay buffer of past translations for a discriminator (Shrivastava et al., 2016, arXiv 1612.07828, section 2.3)."""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_style.seeding import derive_seed


class ReplayBuffer:
    """Returns each new image or, once full, with probability 1/2 an earlier one, which the new image replaces.

    capacity: images of all slots together; 0 returns every image unchanged
    The capacity is divided over the `batch_size` slots of the global batch, with at least one image each. A slot has its own history,
    and its random numbers are a function of (seed, slot, images seen), so the buffer does not depend on the number of processes. At
    batch size 1 it is the papers' single buffer.
    """

    def __init__(self, capacity: int, batch_size: int, seed: int, name: str) -> None:
        self.capacity = max(1, capacity // batch_size) if capacity else 0
        self.seed, self.name = seed, name
        self.histories: dict[int, list[Tensor]] = {}
        self.seen: dict[int, int] = {}

    def exchange(self, images: Tensor, slots: Sequence[int]) -> Tensor:
        """Exchange detached images [B, C, H, W] of these slots for images of the same shape, some of them from the past.

        An earlier image of another size (unpaired images without a common crop) does not fit into the batch and is skipped. An image
        with values that are not finite is not stored, so that a bad step cannot return later. The buffer then keeps the image that it
        would have replaced, or stores the previous one, or the image itself with those values set to 0.
        """
        if not self.capacity:
            return images
        return torch.stack([self._exchange(image, slot) for image, slot in zip(images, slots, strict=True)])

    def _exchange(self, image: Tensor, slot: int) -> Tensor:
        history = self.histories.setdefault(slot, [])
        seen = self.seen.get(slot, 0)
        self.seen[slot] = seen + 1
        if len(history) < self.capacity:
            history.append(_kept(image, history[-1] if history else None))
            return image
        lots = random.Random(derive_seed(self.seed, "replay", self.name, slot, seen))
        if lots.random() < 0.5:
            return image
        place = lots.randrange(self.capacity)
        earlier = history[place]
        history[place] = _kept(image, earlier)
        return earlier if earlier.shape == image.shape else image

    def state(self) -> dict[int, Any]:
        """Count and history of every slot."""
        return {slot: {"seen": self.seen[slot], "images": list(history)} for slot, history in self.histories.items()}

    def load_state(self, state: Mapping[int, Any], slots: Collection[int], device: torch.device) -> None:
        """Restore the part of `state` that belongs to `slots`."""
        for slot in state.keys() & set(slots):
            self.seen[slot] = state[slot]["seen"]
            self.histories[slot] = [image.to(device) for image in state[slot]["images"]]


def _kept(image: Tensor, otherwise: Tensor | None) -> Tensor:
    """`image` if it is finite, else `otherwise`, or `image` with 0 for bad values. Decided on the device, without waiting."""
    if otherwise is None or otherwise.shape != image.shape:
        return image.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return torch.where(image.isfinite().all(), image, otherwise)
