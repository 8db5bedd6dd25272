"""Inputs of any size to trace a graph with, and what torch makes of them."""

import numpy as np
import torch
from torch import Tensor

from gan_style.bundles.exported import Door
from gan_style.conditions import Exemplar, Label, Mix, Noise
from gan_style.files import images
from gan_style.translation.predictor import Predictor
from gan_style.types import to_floats

_SIDE = 128  # of a picture that shows what a network does, if it does not need a larger one


def sizes(multiple: int, minimum: int) -> list[tuple[int, int]]:
    """(height, width) of two pictures: one that is not padded, and one that is."""
    side = -(-max(_SIDE, minimum) // multiple) * multiple
    return [(side, side), (side + 5, side * 3 // 4 + 3)]


class Example:
    """The inputs of a graph for `batch` pictures of one size.

    expected: what the translation pipeline makes of them in float32, [B, C', H, W] in [-1, 1]
    """

    def __init__(self, predictor: Predictor, batch: int, height: int, width: int) -> None:
        self.predictor, self.batch = predictor, batch
        self.rng = np.random.default_rng([batch, height, width])
        info, condition = predictor.info, predictor.condition
        self.image = torch.stack([self._pixels(height, width, info.in_channels) for _ in range(batch)]) if info.in_channels else None
        self.beside: list[Tensor] = []
        strength = torch.linspace(1.0, 0.25, batch)[:, None]
        match condition:
            case Label():
                self.beside = [torch.eye(len(condition.names))[torch.arange(batch) % len(condition.names)]]
            case Mix():
                self.beside = [torch.from_numpy(self.rng.dirichlet(np.ones(len(condition.names)), batch)).float(), strength]
            case Exemplar():
                styles = [self._pixels(height // 2 + 8, width // 2 + 11, info.in_channels) for _ in range(batch)]
                self.beside = [torch.stack(styles), strength]
            case Noise():
                self.beside = [torch.stack([condition.latent(0, number) for number in range(batch)])]
            case _:
                pass

    def inputs(self, door: Door) -> tuple[Tensor, ...]:
        """In the order of `ports.inputs_of`."""
        given = [self.image, *self.beside] if not isinstance(self.predictor.condition, Noise) else self.beside
        return tuple(self._at(door, each) for each in given if each is not None)

    def expected(self) -> Tensor:
        """What the translation pipeline computes."""
        predictor, beside = self.predictor, self.beside
        if isinstance(predictor.condition, Noise):
            return predictor.from_noise(*beside)
        assert self.image is not None
        match predictor.condition:
            case Mix():
                photos, strength = to_floats(self.image), beside[1][:, :, None, None]
                return photos + strength * (predictor.translate(photos, beside[0]) - photos)
            case Exemplar():
                return torch.cat([self._stylized(place) for place in range(self.batch)])
            case _:
                return predictor.translate(self.image, *beside)

    @torch.no_grad()
    def _stylized(self, place: int) -> Tensor:
        assert self.image is not None
        styles, strength = self.beside
        features = [self.predictor.encode(to_floats(styles[place : place + 1]))]
        alpha = strength[place].item()
        return self.predictor.translate(self.image[place : place + 1], features=features, shares=torch.ones(1, 1), alpha=alpha)

    def _at(self, door: Door, given: Tensor) -> Tensor:
        if given.dtype != torch.uint8:
            return given
        return given.permute(0, 2, 3, 1).contiguous() if door == "uint8" else to_floats(given)

    def _pixels(self, height: int, width: int, channels: int) -> Tensor:
        """[C, H, W] uint8: fields of colours, of the label map's classes where the network knows them, with grain elsewhere."""
        colours = getattr(getattr(self.predictor.network, "encoding", None), "colours", None)
        fields = self.rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, channels)).astype(np.uint8)
        if colours is not None:
            known = ((colours.numpy() + 1) * 127.5).round().astype(np.uint8)  # [K, C], without the numbers of objects
            fields[..., : known.shape[1]] = known[self.rng.integers(0, len(known), fields.shape[:2])]
        pixels = images.resize(fields, height, width, labels=colours is not None)
        if colours is None:
            pixels = (pixels * 0.75 + self.rng.integers(0, 64, pixels.shape)).round().astype(np.uint8)
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
