"""Landscapes in layers: sky, mountains, wooded hills, perhaps a lake, a meadow with trees, under one of several looks.

The generator alone decides the scene: where the ridges run, where trees stand, whether there is a lake. A `Look` decides only light and
colours. Two looks of one scene therefore differ like two times of the year.
"""

import cv2
import numpy as np

from gan_style.demo.canvas import Floats, Image, Random, coordinates, fbm, finish, grade, mix, profile, rgb, shift, smoothstep, value_noise
from gan_style.demo.landscape_looks import Look
from gan_style.demo.landscape_plants import draw_flowers, draw_trees

_SUPERSAMPLING = 2


def draw_landscape(rng: Random, look: Look, size: int) -> Image:
    """Draw the generator's next scene under a look: [size, size, 3], RGB in [0, 1]."""
    side = size * _SUPERSAMPLING
    horizon = int(side * rng.uniform(0.46, 0.56))
    sun = side * rng.uniform(0.12, 0.88), horizon * (1 - rng.uniform(*look.sun_height))
    # Nothing is seen through: mountains, hills and meadow cover what lies below this row.
    far = horizon + side // 12
    image = np.zeros((side, side, 3), np.float32)
    _sky(image[:far], rng, look, horizon, sun)
    light_from = -1.0 if sun[0] < side / 2 else 1.0

    for distance, (top, rise) in zip((0.85, 0.6), ((0.02, 0.40), (0.05, 0.24)), strict=True):
        if distance > 0.8 or rng.random() < 0.7:
            peaks = profile(rng, side, side * 0.21, 6, ridged=True) * (0.35 + 0.65 * profile(rng, side, side * 0.5, 2))
            ridge = horizon + side * top - peaks * side * rise * rng.uniform(0.8, 1.15)
            _mountains(image[:far], rng, look, ridge, distance, light_from)
    hills = int(rng.integers(2, 4))
    for hill in range(hills):
        near = (hill + 1) / (hills + 1)
        ridge = horizon + side * (0.015 + 0.13 * near) - profile(rng, side, side * 0.45, 3) * side * (0.10 - 0.02 * hill)
        _hill(image, rng, look, ridge, near * 0.55, light_from)
    if rng.random() < 0.75:
        _lake(image, rng, look, int(horizon + side * rng.uniform(0.09, 0.13)), sun)
    bank = side * rng.uniform(0.86, 0.93) - profile(rng, side, side * 0.6, 4) * side * 0.12
    _hill(image, rng, look, bank, 1.0, light_from)
    image = finish(_glow(image, look, horizon, sun), size)
    image += rng.normal(0, 0.008, (size, size, 1)).astype(np.float32)
    return np.clip(grade(image, look.saturation, look.contrast), 0, 1)


