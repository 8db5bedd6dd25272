"""Pictures for style transfer, from ink and wood: hatching with a pen, and a wave as in a woodblock print."""

import cv2
import numpy as np

from gan_style.demo.canvas import (
    Field,
    Floats,
    Image,
    Pixels,
    Random,
    coordinates,
    fbm,
    finish,
    mix,
    paint,
    resized,
    rgb,
    smoothstep,
    to_bytes,
    value_noise,
)
from gan_style.demo.street_plan import plan_street
from gan_style.demo.street_render import render_street


def draw_hatching(rng: Random, size: int) -> Pixels:
    """A street in pen and ink [size, size, 3]: the darker, the more directions of lines, and the thicker."""
    side = 2 * size
    street = render_street(plan_street(rng, size), rng, size).astype(np.float32) / 255
    scene = resized(street, side, side)
    tone = scene @ np.array([0.45, 0.35, 0.2], np.float32)
    tone = cv2.GaussianBlur(tone, (0, 0), side / 400)
    low, high = np.percentile(tone, (2, 98))
    tone = np.clip((tone - low) / (high - low), 0, 1).astype(np.float32) ** 0.6
    ink = np.zeros((side, side), np.float32)
    for angle, threshold, spacing in ((0.75, 0.80, 0.0075), (-0.65, 0.50, 0.0075), (1.5, 0.34, 0.0065), (0.08, 0.2, 0.006)):
        ink = np.maximum(ink, _lines(rng, tone, angle, threshold, spacing * side))
    # Outlines where the tone jumps.
    fine = cv2.GaussianBlur(scene.mean(2), (0, 0), side / 700)
    jump = np.hypot(cv2.Sobel(fine, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(fine, cv2.CV_32F, 0, 1, ksize=3)) * (side / 1024)
    ink = np.maximum(ink, smoothstep(0.16, 0.36, jump) * 0.9)
    ink *= 0.78 + 0.35 * value_noise(rng, side, side, side / 150, side / 150)
    paper = mix(rgb("f4ead2"), rgb("e3d2ae"), fbm(rng, side, side, side * 0.3, 5))
    paper *= (0.985 + 0.03 * rng.random((side, side), dtype=np.float32))[..., None]
    return to_bytes(finish(mix(paper, rgb("221a1c"), np.clip(ink, 0, 1)), size))


def _lines(rng: Random, tone: Field, angle: float, threshold: float, spacing: float) -> Field:
    """Ink in [0, 1] of parallel lines drawn by hand where the tone is below the threshold."""
    side = tone.shape[0]
    y, x = coordinates(side, side)
    wobble = (fbm(rng, side, side, side * 0.12, 3) - 0.5) * spacing * 2.2
    across = (x * np.sin(angle) + y * np.cos(angle) + wobble) / spacing
    along = (x * np.cos(angle) - y * np.sin(angle)).astype(np.float32)
    # Every line is lifted and set down at places of its own.
    number = np.floor(across).astype(np.int64)
    starts = rng.uniform(0, 1000, int(number.max() - number.min()) + 1).astype(np.float32)[number - number.min()]
    lifted = 0.5 + 0.5 * np.sin(along / (side * 0.021) + starts)
    need = np.clip((threshold - tone) / 0.30, 0, 1)
    half = (0.10 + 0.20 * need) * smoothstep(0.0, 0.12, need - 0.35 * (lifted > 0.93))
    # A line's edge is one pixel wide.
    return np.clip((half - np.abs(across - number - 0.5)) * spacing + 0.5, 0, 1).astype(np.float32) * (half > 0)


def _curve(points: list[tuple[float, float]], count: int) -> Floats:
    """A smooth line [count, 2] through the points (Catmull-Rom)."""
    knots = np.array([points[0], *points, points[-1]], np.float64)
    at = np.linspace(0, len(points) - 1 - 1e-9, count)
    i, t = at.astype(int), (at % 1)[:, None]
    a, b, c, d = knots[i], knots[i + 1], knots[i + 2], knots[i + 3]
    return (0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)).astype(np.float32)


