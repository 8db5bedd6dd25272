"""How the images of a domain look in sample grids: pictures as they are, measurements by their channels with the scale of their unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from gan_style.config.schema import DomainConfig, RunConfig
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.scale import Scale

_MOST = 8  # channels that are shown side by side


@dataclass(frozen=True)
class Look:
    """scale: of the values, None for pictures; channels: their number

    composite: which channels, from 1, are red, green and blue, or are gray; None: all side by side, each gray
    """

    scale: Scale | None
    channels: int
    composite: tuple[int, ...] | None = None

    def pictures(self, image: Tensor) -> list[np.ndarray]:
        """The pictures [H, W, C] of 8 bits that show an image [C, H, W] in [-1, 1], beside one another."""
        if self.scale is None or image.shape[0] != self.channels:
            return [images.to_pixels(image)]
        if self.composite is not None:
            places = [channel - 1 for channel in self.composite]
            return [_labelled(image[places], self._words(places))]
        return [_labelled(image[[place]], self._words([place])) for place in range(min(self.channels, _MOST))]

    def _words(self, places: Sequence[int]) -> str:
        """The channels, if there are several, and the values that are black and full."""
        assert self.scale is not None
        low, high = (each if isinstance(each, tuple) else (each,) * self.channels for each in (self.scale.low, self.scale.high))
        ranges = {f"{low[place]:.4g}..{high[place]:.4g}" for place in places}
        numbers = [f"{','.join(str(place + 1) for place in places)}:"] if self.channels > 1 else []
        return " ".join([*numbers, *(ranges if len(ranges) == 1 else ())])


def looks_of(config: RunConfig[Any]) -> dict[str, Look]:
    """Domain -> how its images look. `UserError` for a composite of channels that the domain does not have."""
    found: dict[str, Look] = {}
    for domain, composite in (("a", config.logging.composite_a), ("b", config.logging.composite_b)):
        settings: DomainConfig = getattr(config.data, f"domain_{domain}")
        if composite and max(composite) > settings.channels:
            has = f"data.domain_{domain}.channels is {settings.channels}"
            raise UserError(f"logging.composite_{domain}: names channel {max(composite)}, but {has}")
        found[domain] = Look(settings.scale, settings.channels, tuple(composite) if composite else None)
    return found


def _labelled(image: Tensor, words: str) -> np.ndarray:
    """The picture with words at its lower left, white with a black edge."""
    picture = Image.fromarray(np.broadcast_to(images.to_pixels(image), (*image.shape[1:], 3)))
    ImageDraw.Draw(picture).text((2, picture.height - 2), words, fill="white", anchor="ld", stroke_width=1, stroke_fill="black")
    return np.asarray(picture)
