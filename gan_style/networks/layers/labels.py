"""The encoding of label maps for networks: one map for each class, and the boundaries between objects (1711.11585, section 3.3)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Edges = Literal["none", "labels", "alpha"]
_AT_ONCE = 32  # colours that are compared at once, so that distances take no more memory than the classes' maps themselves


class LabelEncoding(nn.Module):
    """Label maps [B, C, H, W] in [-1, 1] -> [B, K, H, W], 1 in the map of a pixel's class and 0 in the others, then [B, 1, H, W] of edges.

    colours: the K classes', [K][C] whole numbers 0 to 255; a pixel of another colour takes the nearest one's class. None: images
        stay as they are
    edges: `none`; `labels`, between pixels of different classes; `alpha`, between pixels of different values of the last channel,
        which then holds the objects' numbers and is no part of the colours
    """

    colours: Tensor | None  # [K, C] in [-1, 1]

    def __init__(self, colours: Sequence[Sequence[int]] | None, edges: Edges = "none") -> None:
        super().__init__()
        values = None
        if colours is not None:  # in the range of images.to_tensor; the values exist on the meta device too
            values = torch.tensor(colours, dtype=torch.float32, device="cpu") / 127.5 - 1.0
        self.register_buffer("colours", values, persistent=False)  # the configuration in a bundle holds them
        self.edges: Edges = edges

    def channels(self, in_channels: int) -> int:
        """The channels of the encoding of images with `in_channels` channels."""
        return in_channels if self.colours is None else len(self.colours) + (self.edges != "none")

    def forward(self, images: Tensor) -> Tensor:
        if self.colours is None:
            return images
        classes = self.classes(images)
        layout = torch.contiguous_format if images.is_contiguous() else torch.channels_last
        size = (images.shape[0], self.channels(images.shape[1]), *images.shape[2:])  # len() would fix the batch of an exported network
        encoded = torch.empty(size, dtype=images.dtype, device=images.device, memory_format=layout).zero_()
        encoded.scatter_(1, classes, 1.0)
        if self.edges != "none":
            encoded[:, -1:] = boundaries(classes if self.edges == "labels" else images[:, -1:])
        return encoded

    def classes(self, images: Tensor) -> Tensor:
        """The number of the nearest colour (of equally near ones the first): [B, C, H, W] -> [B, 1, H, W] whole numbers.

        It subtracts; a matrix product would be rounded on a GPU that multiplies in TF32.
        """
        assert self.colours is not None
        nearest = least = None
        for first in range(0, len(self.colours), _AT_ONCE):
            some = self.colours[first : first + _AT_ONCE]  # [k, C]
            distances = torch.zeros((), dtype=images.dtype, device=images.device)
            for channel in range(some.shape[1]):
                distances = distances + (images[:, channel : channel + 1] - some[:, channel].view(1, -1, 1, 1)).square()  # [B, k, H, W]
            distance, place = distances.min(dim=1, keepdim=True)
            if nearest is None or least is None:
                nearest, least = place, distance
            else:
                nearest = torch.where(distance < least, place + first, nearest)
                least = torch.minimum(distance, least)
        assert nearest is not None
        return nearest


def boundaries(values: Tensor) -> Tensor:
    """[B, 1, H, W] -> the same with true where any of a pixel's four neighbours has another value (1711.11585, section 3.3)."""
    edges = torch.zeros_like(values, dtype=torch.bool)
    for axis in (2, 3):
        length = values.shape[axis] - 1
        differ = values.narrow(axis, 1, length) != values.narrow(axis, 0, length)
        edges.narrow(axis, 1, length).logical_or_(differ)
        edges.narrow(axis, 0, length).logical_or_(differ)
    return edges


class EncodedTranslator(nn.Module):
    """A generator of encoded images: images [B, C, H, W] -> encoding [B, K, H, W] -> images.

    encoded: the encoding, where it is known already; the images are then not read.
    """

    def __init__(self, encoding: LabelEncoding, generator: nn.Module) -> None:
        super().__init__()
        self.encoding, self.generator = encoding, generator
        self.size_multiple, self.minimum_size = generator.size_multiple, generator.minimum_size

    def forward(self, images: Tensor | None, encoded: Tensor | None = None) -> Tensor:
        if encoded is None:
            assert images is not None
            encoded = self.encoding(images)
        return self.generator(encoded)
