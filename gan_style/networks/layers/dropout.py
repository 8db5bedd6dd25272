"""Dropout with a mask for each sample: a batch gives the same result as its parts, in one process or in several (decision 21).

Each random number is a hash of the sample's key and of a count, as in a counter-based generator. It is the same on every device, in every
memory format and precision, and needs no saved state.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from gan_style.networks.layers.transfer import sent
from gan_style.seeding import derive_seed

_WORD = 0xFFFFFFFF  # 32 bits, in an int64: products of two words with constants below 2**31 do not overflow
_OTHER_HALF = 2**31  # of the numbers that a key gives


class Dropout(nn.Dropout):
    """`nn.Dropout`: in training each value is 0 with probability `p`, else divided by 1 - p.

    keys: int64 [B], one for each sample of the batch, from `masks_by_sample`; row r of an input [n * B, ...] is then of sample r % B.
    None: torch's global generator draws the masks, as for `nn.Dropout`.
    drawn: how many numbers each sample has had since `keys` was set
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)
        self.keys: Tensor | None = None
        self.drawn = 0

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.keys is None or self.p in (0.0, 1.0):
            return super().forward(input)
        words, self.drawn = _words(self.keys, self.drawn, input)
        return input * (words >= round(self.p * 2**32)).to(input.dtype).mul_(1 / (1 - self.p))


Drawing = Mapping[Dropout, tuple[Tensor | None, int]]  # layer -> its `keys` and `drawn`


def draws_by_sample(network: nn.Module) -> bool:
    """Are all dropout layers of the network of this class? torch's own layers draw another mask for another batch."""
    return all(isinstance(module, Dropout) for module in network.modules() if isinstance(module, nn.modules.dropout._DropoutNd))


def dropouts(networks: Mapping[str, nn.Module]) -> dict[str, Dropout]:
    """All layers of this class that drop something, by the name of their network and their place in it."""
    return {
        f"{name}.{layer}": module
        for name, network in networks.items()
        for layer, module in network.named_modules()
        if isinstance(module, Dropout) and 0 < module.p < 1
    }


@contextmanager
def masks_by_sample(layers: Mapping[str, Dropout], numbers: Sequence[int], device: torch.device, *purpose: int | str) -> Iterator[None]:
    """While entered, a mask is a function of `purpose`, the layer, the sample's number, and the count of its earlier draws.

    numbers: the places of the batch's samples in the stream of training samples, in the order of the rows.
    """
    for name, layer in layers.items():
        keys = torch.tensor([derive_seed(*purpose, "dropout", name, number) for number in numbers])  # [B]
        layer.keys, layer.drawn = sent(keys, device), 0
    try:
        yield
    finally:
        for layer in layers.values():
            layer.keys = None


def drawing(network: nn.Module) -> Drawing:
    """The keys that each layer of `network` draws for, and how much it has drawn."""
    return {layer: (layer.keys, layer.drawn) for layer in network.modules() if isinstance(layer, Dropout)}


@contextmanager
def drawing_as(state: Drawing) -> Iterator[None]:
    """While entered, the layers draw from `state`, which `drawing` gave; afterwards they go on from where they are now."""
    now = {layer: (layer.keys, layer.drawn) for layer in state}
    _set(state)
    try:
        yield
    finally:
        _set(now)


def of_samples_at(network: nn.Module, places: Sequence[int]) -> AbstractContextManager[None]:
    """While entered, the rows of an input are the batch's samples at `places`. Draws after that do not depend on it."""
    return drawing_as({layer: (_picked(keys, places), drawn + _OTHER_HALF) for layer, (keys, drawn) in drawing(network).items()})


def _picked(keys: Tensor | None, places: Sequence[int]) -> Tensor | None:
    """keys[places], without an index that would have to reach the device."""
    return None if keys is None else torch.cat([keys[place : place + 1] for place in places])


def _set(state: Drawing) -> None:
    for layer, (keys, drawn) in state.items():
        layer.keys, layer.drawn = keys, drawn


def _words(keys: Tensor, drawn: int, like: Tensor) -> tuple[Tensor, int]:
    """Uniform whole numbers in [0, 2**32), in the shape and memory format of `like`, and how many each sample was given then.

    Number i of a sample is a function of its key and of i alone.
    """
    copies, rest = divmod(len(like), len(keys))
    if rest:
        raise ValueError(f"{len(like)} rows are no whole number of batches of {len(keys)} samples: say which they are (of_samples_at)")
    each = [-1, *[1] * (like.ndim - 1)]
    size = like[:1].numel()
    places = torch.empty_like(like[:1], dtype=torch.int64).copy_(torch.arange(size, device=like.device).view(like[:1].shape))
    starts = torch.arange(copies, device=like.device).repeat_interleave(len(keys)) * size + drawn  # [copies * B]
    keys = keys.repeat(copies).view(each)
    words = _scrambled((places + starts.view(each)).bitwise_xor_(keys & _WORD))
    return _scrambled(words.bitwise_xor_(keys >> 32)), drawn + copies * size


def _scrambled(words: Tensor) -> Tensor:
    """A one-to-one map of 32-bit words in which every bit depends on all bits, in place (Wellons' hash-prospector, "lowbias")."""
    words.bitwise_xor_(words >> 16).mul_(0x21F0AAAD).bitwise_and_(_WORD)
    words.bitwise_xor_(words >> 15).mul_(0x735A2D97).bitwise_and_(_WORD)
    return words.bitwise_xor_(words >> 15)
