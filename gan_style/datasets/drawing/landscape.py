"""Landscapes in layers: sky, mountains, wooded hills, perhaps a lake, a meadow with trees, under one of several looks.

A scene (where the ridges run, where trees stand, whether there is a lake) is drawn from the generator alone; a `Look` says only how
it is lit and coloured. So two looks of a landscape differ as two times of a year do, and not in what they show.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_style.datasets.drawing.canvas import Field, Image, coordinates, fbm, finish, grade, mix, paint, profile, rgb, shift, smoothstep, value_noise

_SUPERSAMPLING = 2


@dataclass(frozen=True)
class Look:
    """The colours ("rrggbb") and the light of a time of day and year."""

    sky: tuple[str, str, str]  # zenith, middle, horizon
    cloud: tuple[str, str]  # lit, shaded
    sun: str
    sun_height: tuple[float, float]  # above the horizon, in shares of the sky
    glow: float  # how far the sun's light spreads into the sky, 0 to 1
    haze: str
    haze_amount: float
    rock: tuple[str, str]  # lit, shaded
    snow: tuple[str, str]  # lit, shaded
    snow_line: float  # share of a mountain's height above which it is white
    grass: tuple[str, str]  # far, near
    leaves: tuple[tuple[str, str], ...]  # (lit, shaded) of each kind of tree with leaves
    needles: tuple[str, str]  # lit, shaded
    flowers: tuple[str, ...]
    water: tuple[str, float]  # its own colour, and its share against the reflection
    saturation: float
    contrast: float


SUMMER = Look(
    sky=("2f7fd6", "7fb9ea", "d9edf5"),
    cloud=("ffffff", "b4c4da"),
    sun="fff6d8",
    sun_height=(0.75, 0.95),
    glow=0.25,
    haze="bcd6e8",
    haze_amount=0.75,
    rock=("a8a9a6", "56657f"),
    snow=("fdfdff", "a9bfdf"),
    snow_line=0.62,
    grass=("84ae68", "7a9f3f"),
    leaves=(("7cb342", "2c6127"), ("93bf4a", "3a6d2a"), ("5d9e3c", "22532a")),
    needles=("4a8050", "173e2e"),
    flowers=("f7f3e3", "f2d13c", "e2574c"),
    water=("1f86a8", 0.45),
    saturation=1.0,
    contrast=1.05,
)

AUTUMN_DUSK = Look(
    sky=("3b3a78", "d0709a", "ffc071"),
    cloud=("ffb27a", "70508a"),
    sun="fff0c0",
    sun_height=(0.10, 0.25),
    glow=0.9,
    haze="eaa488",
    haze_amount=0.8,
    rock=("c98a86", "443a66"),
    snow=("ffd9c4", "8d7bb0"),
    snow_line=0.72,
    grass=("c08f52", "b08338"),
    leaves=(("f2a32c", "8f3f1d"), ("e2622b", "7a2420"), ("f3c34a", "94602a"), ("c23b2c", "5f1c24")),
    needles=("5a6046", "262a38"),
    flowers=("d9b36a", "b5532f"),
    water=("4a3a68", 0.3),
    saturation=1.08,
    contrast=1.05,
)


def draw_landscape(rng: np.random.Generator, look: Look, size: int) -> Image:
    """A scene of the generator under a look: [size, size, 3], RGB in [0, 1]."""
    side = size * _SUPERSAMPLING
    horizon = int(side * rng.uniform(0.46, 0.56))
    sun = side * rng.uniform(0.12, 0.88), horizon * (1 - rng.uniform(*look.sun_height))
    image = _sky(rng, look, side, horizon, sun)
    light_from = -1.0 if sun[0] < side / 2 else 1.0

    for distance, (top, rise) in zip((0.85, 0.6), ((0.02, 0.40), (0.05, 0.24)), strict=True):
        if distance > 0.8 or rng.random() < 0.7:
            peaks = profile(rng, side, side * 0.21, 6, ridged=True) * (0.35 + 0.65 * profile(rng, side, side * 0.5, 2))
            ridge = horizon + side * top - peaks * side * rise * rng.uniform(0.8, 1.15)
            _mountains(image, rng, look, ridge, distance, light_from)
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


def _sky(rng: np.random.Generator, look: Look, side: int, horizon: int, sun: tuple[float, float]) -> Image:
    y, x = coordinates(side, side)
    down = np.clip(y / horizon, 0, 1)
    zenith, middle, low = (rgb(code) for code in look.sky)
    column = np.where(down[..., None] < 0.55, mix(zenith, middle, down / 0.55), mix(middle, low, np.clip((down - 0.55) / 0.45, 0, 1)))
    image = np.repeat(column.astype(np.float32), side, 1)
    away = np.sqrt((x - sun[0]) ** 2 + (y - sun[1]) ** 2) / side
    image = mix(image, rgb(look.sun), (look.glow * 0.75 * np.exp(-away * 5.5)).astype(np.float32))
    disc = smoothstep(0.030, 0.022, away)
    image = mix(image, rgb("fffdf2"), disc * np.float32(0.95))
    # Clouds get flatter and denser towards the horizon.
    density = fbm(rng, side, side, side * 0.22, 5, stretch=rng.uniform(1.8, 3.0))
    density += 0.10 * value_noise(rng, side, side, side * 0.04, side * 0.3) - 0.05
    cover = rng.uniform(0.46, 0.60)
    thick = smoothstep(cover, cover + 0.24, density)
    step = max(side // 40, 1)
    towards = shift(density, step if sun[0] < side / 2 else -step, step)
    lit = smoothstep(-0.10, 0.14, density - towards)
    lit = np.clip(lit + look.glow * np.exp(-away * 4), 0, 1).astype(np.float32)
    return mix(image, mix(rgb(look.cloud[1]), rgb(look.cloud[0]), lit), thick * np.float32(0.92))


def _mountains(image: Image, rng: np.random.Generator, look: Look, ridge: NDArray[np.float32], distance: float, light_from: float) -> None:
    """A range below `ridge` [W]: rock with faces in light and shade, snow on the heights, all behind haze."""
    side = image.shape[0]
    top = int(max(ridge.min() - 2, 0))
    height = side - top
    y, _ = coordinates(height, side)
    depth = y + top - ridge[None]  # how far below the ridge
    # Faces: a relief of ridges that run down from the peaks, lit from one side.
    relief = 1 - np.abs(2 * fbm(rng, height, side, side * 0.09, 4, stretch=0.55) - 1)
    slope = np.gradient(ridge).astype(np.float32) * 4
    step = max(side // 128, 1)
    facing = (relief - shift(relief, step, 0)) * -light_from * 5 + np.clip(slope * 0.10, -0.4, 0.4)[None] * -light_from * np.exp(-depth / (0.10 * side))
    lit = smoothstep(-0.5, 0.5, facing)
    colour = mix(rgb(look.rock[1]), rgb(look.rock[0]), lit)
    rise = ridge.max() - ridge.min() + 1
    level = (ridge.max() - (y + top)) / rise + (relief - 0.5) * 0.35
    colour = mix(colour, mix(rgb(look.snow[1]), rgb(look.snow[0]), lit), smoothstep(look.snow_line - 0.05, look.snow_line + 0.05, level))
    veil = look.haze_amount * distance * (0.35 + 0.65 * smoothstep(0, 0.22 * side, depth))
    colour = mix(colour, rgb(look.haze), veil)
    image[top:] = mix(image[top:], colour, np.clip(depth + 0.5, 0, 1))


def _hill(image: Image, rng: np.random.Generator, look: Look, ridge: NDArray[np.float32], near: float, light_from: float) -> None:
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
        _flowers(image, rng, look, ridge)
    _trees(image, rng, look, ridge, near, haze, light_from)


def _trees(image: Image, rng: np.random.Generator, look: Look, ridge: NDArray[np.float32], near: float, haze: float, light_from: float) -> None:
    """Woods on a hill, or some trees of the meadow: drawn from back to front."""
    side = image.shape[0]
    meadow = near > 0.9
    count = int(rng.integers(3, 8)) if meadow else int(230 - 150 * near)
    groves = rng.uniform(0, side, 6)
    x = np.where(rng.random(count) < 0.6, rng.choice(groves, count) + rng.normal(0, side * 0.05, count), rng.uniform(0, side, count))
    if meadow:
        # Trees frame the view: they stand to the left and right.
        x = np.where(rng.random(count) < 0.5, rng.uniform(-0.02, 0.26, count), rng.uniform(0.74, 1.02, count)) * side
    below = rng.random(count) ** 1.5 * side * (0.03 if meadow else 0.15)
    foot = ridge[np.clip(x, 0, side - 1).astype(int)] + below
    size = side * (0.010 + 0.022 * near) * rng.uniform(0.7, 1.35, count)
    if meadow:
        size = side * rng.uniform(0.055, 0.10, count)
    conifer = rng.random(count) < rng.uniform(0.15, 0.75)
    kind = rng.integers(0, 1 << 16, count) % len(look.leaves)
    needles, *leaves = [[mix(rgb(code), rgb(look.haze), haze) for code in pair] for pair in (look.needles, *look.leaves)]
    for i in np.argsort(foot):
        lit, shaded = needles if conifer[i] else leaves[kind[i]]
        draw = _conifer if conifer[i] else _broadleaf
        draw(image, rng, float(x[i]), float(foot[i]), float(size[i]), lit, shaded, light_from)


def _broadleaf(image: Image, rng: np.random.Generator, x: float, foot: float, size: float, lit: Field, shaded: Field, light_from: float) -> None:
    """A crown of balls, each lit from the sun's side; large trees get a trunk and leaves."""
    large = size > 0.04 * image.shape[0]
    crown = foot - size * (1.35 if large else 0.7)
    trunk = mix(shaded, rgb("2e2018"), 0.7)
    cv2.line(image, (round(x), round(foot)), (round(x), round(crown)), paint(trunk), max(round(size * 0.13), 1))
    if large:
        _shade(image, x - light_from * size * 0.5, foot, size * 1.1, size * 0.14)
        cv2.line(image, (round(x), round(foot)), (round(x), round(crown)), paint(trunk), max(round(size * 0.13), 1))
    balls = 330 if large else 9
    far, angle = np.sqrt(rng.random(balls)), rng.uniform(0, 2 * np.pi, balls)
    dx, dy = far * np.cos(angle), far * np.sin(angle)
    clumps = rng.uniform(-0.7, 0.7, (7, 2))
    nearest = np.argmin((dx[:, None] - clumps[:, 0]) ** 2 + (dy[:, None] - clumps[:, 1]) ** 2, 1)
    light = 0.5 + 0.32 * (dx * light_from - dy) + rng.normal(0, 0.10, balls)
    if large:
        light += 0.5 * ((dx - clumps[nearest, 0]) * light_from - (dy - clumps[nearest, 1]))
    radius = max(size * (0.10 if large else 0.42), 1)
    spread = 1.0 if large else 0.6
    order = np.argsort(light)
    colours = (shaded + (lit - shaded) * np.clip(light[order], 0, 1)[:, None]).tolist()
    columns = np.rint(x + dx[order] * size * spread).astype(int).tolist()
    rows = np.rint(crown + dy[order] * size * spread * 0.95).astype(int).tolist()
    for column, row, colour in zip(columns, rows, colours, strict=True):
        cv2.circle(image, (column, row), round(radius), colour, -1)


