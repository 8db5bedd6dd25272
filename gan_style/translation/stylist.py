"""Applying a trained stylizer with the style options of `gan-style infer`: styles, shares, masks and colours."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.conditions import Mix
from gan_style.errors import UserError, nearest
from gan_style.files import images
from gan_style.files.bounded import Encoded
from gan_style.translation.controls import luminance, parse_share, parse_style, read_mask, recolour, shares_of, with_chroma
from gan_style.translation.inputs import LARGEST_STYLE, SMALLEST_STYLE
from gan_style.translation.picture import Original
from gan_style.translation.predictor import Predictor
from gan_style.types import to_floats


@dataclass(frozen=True)
class StyleOptions:
    """The options as they were given.

    style: texts of --style, or style pictures that a client has sent, each with its share or None
    mask: paths of files, or masks that a client has sent
    strength: None means the whole style
    style_size: pixels of the shorter side to which style pictures are resized; None means their own size
    """

    style: Sequence[str | tuple[Encoded, float | None]] = ()
    mask: Sequence[str | Encoded] = ()
    preserve_color: Literal["luminance", "histogram"] | None = None
    strength: float | None = None
    style_size: int | None = None


class Stylist(ABC):
    """A function that stylizes pictures, one at a time, with the given options."""

    one_by_one = True

    def __init__(self, predictor: Predictor, options: StyleOptions) -> None:
        self.predictor, self.options = predictor, options
        self.strength = 1.0 if options.strength is None else options.strength
        if predictor.exported and options.mask:
            raise UserError("--mask: an exported network mixes styles over the whole picture; leave it out, or take the bundle")
        if options.mask and len(options.mask) != len(self.weights):
            raise UserError(
                f"--mask: {len(options.mask)} given for {len(self.weights)} style(s); give one for each --style, in their order, or none"
            )

    weights: list[float]  # of the styles asked for; they sum to 1

    def __call__(self, sources: Sequence[Original], photos: Tensor) -> Tensor:
        """Stylize the photo [1, 3, h, w] of one source; returns [1, 3, h, w] in [-1, 1]."""
        (source,), photos = sources, to_floats(photos)
        masks = self._masks(source, photos)
        result = self.stylize(photos, self._shares(masks))
        if self.options.preserve_color == "luminance":
            result = with_chroma(luminance(result), photos)
        if masks is not None:  # what no mask covers stays as it was
            covered = masks.sum(dim=1, keepdim=True).clamp(max=1.0)
            result = photos + covered * (result - photos)
        return result.clamp(-1.0, 1.0)

    @abstractmethod
    def stylize(self, photos: Tensor, shares: Tensor) -> Tensor:
        """Run the network. shares: [1, S] or [1, S, h, w] of the requested styles"""

    def _masks(self, source: Original, photos: Tensor) -> Tensor | None:
        """The masks [1, S, h, w] in [0, 1] at the size of stylization; None without masks."""
        if not self.options.mask:
            return None
        masks = [Path(mask) if isinstance(mask, str) else mask for mask in self.options.mask]
        read = [read_mask(mask, source.job.source, source.height, source.width) for mask in masks]
        return F.adaptive_avg_pool2d(torch.cat(read, dim=1), (photos.shape[2], photos.shape[3]))

    def _shares(self, masks: Tensor | None) -> Tensor:
        weights = torch.tensor(self.weights)
        if masks is None:
            return weights[None]
        weighted = masks * weights[None, :, None, None] + 1e-6 * weights[None, :, None, None]  # where no mask is, any share will do
        return weighted / weighted.sum(dim=1, keepdim=True)


class NamedStyles(Stylist):
    """The stylist of a network that takes shares of named styles (the condition `Mix`)."""

    def __init__(self, predictor: Predictor, condition: Mix, options: StyleOptions) -> None:
        if options.style_size is not None:
            raise UserError("--style-size: the bundle knows its styles in the size of their training (method.style_size); leave it out")
        known = list(condition.names)
        if any(not isinstance(text, str) for text in options.style):
            raise UserError(f"--style: the bundle knows its styles by name; give one of {', '.join(known)} instead of a picture")
        asked = [part for text in options.style if isinstance(text, str) for part in text.split(",")]
        if not asked and len(known) > 1:
            raise UserError(f"--style: give one of {', '.join(known)}, or several as {known[0]}:0.7,{known[1]}:0.3")
        parts = [part.partition(":") for part in asked or known]
        for name, _, _ in parts:
            if name not in known:
                raise UserError(f"--style {name}: the bundle has no such style{nearest(name, known)}; it has {', '.join(known)}")
        self.places = [known.index(name) for name, _, _ in parts]
        self.weights = shares_of([parse_share(name, share) if colon else None for name, colon, share in parts])
        self.count = len(known)
        super().__init__(predictor, options)

    def stylize(self, photos: Tensor, shares: Tensor) -> Tensor:
        styles = shares.new_zeros(1, self.count, *shares.shape[2:])
        for place, share in zip(self.places, shares.unbind(1), strict=True):
            styles[:, place] += share
        result = self.predictor.translate(photos, styles)
        if self.options.preserve_color == "histogram":
            result = recolour(result, photos)
        return photos + self.strength * (result - photos)


class PictureStyles(Stylist):
    """The stylist of a network that takes any style picture (the condition `Exemplar`)."""

    def __init__(self, predictor: Predictor, options: StyleOptions) -> None:
        if not options.style:
            raise UserError("--style: give a style picture, or several as --style A.jpg:0.7 --style B.jpg:0.3")
        exported = predictor.exported
        if exported and len(options.style) > 1:
            raise UserError("--style: an exported network takes one style picture; give one, or take the bundle")
        if exported and exported.input == "uint8" and options.preserve_color == "histogram":
            raise UserError("--preserve-color histogram: its styles do not fit into 8 bits; export the network with --input float")
        given = [parse_style(style) if isinstance(style, str) else style for style in options.style]
        self.weights = shares_of([share for _, share in given])
        self.pictures = [_style_picture(path, options.style_size) for path, _ in given]
        self._features: list[Tensor] = []
        super().__init__(predictor, options)

    def stylize(self, photos: Tensor, shares: Tensor) -> Tensor:
        if self.options.preserve_color == "histogram":  # each photo has its own colours
            features = self._encoded([recolour(picture, photos) for picture in self.pictures])
        else:
            self._features = features = self._features or self._encoded(self.pictures)
        return self.predictor.translate(photos, features=features, shares=shares, alpha=self.strength)

    @torch.no_grad()
    def _encoded(self, pictures: list[Tensor]) -> list[Tensor]:
        return [self.predictor.encode(picture) for picture in pictures]


def _style_picture(path: Path | Encoded, size: int | None) -> Tensor:
    """Read a style picture as [1, 3, H, W] in [-1, 1]. size: pixels of the shorter side; None: its own"""
    pixels = images.read(path, 3).pixels
    sides = pixels.shape[:2]
    scale = min(size / min(sides) if size else 1.0, LARGEST_STYLE / max(sides))
    if scale != 1.0:
        height, width = (max(SMALLEST_STYLE, round(side * scale)) for side in sides)
        pixels = images.resize(pixels, height, width)
    return images.to_tensor(pixels)[None]