def _sky(image: Image, rng: Random, look: Look, horizon: int, sun: tuple[float, float]) -> None:
    """The sky over the rows of `image`: three colours from zenith to horizon, the sun and its glow, clouds that it lights."""
    height, side = image.shape[:2]
    y, x = coordinates(height, side)
    down = np.clip(y / horizon, 0, 1)
    zenith, middle, low = (rgb(code) for code in look.sky)
    column = np.where(down[..., None] < 0.55, mix(zenith, middle, down / 0.55), mix(middle, low, np.clip((down - 0.55) / 0.45, 0, 1)))
    away = np.sqrt((x - sun[0]) ** 2 + (y - sun[1]) ** 2) / side
    sky = mix(column.astype(np.float32), rgb(look.sun), (look.glow * 0.75 * np.exp(-away * 5.5)).astype(np.float32))
    disc = smoothstep(0.030, 0.022, away)
    sky = mix(sky, rgb("fffdf2"), disc * np.float32(0.95))
    # Clouds get flatter and denser towards the horizon.
    density = fbm(rng, height, side, side * 0.22, 5, stretch=rng.uniform(1.8, 3.0))
    density += 0.10 * value_noise(rng, height, side, side * 0.04, side * 0.3) - 0.05
    cover = rng.uniform(0.46, 0.60)
    thick = smoothstep(cover, cover + 0.24, density)
    step = max(side // 40, 1)
    towards = shift(density, step if sun[0] < side / 2 else -step, step)
    lit = smoothstep(-0.10, 0.14, density - towards)
    lit = np.clip(lit + look.glow * np.exp(-away * 4), 0, 1).astype(np.float32)
    image[:] = mix(sky, mix(rgb(look.cloud[1]), rgb(look.cloud[0]), lit), thick * np.float32(0.92))


def _mountains(image: Image, rng: Random, look: Look, ridge: Floats, distance: float, light_from: float) -> None:
    """A range below `ridge` [W]: rock with faces in light and shade, snow on the heights, all behind haze."""
    bottom, side = image.shape[:2]
    top = int(max(ridge.min() - 2, 0))
    height = bottom - top
    y, _ = coordinates(height, side)
    depth = y + top - ridge[None]  # how far below the ridge
    # Faces: a relief of ridges that run down from the peaks, lit from one side.
    relief = 1 - np.abs(2 * fbm(rng, height, side, side * 0.09, 4, stretch=0.55) - 1)
    slope = np.gradient(ridge).astype(np.float32) * 4
    step = max(side // 128, 1)
    facing = (relief - shift(relief, step, 0)) * -light_from * 5 + np.clip(slope * 0.10, -0.4, 0.4)[None] * -light_from * np.exp(
        -depth / (0.10 * side)
    )
    lit = smoothstep(-0.5, 0.5, facing)
    colour = mix(rgb(look.rock[1]), rgb(look.rock[0]), lit)
    # Low ranges have no snow.
    rise = max(float(ridge.max() - ridge.min()), 0.22 * side)
    level = (ridge.max() - (y + top)) / rise + (relief - 0.5) * 0.35
    colour = mix(colour, mix(rgb(look.snow[1]), rgb(look.snow[0]), lit), smoothstep(look.snow_line - 0.05, look.snow_line + 0.05, level))
    veil = look.haze_amount * distance * (0.35 + 0.65 * smoothstep(0, 0.22 * side, depth))
    colour = mix(colour, rgb(look.haze), veil)
    image[top:] = mix(image[top:], colour, np.clip(depth + 0.5, 0, 1))


def _hill(image: Image, rng: Random, look: Look, ridge: Floats, near: float, light_from: float) -> None:
    """A hill below `ridge` [W], grown with trees; `near` is 0 for far away and 1 for the meadow in front."""
    side = image.shape[0]
    top = int(max(ridge.min() - 2, 0))
    height = side - top
    if height <= 2:
        return
    y, _ = coordinates(height, side)
    depth = y + top - ridge[None]
    patches = fbm(rng, height, side, side * (0.03 + 0.08 * near), 4, stretch=3.0)
    slope = np.clip(np.gradient(ridge).astype(np.float32) * 0.4, -0.25, 0.25)[None] * -light_from
    ground = mix(rgb(look.grass[0]), rgb(look.grass[1]), near) * (0.72 + 0.5 * patches + slope)[..., None]
    if near > 0.9:
        blades = value_noise(rng, height, side, side * 0.018, side * 0.004)
        sunny = value_noise(rng, height, side, side * 0.05, side * 0.22)
        ground *= ((0.80 + 0.4 * blades) * (0.72 + 0.5 * sunny) * (1.08 - 0.3 * smoothstep(0, 0.2 * side, depth)))[..., None]
    haze = look.haze_amount * (1 - near) ** 2 * 0.9
    ground = mix(ground.astype(np.float32), rgb(look.haze), haze * (0.6 + 0.4 * smoothstep(0, 0.1 * side, depth)))
    image[top:] = mix(image[top:], ground, np.clip(depth + 0.5, 0, 1))
    if near > 0.9:
        draw_flowers(image, rng, look, ridge)
    draw_trees(image, rng, look, ridge, near, haze, light_from)


def _lake(image: Image, rng: Random, look: Look, shore: int, sun: tuple[float, float]) -> None:
    """Still water from row `shore` down: the mirrored view, moved by ripples that widen towards the viewer."""
    side = image.shape[0]
    height = side - shore
    y, x = coordinates(height, side)
    ripples = value_noise(rng, height, side, side * 0.010, side * 0.10) - 0.5
    amount = (0.006 + 0.05 * y / height) * side
    source_y = np.clip(shore - 1 - y * 0.95 + ripples * amount * 1.2, 0, side - 1).astype(np.float32)
    source_x = (np.broadcast_to(x, (height, side)) + ripples * amount * 0.5).astype(np.float32)
    mirror = cv2.remap(image, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    own, share = rgb(look.water[0]), look.water[1]
    water = mix(mirror * 0.92, own, (share * (0.35 + 0.65 * np.broadcast_to(y / height, (height, side)))).astype(np.float32))
    sparkle = smoothstep(0.16, 0.30, ripples) * np.exp(-(((x - sun[0]) / (0.07 * side)) ** 2)).astype(np.float32)
    water = mix(water, rgb(look.sun), sparkle * np.float32(0.35 + 0.55 * look.glow))
    line = np.exp(-y / (0.004 * side)).astype(np.float32)
    image[shore:] = mix(water, rgb(look.haze), np.broadcast_to(line * 0.5, (height, side)))


def _glow(image: Image, look: Look, horizon: int, sun: tuple[float, float]) -> Image:
    """The air before everything: light around the sun, darkness towards the lower corners."""
    side = image.shape[0]
    y, x = coordinates(side, side)
    away = np.sqrt((x - sun[0]) ** 2 + ((y - sun[1]) * 1.2) ** 2) / side
    image = mix(image, rgb(look.sun), (look.glow * 0.32 * np.exp(-away * 4.5)).astype(np.float32))
    dim = 1 - 0.34 * look.glow * smoothstep(horizon / side, 1.0, np.broadcast_to(y / side, (side, side)))
    return image * dim[..., None]
