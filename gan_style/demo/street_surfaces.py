"""The materials of a street: each class of the label map has the same colours and the same texture in every picture.

This module paints in even light; street_render adds sun and shadow.
"""

import numpy as np

from gan_style.demo.canvas import Field, Floats, Image, Random, coordinates, fbm, mix, rgb, shift, value_noise
from gan_style.demo.street_map import Street, StreetClass

# Class: (its colour, the colour that its texture leads to, where the texture is 1).
COLOURS = {
    StreetClass.SKY: ("7fb6e6", "7fb6e6"),
    StreetClass.SLATE_ROOF: ("6b7690", "3b4258"),
    StreetClass.TILE_ROOF: ("d0673c", "7d2f1c"),
    StreetClass.BRICK: ("a9553f", "c9ab92"),
    StreetClass.PLASTER: ("f0cf8c", "dba65f"),
    StreetClass.STONE: ("d6c5a4", "9c8869"),
    StreetClass.TRIM: ("e6dcc6", "d9ccb2"),
    StreetClass.WINDOW: ("33475c", "33475c"),
    StreetClass.SHUTTER: ("3f7f68", "235043"),
    StreetClass.BALCONY: ("26262c", "26262c"),
    StreetClass.DOOR: ("6d3f26", "3d2013"),
    StreetClass.SHOP: ("3a3a40", "3a3a40"),
    StreetClass.AWNING: ("a32638", "f3e7d0"),
    StreetClass.TRUNK: ("76583e", "3f2c1e"),
    StreetClass.FOLIAGE: ("4c7a35", "1f4426"),
    StreetClass.PAVEMENT: ("cdc4b6", "8f867a"),
    StreetClass.ROAD: ("77767b", "5a595f"),
    StreetClass.CAR: ("26262a", "26262a"),
}
_BASE = np.stack([rgb(COLOURS[label][0]) for label in StreetClass])
_OTHER = np.stack([rgb(COLOURS[label][1]) for label in StreetClass])


def paint_surfaces(street: Street, rng: Random, sky: Image) -> Image:
    """The street [H, W, 3] in even light, without the details of its parts. sky: [H, W, 3], visible where there is no house"""
    labels, unit = street.labels, street.unit
    texture, tone = np.zeros(labels.shape, np.float32), np.ones(labels.shape, np.float32)
    for label, draw in _TEXTURES.items():
        rows, columns = np.nonzero((labels == label).any(1))[0], np.nonzero((labels == label).any(0))[0]
        if len(rows) == 0:
            continue
        # Only as much of the texture as is seen; it starts at the picture's corner so that rows of bricks meet across houses.
        bottom, right = rows[-1] + 1, columns[-1] + 1
        mask = labels[:bottom, :right] == label
        share, bright = draw(bottom, right, unit, rng)
        np.copyto(texture[:bottom, :right], share, where=mask)
        np.copyto(tone[:bottom, :right], bright, where=mask)
    # Houses differ a little: slow waves of tone along the street, and weather that runs down the walls.
    height, width = labels.shape
    tone *= 0.92 + 0.16 * value_noise(rng, 1, width, 4, 70 * unit)
    tone *= 0.94 + 0.12 * fbm(rng, height, width, 60 * unit, 3, stretch=0.3)
    image = mix(_BASE[labels], _OTHER[labels], texture) * tone[..., None]
    np.copyto(image, sky, where=(labels == StreetClass.SKY)[..., None])
    return image


