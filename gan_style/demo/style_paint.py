"""Pictures for style transfer, painted: brush strokes along a flow, and dots of pure colour."""

import cv2
import numpy as np

from gan_style.demo.canvas import (
    Field,
    Image,
    Pixels,
    Random,
    blur,
    coordinates,
    fbm,
    finish,
    grade,
    mix,
    resized,
    rgb,
    shift,
    smoothstep,
    to_bytes,
    value_noise,
)
from gan_style.demo.landscape import draw_landscape
from gan_style.demo.landscape_looks import AUTUMN_DUSK


def draw_strokes(rng: Random, size: int) -> Pixels:
    """Whirling stars in thick paint [size, size, 3]: strokes follow a flow around them, and the relief of the paint is lit."""
    side = 2 * size
    subject, angle = _starry_night(rng, side)
    canvas = to_bytes(subject * 0.75)
    relief = np.full((side, side), 110, np.uint8)
    for share, count, thick in ((1.0, 3600, 0.011), (0.72, 6200, 0.0075), (0.5, 5000, 0.005)):
        _stroke_layer(rng, canvas, relief, subject, angle, count, max(thick * side, 1.0), round(26 * share), side / 512)
    image = canvas.astype(np.float32) / 255
    paste = cv2.GaussianBlur(relief, (0, 0), 0.9 * side / 1024 + 0.3).astype(np.float32) / 255
    step = max(side // 512, 1)
    light = 1 + np.clip((paste - shift(paste, step, step)) * 2.2, -0.35, 0.45)
    return to_bytes(grade(finish(image * light[..., None], size), 1.1, 1.05))


def _starry_night(rng: Random, side: int) -> tuple[Image, Field]:
    """The picture to paint [side, side, 3] and the direction of its strokes [side, side] in radians."""
    y, x = coordinates(side, side)
    y, x = y / side, x / side
    angle = (fbm(rng, side, side, side * 0.5, 2) - 0.5) * 1.6 + 0.15 * np.sin(x * 9)
    image = mix(
        rgb("122a6b"),
        rgb("4f8fc4"),
        smoothstep(0.0, 0.75, np.broadcast_to(y, (side, side)) + 0.35 * (fbm(rng, side, side, side * 0.2, 3, stretch=3) - 0.5)),
    )
    stars = [
        (0.82, 0.15, 0.105),
        (0.46, 0.33, 0.12),
        (0.14, 0.13, 0.06),
        (0.63, 0.12, 0.045),
        (0.30, 0.10, 0.04),
        (0.12, 0.42, 0.055),
        (0.78, 0.44, 0.05),
    ]
    for index, (sx, sy, radius) in enumerate(stars):
        sx, sy = sx + rng.uniform(-0.02, 0.02), sy + rng.uniform(-0.02, 0.02)
        away = np.sqrt((x - sx) ** 2 + (y - sy) ** 2)
        around = np.arctan2(y - sy, x - sx) + np.pi / 2 * (1 if index % 2 else -1)
        pull = smoothstep(radius * 2.4, radius * 0.9, away)
        # Directions are mixed as vectors, of which opposite ones are equal.
        angle = 0.5 * np.arctan2(
            pull * np.sin(2 * around) + (1 - pull) * np.sin(2 * angle), pull * np.cos(2 * around) + (1 - pull) * np.cos(2 * angle)
        )
        rings = 0.5 + 0.5 * np.cos(away / radius * 11)
        halo = np.exp(-((away / radius) ** 2) * 1.1).astype(np.float32)
        image = mix(image, mix(rgb("f2c53d"), rgb("bfe0d8"), (rings * 0.7).astype(np.float32)), halo * 0.95)
        image = mix(image, rgb("fff6c9"), smoothstep(radius * 0.45, radius * 0.2, away))
    hills = 0.70 - 0.09 * np.sin(x * 7 + 1) - 0.05 * np.sin(x * 17)
    for lower, (light, dark) in enumerate((("3d6b8f", "1c355e"), ("4b7d5a", "16323c"), ("7f8f3e", "1d3a2a"))):
        top = hills + 0.10 * lower + 0.03 * np.sin(x * 13 + 2.1 * lower)
        ground = mix(rgb(light), rgb(dark), np.clip(fbm(rng, side, side, side * 0.08, 3, stretch=2.5) * 1.5 - 0.25, 0, 1))
        mask = smoothstep(0, 0.006, y - top)
        image = mix(image, ground, mask)
        along = np.arctan(np.gradient(top[0]) * side)[None] + 0.5 * (value_noise(rng, side, side, side * 0.1, side * 0.2) - 0.5)
        angle = np.where(mask > 0.5, along, angle)
    # A cypress in front, whose strokes rise as flames do.
    sway = 0.16 + 0.018 * np.sin(y * 24) + 0.01 * np.sin(y * 57)
    half = np.where(y > 0.17, 0.075 * np.clip((y - 0.17) / 0.75, 0, 1) ** 0.8, -0.01)
    tree = smoothstep(0.006, 0, np.abs(x - sway) - half)
    image = mix(image, mix(rgb("3f5b2c"), rgb("0b1a1d"), fbm(rng, side, side, side * 0.06, 3, stretch=0.3)), tree)
    angle = np.where(tree > 0.5, np.pi / 2 + 0.5 * np.sin(y * 24) + 0 * x, angle)
    return image, angle.astype(np.float32)


def _stroke_layer(
    rng: Random,
    canvas: Pixels,
    relief: np.ndarray,
    subject: Image,
    angle: Field,
    count: int,
    thick: float,
    steps: int,
    unit: float,
) -> None:
    """Strokes of `steps` steps, each of some bristles side by side, painted over canvas and relief."""
    side = canvas.shape[0]
    at = rng.uniform(0, side, (count, 2)).astype(np.float32)
    paths, normals = [at], []
    for _ in range(steps):
        column, row = np.clip(at.astype(int), 0, side - 1).T
        heading = angle[row, column]
        along = np.stack([np.cos(heading), np.sin(heading)], 1)
        if len(paths) > 1:
            # The flow has no sign: go on in the direction of the step before.
            along *= np.where(((paths[-1] - paths[-2]) * along).sum(1) < 0, -1, 1)[:, None]
        normals.append(np.stack([-along[:, 1], along[:, 0]], 1))
        at = at + along * np.float32(2.2 * unit)
        paths.append(at)
    path, normal = np.stack(paths, 1), np.stack([normals[0], *normals], 1)  # both [count, steps + 1, 2]
    middle = np.clip(path[:, steps // 2].astype(int), 0, side - 1)
    colour = subject[middle[:, 1], middle[:, 0]]
    colour = colour * (1 + rng.normal(0, 0.10, (count, 1))) + rng.normal(0, 0.035, (count, 3))
    bristles = 4
    offsets = (np.arange(bristles) / (bristles - 1) - 0.5) * thick
    tone = rng.normal(0, 0.06, (count, bristles))
    height = rng.integers(60, 230, (count, bristles))
    lines = np.rint((path[:, None] + normal[:, None] * offsets[None, :, None, None]) * 8).astype(np.int32)
    width = max(round(thick / bristles * 1.5), 1)
    for stroke in range(count):
        for bristle in range(bristles):
            line = [lines[stroke, bristle]]
            shade = tuple(np.clip((colour[stroke] + tone[stroke, bristle]) * 255, 0, 255).tolist())
            cv2.polylines(canvas, line, False, shade, width, cv2.LINE_AA, 3)
            cv2.polylines(relief, line, False, (int(height[stroke, bristle]),), width, cv2.LINE_AA, 3)


def draw_points(rng: Random, size: int) -> Pixels:
    """A landscape in dots of pure colour [size, size, 3], the darks set with their complements."""
    side = 2 * size
    subject = draw_landscape(rng, AUTUMN_DUSK, size)
    subject = resized(blur(subject, size / 400), side, side)
    canvas = to_bytes(mix(subject, rgb("efe4c8"), 0.55))
    for spacing, radius in ((0.015, 0.0085), (0.011, 0.0062), (0.0105, 0.0050)):
        step = max(spacing * side, 2.0)
        grid = np.arange(0, side, step, dtype=np.float32)
        x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
        x, y = np.clip(x + rng.normal(0, step * 0.3, x.size), 0, side - 1), np.clip(y + rng.normal(0, step * 0.3, y.size), 0, side - 1)
        colour = subject[y.astype(int), x.astype(int)]
        luminance = colour.mean(1, keepdims=True)
        # Pure colours: saturation up, then each dot leans a little to yellow or to blue.
        colour = luminance + (colour - luminance) * 1.45
        colour = colour + rng.choice([-1.0, 1.0], (x.size, 1)) * np.array([0.08, 0.0, -0.10]) + rng.normal(0, 0.04, (x.size, 3))
        # Some dots, more in the dark, are violet or orange against their surroundings.
        strange = rng.random(x.size) < 0.02 + 0.16 * (1 - luminance[:, 0])
        accents = np.stack([rgb("6a4fa3"), rgb("2f5fb3"), rgb("e08a3c"), rgb("c9497a")])
        colour = np.where(strange[:, None], 0.45 * colour + 0.55 * accents[rng.integers(0, 4, x.size)], colour)
        sizes = np.maximum(radius * side * rng.uniform(0.7, 1.15, x.size), 1)
        shades = np.clip(colour * 255, 0, 255)
        for dot in rng.permutation(x.size):
            centre = round(float(x[dot]) * 8), round(float(y[dot]) * 8)
            cv2.circle(canvas, centre, round(float(sizes[dot]) * 8), shades[dot].tolist(), -1, cv2.LINE_AA, 3)
    return to_bytes(finish(canvas.astype(np.float32) / 255, size))
