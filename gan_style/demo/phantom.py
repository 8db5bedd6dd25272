"""A phantom of a chest: slices in two contrasts of MR, in Hounsfield units as CT shows them, and the mask of the body.

Bone, lung and air are dark in both contrasts, and far apart in Hounsfield units: where a dark place lies tells which it is. Fat, fluid and
muscle differ in one contrast more than in the other. As in MR, each patient has a brightness of its own, and a smooth bias across the body.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gan_style.demo.canvas import Field, Random, blur, finish, value_noise

_FINER = 2  # a slice is drawn with so many times its rows and columns
_MR_NOISE, _CT_NOISE = 12.0, 10.0


class Tissue(NamedTuple):
    """Its brightness in the two contrasts, and its Hounsfield units."""

    t1: float
    t2: float
    hounsfield: float


AIR = Tissue(0, 0, -1000)
FAT = Tissue(900, 480, -100)
MUSCLE = Tissue(430, 140, 50)
LUNG = Tissue(70, 60, -820)
HEART = Tissue(380, 260, 40)
LIVER = Tissue(560, 190, 65)
FLUID = Tissue(160, 880, 5)
BONE = Tissue(40, 25, 900)
MARROW = Tissue(700, 380, 220)


@dataclass(frozen=True)
class Slice:
    """t1, t2: float32 without a unit, from 0; ct: int16 in Hounsfield units; body: 0 outside, 255 inside. Each [size, size]"""

    t1: Field
    t2: Field
    ct: np.ndarray
    body: np.ndarray


class Patient:
    """The anatomy of one patient. Lengths are shares of the picture's side, from its middle."""

    def __init__(self, rng: Random) -> None:
        self.width, self.height = rng.uniform(0.37, 0.46), rng.uniform(0.26, 0.33)
        self.fat = rng.uniform(0.02, 0.05)
        self.lung, self.lean = rng.uniform(0.8, 1.1), rng.uniform(-0.02, 0.02)
        self.heart, self.liver = rng.uniform(0.07, 0.1), rng.uniform(0.8, 1.2)
        self.ribs, self.turn = int(rng.integers(9, 13)), rng.uniform(0, 2 * np.pi)
        self.gains = rng.uniform(0.8, 1.25, 2)
        self.seed = int(rng.integers(2**31))

    def slice(self, depth: float, size: int, rng: Random) -> Slice:
        """Draw a slice. depth: from the upper chest, 0, to the upper belly, 1; neighbouring depths look alike. rng: of the noise"""
        side = _FINER * size
        own = np.random.default_rng(self.seed)  # the same bends at every depth
        bends = [(value_noise(own, side, side, side / 4, side / 4) - 0.5) * 0.035 for _ in range(2)]
        rows = np.linspace(-0.5, 0.5, side, dtype=np.float32)
        x, y = rows[None, :] + bends[0], rows[:, None] + bends[1]
        maps = [np.full((side, side), value, np.float32) for value in AIR]

        def ellipse(across: float, down: float, half_width: float, half_height: float) -> Field:
            return ((x - across) / half_width) ** 2 + ((y - down) / half_height) ** 2

        def fill(inside: np.ndarray, tissue: Tissue) -> None:
            for values, value in zip(maps, tissue, strict=True):
                values[inside] = value

        outline = ellipse(0, 0, self.width, self.height)
        body = outline < 1
        fill(body, FAT)
        inner = ellipse(0, 0, self.width - self.fat, self.height - self.fat)
        fill(inner < 1, MUSCLE)
        around = np.arctan2(y, x) + self.turn + 0.8 * depth
        fill((inner > 0.8) & (inner < 0.93) & (np.cos(self.ribs * around) > 0.35), BONE)
        fill((inner > 0.84) & (inner < 0.89) & (np.cos(self.ribs * around) > 0.55), MARROW)
        chest = ellipse(0, 0, self.width - self.fat - 0.045, self.height - self.fat - 0.045) < 1
        open_lungs = self.lung * (1 - 0.75 * max(0.0, depth - 0.35))
        for sign in (-1, 1):
            fill(chest & (ellipse(sign * 0.19 + self.lean, -0.01, 0.13 * open_lungs, 0.2 * open_lungs) < 1), LUNG)
        if depth > 0.45:
            grown = self.liver * (depth - 0.45) / 0.55
            fill(chest & (ellipse(-0.16, 0.0, 0.19 * grown, 0.17 * grown) < 1), LIVER)
            fill(chest & (ellipse(0.18, 0.01, 0.09 * grown, 0.08 * grown) < 1), FLUID)  # the stomach
        beat = self.heart * (1 - abs(depth - 0.45))
        fill(chest & (ellipse(0.04 + self.lean, -0.05, 1.2 * beat, beat) < 1), HEART)
        fill(ellipse(0.055 + self.lean, -0.05, 0.5 * beat, 0.4 * beat) < 1, FLUID)
        fill(ellipse(0.045, 0.1, 0.025, 0.025) < 1, FLUID)  # the aorta
        spine = self.height - self.fat - 0.13
        fill(ellipse(0, spine, 0.065, 0.055) < 1, BONE)
        fill(ellipse(0, spine, 0.05, 0.04) < 1, MARROW)
        fill(ellipse(0, spine + 0.075, 0.03, 0.025) < 1, BONE)
        fill(ellipse(0, spine + 0.075, 0.018, 0.015) < 1, FLUID)  # the spinal canal

        t1, t2, hounsfield = (finish(blur(values, 0.8), size) for values in maps)
        return Slice(
            self._contrast(t1, self.gains[0], rng),
            self._contrast(t2, self.gains[1], rng),
            np.rint(hounsfield + _CT_NOISE * rng.standard_normal((size, size))).clip(-1024, 3071).astype(np.int16),
            np.where(finish(body.astype(np.float32), size) >= 0.5, 255, 0).astype(np.uint8),
        )

    def _contrast(self, values: Field, gain: float, rng: Random) -> Field:
        """A magnitude image of MR: brighter on one side, with Rician noise."""
        size = len(values)
        bias = 0.8 + 0.4 * value_noise(np.random.default_rng([self.seed, 1]), size, size, size / 1.5, size / 1.5)
        real, imaginary = (_MR_NOISE * rng.standard_normal((size, size)) for _ in range(2))
        return np.hypot(values * np.float32(gain) * bias + real, imaginary).astype(np.float32)
