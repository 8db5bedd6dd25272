"""A label map of a street: its classes, its palette, and the shapes that draw it.

The map is drawn on a grid twice as fine as the picture's. Lengths are in units of 1/256 of the picture's side; y points down.
"""

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

SUPERSAMPLING = 2
UNITS = 256


class StreetClass(IntEnum):
    """The classes of a label map, with their palette indices."""

    SKY = 0
    SLATE_ROOF = 1
    TILE_ROOF = 2
    BRICK = 3
    PLASTER = 4
    STONE = 5
    TRIM = 6
    WINDOW = 7
    SHUTTER = 8
    BALCONY = 9
    DOOR = 10
    SHOP = 11
    AWNING = 12
    TRUNK = 13
    FOLIAGE = 14
    PAVEMENT = 15
    ROAD = 16
    CAR = 17


# One clear colour for each class, in the order of `StreetClass`.
PALETTE = (
    (120, 190, 240),
    (70, 75, 140),
    (225, 105, 45),
    (165, 45, 40),
    (245, 205, 95),
    (190, 165, 125),
    (235, 235, 235),
    (30, 70, 210),
    (10, 150, 130),
    (125, 30, 165),
    (95, 50, 20),
    (20, 215, 225),
    (255, 45, 135),
    (130, 115, 0),
    (50, 170, 55),
    (150, 155, 160),
    (60, 62, 68),
    (255, 255, 0),
)


@dataclass(frozen=True)
class Part:
    """A thing with details inside its box (in pixels of the fine grid): window bars, door panels, stripes."""

    label: StreetClass
    left: int
    top: int
    right: int
    bottom: int


@dataclass
class Street:
    """A plan: labels [2 * size, 2 * size] of `StreetClass`, and the parts in the order in which they were added."""

    labels: NDArray[np.uint8]
    parts: list[Part]

    @property
    def unit(self) -> float:
        """Pixels of the fine grid in one unit."""
        return self.labels.shape[0] / UNITS

    def label_map(self) -> NDArray[np.uint8]:
        """The labels [size, size] at the picture's own size."""
        return np.ascontiguousarray(self.labels[::SUPERSAMPLING, ::SUPERSAMPLING])

    def pixel(self, value: float) -> int:
        """A length in pixels of the fine grid, rounded to the picture's grid, so that label map and picture have the same edges."""
        return SUPERSAMPLING * round(value * self.unit / SUPERSAMPLING)

    def box(self, label: StreetClass, left: float, top: float, right: float, bottom: float, part: bool = False) -> None:
        """Draw a rectangle. part: the renderer paints details into it"""
        x0, y0, x1, y1 = (self.pixel(v) for v in (left, top, right, bottom))
        self.labels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = label
        if part:
            self.detail(label, left, top, right, bottom)

    def detail(self, label: StreetClass, left: float, top: float, right: float, bottom: float) -> None:
        """Add a part of this class in this box, whose outline may have any shape."""
        x0, y0, x1, y1 = (self.pixel(v) for v in (left, top, right, bottom))
        if x1 > x0 and y1 > y0:
            self.parts.append(Part(label, x0, y0, x1, y1))

    def polygon(self, label: StreetClass, points: list[tuple[float, float]]) -> None:
        """Draw a filled polygon of points (x, y)."""
        cv2.fillPoly(self.labels, [np.array([(self.pixel(x), self.pixel(y)) for x, y in points], np.int32)], int(label))

    def disc(self, label: StreetClass, x: float, y: float, radius: float) -> None:
        """Draw a filled circle."""
        cv2.circle(self.labels, (self.pixel(x), self.pixel(y)), max(round(radius * self.unit), 1), int(label), -1)
