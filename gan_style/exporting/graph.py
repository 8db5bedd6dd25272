"""The graph of an exported network: pictures and conditions in, pictures out, for any batch, height and width.

Range mapping, padding and cropping are operations of the graph. Each format traces it once, at one size.
"""

from typing import Any

import torch
from torch import Tensor, nn

from gan_style.bundles.exported import Door
from gan_style.conditions import AnyCondition, Exemplar, Label, Mix, Noise


class Graph(nn.Module):
    """A serving network behind a door: the layout and range of its pictures (`ports`).

    uint8: [B, H, W, C], 0 to 255; float: [B, C, H, W] in [-1, 1]
    `forward` takes the inputs of `ports.inputs_of` in their order.
    """

    def __init__(self, network: nn.Module, condition: AnyCondition, door: Door) -> None:
        super().__init__()
        self.network, self.condition = network, condition
        self.door: Door = door
        self.size_multiple, self.minimum_size = (int(getattr(network, name, 1)) for name in ("size_multiple", "minimum_size"))

    def forward(self, *inputs: Tensor) -> Tensor:
        if isinstance(self.condition, Noise):
            return self.left(self.network(*inputs).float().clamp(-1.0, 1.0))
        image, *beside = inputs
        photos = self.entered(image)
        height, width = photos.shape[2], photos.shape[3]
        translated = self.translated(self.padded(photos), *beside)[:, :, :height, :width].float().clamp(-1.0, 1.0)
        if isinstance(self.condition, Mix):  # `stylist.NamedStyles` mixes the photo in behind the network too
            translated = photos + beside[1][:, :, None, None] * (translated - photos)
        return self.left(translated)

    def translated(self, photos: Tensor, *beside: Tensor) -> Tensor:
        """The network's own call for its condition (`gan_style.conditions`), photos of a size that the network need not pad."""
        match self.condition:
            case Label() | Mix():
                return self.network(photos, beside[0])
            case Exemplar():
                style, strength = beside
                return self.network(photos, self.entered(style), alpha=strength[:, :, None, None])
            case _:
                return self.network(photos)

    def padded(self, photos: Tensor) -> Tensor:
        """Pad [B, C, H, W] as `networks.layers.padding.grown` does. No branch of Python asks for the size of the traced picture."""
        for axis in (2, 3):
            size = photos.shape[axis]
            photos = photos.index_select(axis, _places(size, self._fitting(size)))
        return photos

    def _fitting(self, size: int) -> int:
        """The padded side, as a whole number of multiples.

        The number goes through a tensor, so torch.export knows of it what the checks say and no more: the network's own padding is then
        nothing for every size. Of an expression in `size` torch.export would ask at each layer whether the traced picture was padded.
        """
        multiple, least = self.size_multiple, self.minimum_size
        wanted = (torch.sym_max(size, least) + multiple - 1) // multiple
        steps: Any = torch.full((), wanted, dtype=torch.int64).item()
        torch._check(steps >= -(-least // multiple))
        torch._check(steps * multiple >= size)
        return steps * multiple

    def entered(self, pictures: Tensor) -> Tensor:
        """Pictures of the door -> [B, C, H, W] in [-1, 1], with the bits of `types.to_floats`."""
        if self.door == "float":
            return pictures
        return pictures.permute(0, 3, 1, 2).contiguous().to(torch.float32).div(127.5).sub(1.0)

    def left(self, values: Tensor) -> Tensor:
        """[B, C, H, W] in [-1, 1] -> pictures of the door, rounded as `files.images.to_pixels` rounds."""
        if self.door == "float":
            return values
        return values.add(1.0).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


def _places(size: int, padded: int) -> Tensor:
    """For each of `padded` positions the pixel of `size` that stands there: mirrored where there are enough, else the last."""
    last = size - 1
    positions = torch.arange(padded)
    mirrored = torch.full((), padded, dtype=torch.int64) < 2 * size
    return torch.where(positions <= last, positions, torch.where(mirrored, 2 * last - positions, last))