def _conifer(image: Image, rng: np.random.Generator, x: float, foot: float, size: float, lit: Field, shaded: Field, light_from: float) -> None:
    """Tiers of branches, the sun's side bright."""
    high, wide = size * 2.6, size * 0.75
    if size > 0.04 * image.shape[0]:
        _shade(image, x - light_from * size * 0.4, foot, size * 0.9, size * 0.12)
    tiers = 9 if size > 0.04 * image.shape[0] else 3
    cv2.line(image, (round(x), round(foot)), (round(x), round(foot - high * 0.2)), paint(mix(shaded, rgb("2e2018"), 0.7)), max(round(size * 0.14), 1))
    sides = ((-1, paint(shaded)), (1, paint(mix(shaded, lit, 0.75))))
    for tier in range(tiers):
        low = foot - high * (0.08 + 0.9 * tier / tiers)
        top = foot - high * min(0.08 + 0.9 * (tier + 2.0) / tiers, 1.0)
        half = wide * (1 - tier / tiers) ** 0.85 * rng.uniform(0.85, 1.12)
        droop = 0.06 * high
        for edge, colour in sides:
            points = [(x, top), (x + edge * light_from * half, low + droop * 0.6), (x + edge * light_from * half * 0.45, low - droop * 0.2), (x, low + droop * 0.4)]
            cv2.fillPoly(image, [np.rint(points).astype(np.int32)], colour)


