"""A scene of fields, forest, town and water: five bands as a satellite measures them, and the temperature of the ground.

Blue, green, red, near infrared and short-wave infrared are reflectances times 10,000. The temperature, in kelvin, falls with growth, which
near infrared shows, with moisture, which short-wave infrared shows, with shade, and with height, which no band shows by itself.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from gan_style.demo.canvas import Field, Floats, Random, blur, fbm, mix, profile, smoothstep

BANDS = ("blue", "green", "red", "near infrared", "short-wave infrared")
PIXEL = 10.0  # metres

_WATER = np.array([620, 520, 360, 160, 90], np.float32)
_SOIL = np.array([900, 1300, 1800, 2500, 3300], np.float32)
_CROP = np.array([350, 700, 400, 4200, 1700], np.float32)
_FOREST = np.array([240, 430, 290, 3100, 1100], np.float32)
_TOWN = np.array([1400, 1500, 1650, 2050, 2400], np.float32)
_WET = np.array([0.9, 0.9, 0.85, 0.9, 0.45], np.float32)  # times the reflectance of dry ground
_NOISE = 25.0


@dataclass(frozen=True)
class Scene:
    """bands: [size, size, 5] uint16; temperature: [size, size] float32, kelvin"""

    bands: np.ndarray
    temperature: Field


def draw_scene(rng: Random, size: int) -> Scene:
    """A scene of size x size pixels."""
    height = fbm(rng, size, size, size / 1.6, 5)
    light = _light(height)
    growth, moisture = _fields(rng, size)
    dry = mix(_SOIL, _CROP, growth)
    ground = mix(dry, dry * _WET, moisture)
    temperature = 313 - 14 * growth - 8 * moisture
    trees, houses, water = _forest(rng, size), _town(rng, size), _water(rng, height)
    for share, colour, kelvin in ((trees, _FOREST, 296.0), (houses, _TOWN, 311.0), (water, _WATER, 290.0)):
        ground = mix(ground, np.broadcast_to(colour, ground.shape), share)
        temperature = temperature + (np.float32(kelvin) - temperature) * share
    grain = 0.85 + 0.3 * fbm(rng, size, size, 3, 2)
    lit = ground * (grain * light)[..., None] + _NOISE * rng.standard_normal(ground.shape)
    warmth = temperature + 9 * (light - 1) * (1 - water) - 7 * height
    return Scene(
        np.rint(blur(lit.astype(np.float32), 0.5)).clip(0, 10_000).astype(np.uint16),
        (blur(warmth.astype(np.float32), 1.2) + 0.1 * rng.standard_normal((size, size))).astype(np.float32),
    )


def _light(height: Field) -> Field:
    """How strongly the sun in the north-west lights the ground, 1 where the ground is level."""
    down, across = np.gradient(blur(height, 1.0) * len(height))
    return (1 + 0.35 * (down + across)).clip(0.45, 1.5).astype(np.float32)


def _fields(rng: Random, size: int) -> tuple[Field, Field]:
    """Growth and moisture, 0 to 1, of fields with straight borders: each pixel belongs to the nearest of some places."""
    count = 28
    places = rng.uniform(0, size, (count, 2)).astype(np.float32)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    owner = np.argmin([(rows - y) ** 2 + 2.2 * (columns - x) ** 2 for y, x in places], axis=0)
    growth, moisture = (rng.random(count, dtype=np.float32)[owner] for _ in range(2))
    ripples = fbm(rng, size, size, 8, 3) - 0.5
    return (growth + 0.3 * ripples).clip(0, 1), (0.8 * moisture + 0.4 * fbm(rng, size, size, size / 3, 3) - 0.1).clip(0, 1)


def _forest(rng: Random, size: int) -> Field:
    return smoothstep(0.58, 0.62, fbm(rng, size, size, size / 3, 4))


def _town(rng: Random, size: int) -> Field:
    """Houses along straight streets, around a centre that may lie outside."""
    y, x = rng.uniform(-0.1 * size, 1.1 * size, 2)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    near = smoothstep(0.28 * size, 0.16 * size, np.hypot(rows - y, columns - x) + 0.1 * size * (fbm(rng, size, size, 12, 2) - 0.5))
    blocks = ((rows % 7 > 1.5) & (columns % 9 > 1.5)).astype(np.float32)
    return near * (0.35 + 0.65 * blocks)


def _water(rng: Random, height: Field) -> Field:
    """Lakes in the lowest places, and a river from one side to the other."""
    size = len(height)
    lakes = smoothstep(0.27, 0.23, height)
    course: Floats = size * profile(rng, size, size / 2, 4)
    points = np.stack([np.arange(size), course], axis=1)[None].astype(np.int32)
    river = np.zeros((size, size), np.float32)
    cv2.polylines(river, list(points), False, 1.0, int(rng.integers(2, 5)), cv2.LINE_AA)
    river = np.ascontiguousarray(river.T) if rng.random() < 0.5 else river
    return np.maximum(lakes, river.clip(0, 1))
