"""The 'photograph' of a street's label map: materials, details, and the light of one sun.

The sun stands at the upper left, in front of the houses. Each class has a depth, which is how far it stands out of the wall. Shadows,
bright edges and dim corners therefore follow from the label map. Only clouds, tones, curtains and grain are random.
"""

import numpy as np

from gan_style.demo.canvas import Field, Pixels, Random, blur, finish, grade, rgb, shift, smoothstep, to_bytes, value_noise
from gan_style.demo.street_map import SUPERSAMPLING, Street, StreetClass
from gan_style.demo.street_parts import paint_parts
from gan_style.demo.street_surfaces import paint_sky, paint_surfaces

# How far each class stands out of the wall, in units. What is not built (sky, trees, ground, car) has its own shadows below.
_DEPTH = np.zeros(len(StreetClass), np.float32)
for _label, _depth in {
    StreetClass.SLATE_ROOF: -4.0,
    StreetClass.TILE_ROOF: 3.5,
    StreetClass.TRIM: 2.5,
    StreetClass.WINDOW: -3.0,
    StreetClass.SHUTTER: 1.2,
    StreetClass.BALCONY: 5.0,
    StreetClass.DOOR: -4.0,
    StreetClass.SHOP: -2.5,
    StreetClass.AWNING: 9.0,
    StreetClass.SKY: -4.0,
    StreetClass.PAVEMENT: -4.0,
    StreetClass.ROAD: -4.0,
}.items():
    _DEPTH[_label] = _depth

# How much of the sun's shadow a class takes: the sky none, glass little.
_TAKES = np.ones(len(StreetClass), np.float32)
for _label, _share in {
    StreetClass.SKY: 0.0,
    StreetClass.WINDOW: 0.75,
    StreetClass.SHOP: 0.6,
    StreetClass.FOLIAGE: 0.0,
    StreetClass.TRUNK: 0.3,
    StreetClass.CAR: 0.0,
    StreetClass.PAVEMENT: 0.0,
    StreetClass.ROAD: 0.0,
}.items():
    _TAKES[_label] = _share

_SUN, _SHADE = rgb("fff3dc") * 1.08, rgb("6d789c")
_LENGTH = 1.8


def render_street(street: Street, rng: Random, size: int) -> Pixels:
    """The picture [size, size, 3] of a planned street."""
    labels, unit = street.labels, street.unit
    sky = paint_sky(rng, labels.shape[0] // SUPERSAMPLING)
    sky = np.repeat(np.repeat(sky, SUPERSAMPLING, 0), SUPERSAMPLING, 1)
    image = paint_surfaces(street, rng, sky)
    paint_parts(street, rng, image, sky)

    depth = _DEPTH[labels] * np.float32(unit)
    built = _DEPTH[labels] > -3.9
    shadow = np.maximum(_cast(depth, unit), _dapple(labels == StreetClass.FOLIAGE, unit, rng)) * _TAKES[labels]
    shadow = np.maximum(shadow, _ground_shadow(street))
    shadow = blur(shadow, 0.5 * unit)[..., None]
    image *= _SUN * (1 - shadow) + _SHADE * shadow

    # Edges that face the sun are bright, corners are dim.
    soft = blur(depth, 0.5 * unit)
    step = max(round(0.5 * unit), 1)
    edges = (soft - shift(soft, step, step)) / np.float32(unit)
    corners = np.clip((blur(depth, 3 * unit) - depth) / np.float32(unit), 0, 5)
    light = 1 + (np.clip(edges, -0.9, 0.9) * 0.13 - corners * 0.06) * built + _roundness(labels == StreetClass.FOLIAGE, unit)
    light *= _walls_to_street(labels)
    image *= light[..., None]

    image = finish(image, size)
    image *= np.float32(rng.uniform(0.95, 1.04)) * (1 + rng.uniform(-0.02, 0.02) * np.array([1, 0, -1], np.float32))
    image += rng.normal(0, 0.012, (size, size, 1)).astype(np.float32)
    return to_bytes(grade(image, saturation=1.08, contrast=1.06))


def _cast(depth: Field, unit: float) -> Field:
    """Shadow in [0, 1] that what stands out throws to the lower right, `_LENGTH` times as long as it stands out."""
    ridge = np.full_like(depth, -np.inf)
    steps = max(round(13 * unit * _LENGTH / 2), 1)
    for number in range(1, steps + 1):
        away = max(round(number * 2 * 0.7), 1), number * 2
        ridge = np.maximum(ridge, shift(depth, *away) - np.float32(number * 2 / _LENGTH))
    return np.clip((ridge - depth) / np.float32(0.8 * unit), 0, 1)


def _dapple(leaves: np.ndarray, unit: float, rng: Random) -> Field:
    """The shadow of the trees' crowns on the walls behind them, with flecks of sun."""
    shape = leaves.shape
    if not leaves.any():
        return np.zeros(shape, np.float32)
    crown = blur(shift(leaves.astype(np.float32), round(19 * unit), round(15 * unit)), 1.2 * unit)
    flecks = value_noise(rng, shape[0], shape[1], 4.5 * unit, 4.5 * unit)
    return crown * smoothstep(0.78, 0.6, flecks) * np.float32(0.9)


def _ground_shadow(street: Street) -> Field:
    """Shadows on pavement and road: beside each crown, and below the car."""
    labels, unit = street.labels, street.unit
    rows = np.arange(labels.shape[0], dtype=np.float32)[:, None]
    shadow = np.zeros(labels.shape, np.float32)
    pavement = np.nonzero((labels == StreetClass.PAVEMENT).any(1))[0]
    if len(pavement):
        below = blur((labels == StreetClass.FOLIAGE).any(0).astype(np.float32)[None], 3 * unit)
        middle = (pavement[0] + pavement[-1]) / 2
        shadow = shift(np.repeat(below, 1, 0), round(13 * unit), 0) * smoothstep(8 * unit, 4 * unit, np.abs(rows - middle)) * 0.8
    for part in street.parts:
        if part.label is StreetClass.CAR:
            columns = np.arange(labels.shape[1], dtype=np.float32)[None]
            reach = ((columns - (part.left + part.right) / 2 - 3 * unit) / (29 * unit)) ** 2 + ((rows - part.bottom) / (3.2 * unit)) ** 2
            shadow = np.maximum(shadow, smoothstep(1.1, 0.6, reach) * 0.95)
    return shadow * np.isin(labels, (StreetClass.PAVEMENT, StreetClass.ROAD)).astype(np.float32)


def _roundness(leaves: np.ndarray, unit: float) -> Field:
    """Light on the crowns as on balls: [-0.2, 0.2], bright at the upper left."""
    if not leaves.any():
        return np.zeros(leaves.shape, np.float32)
    solid = blur(leaves.astype(np.float32), 8 * unit)
    step = max(round(4 * unit), 1)
    return np.clip((solid - shift(solid, step, step)) * 0.5, -0.2, 0.2) * leaves


def _walls_to_street(labels: np.ndarray) -> Field:
    """Walls are a little darker towards the street, the pavement is darkest at their foot."""
    height = labels.shape[0]
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    light = np.where(labels == StreetClass.SKY, 1, 1.05 - 0.14 * rows).astype(np.float32)
    pavement = np.nonzero((labels == StreetClass.PAVEMENT).any(1))[0]
    if len(pavement):
        foot = np.float32(pavement[0] / height)
        light *= np.where(labels == StreetClass.PAVEMENT, 1 - 0.25 * smoothstep(0.025, 0, rows - foot), 1)
    return light