_NAVY, _FOAM = rgb("17284f"), rgb("f4ecd8")


def draw_waves(rng: Random, size: int) -> Pixels:
    """A great wave before a mountain [size, size, 3]: flat colours, outlines, graded sky, the grain of wood."""
    side = 2 * size
    y, _ = coordinates(side, side)
    sky = mix(rgb("7f9bb0"), rgb("efdcb4"), smoothstep(0, 0.34, np.broadcast_to(y / side, (side, side))))
    image = mix(sky, rgb("e5b48a"), smoothstep(0.42, 0.72, np.broadcast_to(y / side, (side, side))) * np.float32(0.7))
    line = max(side // 340, 1)
    cv2.circle(image, (round(0.80 * side), round(0.19 * side)), round(0.085 * side), paint(rgb("c8402f")), -1, cv2.LINE_AA)
    _mountain(image, side, line)
    for depth, (top, colour) in enumerate(((0.685, "8fb0b8"), (0.735, "5b87a5"))):
        _swell(image, side, top, 0.020 + 0.008 * depth, 3.1 + depth, 1.3 * depth + 2, rgb(colour), line)
    _great_wave(image, rng, side, line)
    _scales(image, side, line)
    grain = value_noise(rng, side, side, side / 260, side / 3) * 0.55 + value_noise(rng, side, side, side / 90, side / 2) * 0.45
    image *= (0.955 + 0.09 * grain)[..., None]
    image *= (0.985 + 0.03 * rng.random((side, side), dtype=np.float32))[..., None]
    return to_bytes(finish(image, size))


def _fill(image: Image, points: Floats, colour: Floats, line: int = 0) -> None:
    """A polygon of points [N, 2] in shares of the side, with an outline of `line` pixels."""
    pixels = np.rint(points * image.shape[0]).astype(np.int32)
    cv2.fillPoly(image, [pixels], paint(colour))
    if line:
        cv2.polylines(image, [pixels], True, paint(_NAVY), line)


def _mountain(image: Image, side: int, line: int) -> None:
    left = _curve([(0.46, 0.72), (0.58, 0.645), (0.665, 0.545), (0.70, 0.495)], 40)
    right = _curve([(0.735, 0.495), (0.775, 0.55), (0.87, 0.645), (1.0, 0.71)], 40)
    _fill(image, np.concatenate([left, right]), rgb("54708f"), line)
    cap = [
        (0.645, 0.572),
        (0.70, 0.495),
        (0.735, 0.495),
        (0.79, 0.570),
        (0.765, 0.562),
        (0.75, 0.595),
        (0.728, 0.562),
        (0.71, 0.605),
        (0.69, 0.565),
        (0.67, 0.585),
    ]
    _fill(image, np.array(cap, np.float32), _FOAM, line)


def _swell(image: Image, side: int, top: float, high: float, count: float, phase: float, colour: Floats, line: int) -> None:
    """A band of low waves with pointed crests, and a lighter stripe below the crest."""
    x = np.linspace(-0.02, 1.02, 300, dtype=np.float32)
    crest = top - high * (1 - np.abs(np.sin(x * count * np.pi + phase))) ** 1.4
    closing = np.array([(1.02, 1.1), (-0.02, 1.1)], np.float32)
    for stripe in range(4):
        shade = mix(colour, _FOAM, 0.45) if stripe % 2 else colour
        rows = np.stack([x, crest + 0.012 * stripe + 0.004 * stripe**2], 1)
        _fill(image, np.concatenate([rows, closing]).astype(np.float32), shade, line if stripe == 0 else 0)


def _great_wave(image: Image, rng: Random, side: int, line: int) -> None:
    back = _curve(
        [(-0.05, 0.62), (0.02, 0.44), (0.10, 0.29), (0.21, 0.175), (0.34, 0.125), (0.46, 0.15), (0.545, 0.225), (0.575, 0.315)], 260
    )
    hollow = _curve(
        [(0.62, 0.93), (0.47, 0.84), (0.36, 0.70), (0.315, 0.55), (0.335, 0.42), (0.40, 0.345), (0.49, 0.315), (0.575, 0.315)], 260
    )
    foot = np.array([(0.62, 1.1), (-0.05, 1.1)], np.float32)
    _fill(image, np.concatenate([back, hollow[::-1], foot]), rgb("24497f"), 0)
    # Stripes run from the foot to the lip, between the back and the hollow.
    start = _curve([(-0.05, 1.1), (0.0, 0.74), (0.06, 0.52), (0.14, 0.36), (0.25, 0.25), (0.37, 0.21), (0.48, 0.24), (0.575, 0.315)], 260)
    shades = [rgb(code) for code in ("1d3a6b", "7fa9c4", "24497f", "a9c6d2", "1d3a6b", "5d8fb5", "24497f", "c3d6d8")]
    edges = np.linspace(0.12, 1, len(shades) + 1)
    for index, shade in enumerate(shades):
        near, far = (start + (hollow - start) * np.float32(edges[index + k] ** 0.9) for k in (0, 1))
        _fill(image, np.concatenate([near, far[::-1]]), shade)
        cv2.polylines(image, [np.rint(near * side).astype(np.int32)], False, paint(_NAVY), max(line - 1, 1))
    for edge in (back, hollow):
        cv2.polylines(image, [np.rint(edge * side).astype(np.int32)], False, paint(_NAVY), line)
    _foam(image, rng, side, line, back, hollow)


def _foam(image: Image, rng: Random, side: int, line: int, back: Floats, hollow: Floats) -> None:
    """White claws along the lip, each a chain of ever smaller balls, then spray in the air."""
    balls: list[tuple[float, float, float]] = []
    lip = np.concatenate([back[70::6], hollow[-75::6][::-1]])
    for x, y in lip:
        balls.append((x, y, rng.uniform(0.012, 0.021)))
        angle = rng.uniform(0.15, 1.1) if y < 0.30 else rng.uniform(0.6, 1.9)
        px, py, radius = float(x), float(y), rng.uniform(0.011, 0.015)
        for _ in range(int(rng.integers(3, 7))):
            px, py = px + np.cos(angle) * radius * 1.2, py + np.sin(angle) * radius * 1.2
            angle, radius = angle + rng.uniform(0.05, 0.45), radius * 0.84
            balls.append((px, py, radius))
    # All outlines first, then all the white: so the balls of a claw grow together.
    for grown, colour in ((line * 1.1, _NAVY), (0.0, _FOAM)):
        for x, y, radius in balls:
            cv2.circle(image, (round(x * side), round(y * side)), max(round(radius * side + grown), 1), paint(colour), -1, cv2.LINE_AA)
    for x, y, radius in balls[::2]:
        cv2.ellipse(
            image,
            (round(x * side), round(y * side)),
            (max(round(radius * side * 0.6), 1),) * 2,
            0,
            20,
            100,
            paint(rgb("9fbfcf")),
            max(line - 1, 1),
        )
    for _ in range(130):
        x, y = rng.normal(0.50, 0.16), rng.normal(0.20, 0.11)
        cv2.circle(
            image, (round(x * side), round(y * side)), max(round(rng.uniform(0.0015, 0.0045) * side), 1), paint(_FOAM), -1, cv2.LINE_AA
        )


def _scales(image: Image, side: int, line: int) -> None:
    """Rows of round waves (seigaiha) along the foot of the picture, each before the one behind."""
    radius = 0.085
    for row in range(6):
        y = 0.865 + row * radius * 0.42
        for column in range(-1, 8):
            centre = round((column + 0.5 * (row % 2)) * 2 * radius * 0.93 * side), round((y + radius * 0.75) * side)
            for ring, code in enumerate(("f4ecd8", "24497f", "dfe6dc", "5d8fb5", "f4ecd8", "24497f")):
                size = round(radius * (1 - ring * 0.165) * side)
                cv2.circle(image, centre, size, paint(rgb(code)), -1, cv2.LINE_AA)
                cv2.circle(image, centre, size, paint(_NAVY), max(line - 1, 1), cv2.LINE_AA)