def paint_sky(rng: Random, side: int) -> Image:
    """A blue sky [side, side, 3] with fair-weather clouds, lit from the upper left."""
    y, _ = coordinates(side, side)
    down = np.broadcast_to(np.clip(y / side * 1.25, 0, 1), (side, side))
    sky = mix(rgb("4f93d8"), rgb("cfe6f5"), down.astype(np.float32))
    density = fbm(rng, side, side, side * 0.3, 5, stretch=1.9)
    step = max(side // 50, 1)
    thick = np.clip((density - 0.54) * 4.5, 0, 1)
    light = np.clip(0.82 + (density - shift(density, step, step)) * 3.0, 0.6, 1.05)
    cloud = mix(rgb("b9c6da"), rgb("fffdf6"), np.clip((light - 0.6) / 0.4, 0, 1).astype(np.float32))
    return mix(sky, cloud, (thick * thick * (3 - 2 * thick) * 0.92).astype(np.float32))


def _blocks(height: int, width: int, high: float, wide: float, joint: float, rng: Random) -> tuple[Field, Field, Floats]:
    """Masonry: (1 on the joints [H, W], a random tone in [0, 1] of each block [H, W], the place within its course, 0 top to 1 [H, 1])."""
    y, x = coordinates(height, width)
    course = (y / high).astype(np.int64)  # [H, 1]
    shifted = x / wide + 0.5 * (course % 2)  # [H, W]
    block = shifted.astype(np.int64)
    within = y / high - course
    joints = ((shifted - block) * wide < joint) | (within * high < joint)
    table = rng.random((int(course[-1, 0]) + 1, int(block[0, -1]) + 3), dtype=np.float32)
    return joints.astype(np.float32), table[course, block], within


def _brick(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    joints, tones, _ = _blocks(height, width, 3 * unit, 7 * unit, 0.6 * unit, rng)
    return joints * 0.5, (0.78 + 0.40 * tones) * (1 - joints) + joints


def _stone(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    joints, tones, _ = _blocks(height, width, 9 * unit, 19 * unit, 0.9 * unit, rng)
    return joints * 0.55, 0.93 + 0.1 * tones


def _slate(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    joints, tones, within = _blocks(height, width, 4 * unit, 5 * unit, 0.6 * unit, rng)
    return np.clip(joints * 0.5 + 0.7 * (1 - within) ** 2, 0, 1), 0.85 + 0.3 * tones


def _tiles(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    _, tones, within = _blocks(height, width, 5 * unit, 4 * unit, 0.4 * unit, rng)
    _, x = coordinates(height, width)
    # Half pipes side by side, lit from the left; each course throws a line of shadow on the next.
    pipes = 0.5 - 0.5 * np.sin(x * (2 * np.pi / (4 * unit)))
    return np.clip(0.75 * pipes * pipes + 0.6 * (within < 0.2), 0, 1).astype(np.float32), 0.82 + 0.36 * tones


def _plaster(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    patches = fbm(rng, height, width, 34 * unit, 4)
    grain = value_noise(rng, height, width, 1.6 * unit, 1.6 * unit)
    return np.clip(patches * 1.4 - 0.45, 0, 1) * 0.7, 0.95 + 0.1 * grain


def _bark(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    return value_noise(rng, height, width, 6 * unit, 1.2 * unit), np.ones((height, width), np.float32)


def _leaves(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    return value_noise(rng, height, width, 4 * unit, 4 * unit), np.ones((height, width), np.float32)


def _paving(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    joints, tones, _ = _blocks(height, width, 5 * unit, 15 * unit, 0.7 * unit, rng)
    return joints * 0.6, 0.92 + 0.13 * tones


def _asphalt(height: int, width: int, unit: float, rng: Random) -> tuple[Field, Field]:
    grain = rng.random((height, width), dtype=np.float32)
    return fbm(rng, height, width, 20 * unit, 3, stretch=4), 0.92 + 0.16 * grain


_TEXTURES = {
    StreetClass.BRICK: _brick,
    StreetClass.STONE: _stone,
    StreetClass.SLATE_ROOF: _slate,
    StreetClass.TILE_ROOF: _tiles,
    StreetClass.PLASTER: _plaster,
    StreetClass.TRUNK: _bark,
    StreetClass.FOLIAGE: _leaves,
    StreetClass.PAVEMENT: _paving,
    StreetClass.ROAD: _asphalt,
}