def _shade(image: Image, x: float, y: float, half_width: float, half_height: float) -> None:
    """A soft shadow on the ground."""
    side = image.shape[0]
    left, top = max(int(x - 2 * half_width), 0), max(int(y - 2 * half_height), 0)
    right, bottom = min(int(x + 2 * half_width) + 1, side), min(int(y + 2 * half_height) + 1, side)
    if right > left and bottom > top:
        rows, columns = coordinates(bottom - top, right - left)
        reach = ((columns + left - x) / half_width) ** 2 + ((rows + top - y) / half_height) ** 2
        image[top:bottom, left:right] *= 1 - 0.5 * smoothstep(1.3, 0.3, reach)[..., None]


def _flowers(image: Image, rng: np.random.Generator, look: Look, ridge: NDArray[np.float32]) -> None:
    side = image.shape[0]
    count = int(rng.integers(60, 180))
    x, far = rng.uniform(0, side, count), rng.random(count)
    y = ridge[np.clip(x, 0, side - 1).astype(int)] + (0.015 + 0.22 * far) * side
    colours = [paint(rgb(code)) for code in look.flowers]
    for i in range(count):
        cv2.circle(image, (int(x[i]), int(y[i])), max(round(side * (0.002 + 0.003 * far[i])), 1), colours[i % len(colours)], -1)


def _lake(image: Image, rng: np.random.Generator, look: Look, shore: int, sun: tuple[float, float]) -> None:
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
