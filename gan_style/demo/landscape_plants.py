"""The plants of a landscape, drawn from back to front: woods on the hills, trees and flowers of the meadow.

`light_from` is -1 if the sun stands at the left and 1 if it stands at the right.
"""

import cv2
import numpy as np

from gan_style.demo.canvas import Colour, Floats, Image, Random, coordinates, mix, paint, rgb, smoothstep
from gan_style.demo.landscape_looks import Look


def draw_trees(image: Image, rng: Random, look: Look, ridge: Floats, near: float, haze: float, light_from: float) -> None:
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


def _broadleaf(image: Image, rng: Random, x: float, foot: float, size: float, lit: Colour, shaded: Colour, light_from: float) -> None:
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


def _conifer(image: Image, rng: Random, x: float, foot: float, size: float, lit: Colour, shaded: Colour, light_from: float) -> None:
    """Tiers of branches, the sun's side bright."""
    high, wide = size * 2.6, size * 0.75
    if size > 0.04 * image.shape[0]:
        _shade(image, x - light_from * size * 0.4, foot, size * 0.9, size * 0.12)
    tiers = 9 if size > 0.04 * image.shape[0] else 3
    cv2.line(
        image,
        (round(x), round(foot)),
        (round(x), round(foot - high * 0.2)),
        paint(mix(shaded, rgb("2e2018"), 0.7)),
        max(round(size * 0.14), 1),
    )
    sides = ((-1, paint(shaded)), (1, paint(mix(shaded, lit, 0.75))))
    for tier in range(tiers):
        low = foot - high * (0.08 + 0.9 * tier / tiers)
        top = foot - high * min(0.08 + 0.9 * (tier + 2.0) / tiers, 1.0)
        half = wide * (1 - tier / tiers) ** 0.85 * rng.uniform(0.85, 1.12)
        droop = 0.06 * high
        for edge, colour in sides:
            points = [
                (x, top),
                (x + edge * light_from * half, low + droop * 0.6),
                (x + edge * light_from * half * 0.45, low - droop * 0.2),
                (x, low + droop * 0.4),
            ]
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


def draw_flowers(image: Image, rng: Random, look: Look, ridge: Floats) -> None:
    side = image.shape[0]
    count = int(rng.integers(60, 180))
    x, far = rng.uniform(0, side, count), rng.random(count)
    y = ridge[np.clip(x, 0, side - 1).astype(int)] + (0.015 + 0.22 * far) * side
    colours = [paint(rgb(code)) for code in look.flowers]
    for i in range(count):
        cv2.circle(image, (int(x[i]), int(y[i])), max(round(side * (0.002 + 0.003 * far[i])), 1), colours[i % len(colours)], -1)
