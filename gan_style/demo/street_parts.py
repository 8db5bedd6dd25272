"""The details of a street's parts: window bars and curtains, door panels, shop goods, railings, a car.

Each painter gets its box [H, W, 3] in even light and changes it in place. It takes its shape from the box alone, so the look of a part
follows from the label map, apart from small random choices such as how far curtains are drawn.
"""

import cv2
import numpy as np

from gan_style.demo.canvas import Image, Random, coordinates, mix, paint, resized, rgb, smoothstep
from gan_style.demo.street_map import Street, StreetClass

_FRAME, _IRON, _GLASS = rgb("ece6d8"), rgb("23242b"), rgb("16222f")


def paint_parts(street: Street, rng: Random, image: Image, sky: Image) -> None:
    """Paint the details into `image` [H, W, 3] wherever the part is visible in the label map. sky: the image that glass reflects"""
    height, width = street.labels.shape
    for part in street.parts:
        left, top, right, bottom = max(part.left, 0), max(part.top, 0), min(part.right, width), min(part.bottom, height)
        if right <= left or bottom <= top:
            continue
        # Painted whole, then cut at the picture's edge, so that a window that is cut off keeps its shape.
        box = np.zeros((part.bottom - part.top, part.right - part.left, 3), np.float32)
        inside = (slice(top - part.top, bottom - part.top), slice(left - part.left, right - part.left))
        box[inside] = image[top:bottom, left:right]
        _PAINTERS[part.label](box, street.unit, rng, sky)
        seen = street.labels[top:bottom, left:right] == part.label
        np.copyto(image[top:bottom, left:right], box[inside], where=seen[..., None])


def _reflection(box: Image, rng: Random, sky: Image, strength: float) -> None:
    """Sky in a pane: strongest at the top, with a bright diagonal."""
    height, width = box.shape[:2]
    y, x = coordinates(height, width)
    y, x = y / height, x / width
    top, left = int(rng.integers(max(sky.shape[0] // 2, 1))), int(rng.integers(max(sky.shape[1] - width, 1)))
    piece = resized(sky[top : top + max(height, 2), left : left + max(width, 2)], height, width)
    diagonal = smoothstep(0.62, 0.45, np.abs(y + 0.55 * x - 0.62))
    share = np.clip(strength * (0.42 - 0.38 * y + 0.6 * diagonal), 0, 1).astype(np.float32)
    box[:] = mix(box, piece, np.broadcast_to(share, (height, width)))


def _window(box: Image, unit: float, rng: Random, sky: Image) -> None:
    height, width = box.shape[:2]
    _, x = coordinates(height, width)
    x = x / width
    box[:] = _GLASS
    drawn = rng.uniform(0.14, 0.3)
    edge = np.minimum(x, 1 - x)
    folds = 0.72 + 0.2 * np.cos(x * 26)
    curtain = np.broadcast_to(smoothstep(drawn + 0.05, drawn, edge), (height, width))
    box[:] = mix(box, (rgb("e3cfae") * folds[..., None]).astype(np.float32), curtain)
    _reflection(box, rng, sky, 0.62)
    line = max(round(0.9 * unit), 1)
    for at in (0, (width - line) // 2, width - line):
        box[:, at : at + line] = _FRAME
    for at in (0, int(height * 0.3), height - line):
        box[at : at + line] = _FRAME


def _cornice(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """A moulding: a bright lip, a hollow, a row of brackets."""
    height, width = box.shape[:2]
    y, x = coordinates(height, width)
    brackets = (y > height * 0.5) & ((x / (3.2 * unit)) % 1 < 0.45)
    hollow = (y > height * 0.28) & ~brackets
    box *= np.where(hollow, 0.74, 1.0).astype(np.float32)[..., None]
    box *= np.where((y > height * 0.5) & hollow, 0.8, 1.0).astype(np.float32)[..., None]


def _shutter(box: Image, unit: float, rng: Random, sky: Image) -> None:
    height, width = box.shape[:2]
    y, _ = coordinates(height, width)
    slat = (y / (2 * unit)) % 1
    box[:] = mix(rgb(_SHUTTER[0]), rgb(_SHUTTER[1]), np.broadcast_to(smoothstep(0.35, 0.95, slat), (height, width)))
    line = max(round(0.7 * unit), 1)
    for at in (0, width - line):
        box[:, at : at + line] = rgb(_SHUTTER[0])
    for at in (0, (height - line) // 2, height - line):
        box[at : at + line] = rgb(_SHUTTER[0])


_SHUTTER = ("4c957a", "225045")


def _balcony(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """Iron bars before the dimness of the room, a stone slab below."""
    height, width = box.shape[:2]
    y, x = coordinates(height, width)
    bars = ((x - width / 2) / (2.4 * unit)) % 1 < 0.42
    rails = (y < 1.3 * unit) | (np.abs(y - height * 0.62) < 0.5 * unit)
    box[:] = mix(rgb("7d7a78"), _IRON, (bars | rails).astype(np.float32))
    slab = max(round(2.6 * unit), 1)
    box[-slab:] = rgb("eadfc8")


def _door(box: Image, unit: float, rng: Random, sky: Image) -> None:
    height, width = box.shape[:2]
    wood, dark, light = rgb("7a4527"), rgb("45240f"), rgb("9c6238")
    box[:] = wood
    line = max(round(0.8 * unit), 1)
    fan = int(height * 0.2)
    box[:fan] = _GLASS
    if fan:
        _reflection(box[:fan], rng, sky, 0.6)
    for column in range(2):
        for row in range(3):
            x0, x1 = int(width * (0.1 + 0.45 * column)), int(width * (0.45 + 0.45 * column))
            y0, y1 = int(fan + (height - fan) * (0.08 + 0.31 * row)), int(fan + (height - fan) * (0.32 + 0.31 * row))
            cv2.rectangle(box, (x0, y0), (x1, y1), paint(dark), -1)
            cv2.rectangle(box, (x0 + line, y0 + line), (x1, y1), paint(light), -1)
            cv2.rectangle(box, (x0 + line, y0 + line), (x1 - line, y1 - line), paint(wood), -1)
    box[:, (width - 1) // 2 : (width - 1) // 2 + line] = dark
    box[fan : fan + line] = _FRAME
    cv2.circle(box, (int(width * 0.42), int(height * 0.62)), max(round(unit), 1), paint(rgb("f0c75e")), -1)


def _shop(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """Lamplight inside, goods on the sill, bars every 14 units."""
    height, width = box.shape[:2]
    y, x = coordinates(height, width)
    lamps = np.cos(((x / unit) % 14 / 14 - 0.5) * 2 * np.pi) * 0.5 + 0.5
    glow = lamps * np.clip(1 - np.abs(y / height - 0.35) * 1.5, 0, 1)
    box[:] = mix(rgb("2e2622"), rgb("ffcf7d"), (0.15 + 0.75 * glow).astype(np.float32))
    goods = [rgb(code) for code in ("c8553d", "588b8b", "f2d0a4", "8f5d2c", "dfe3d8")]
    at = 0.0
    while at < width:
        wide, high = rng.uniform(3, 6) * unit, rng.uniform(0.15, 0.34) * height
        corner, opposite = (round(at), round(height - high)), (round(at + wide * 0.8), height)
        cv2.rectangle(box, corner, opposite, paint(goods[int(rng.integers(len(goods)))] * 0.8), -1)
        at += wide
    _reflection(box, rng, sky, 0.32)
    line = max(round(1.1 * unit), 1)
    panes = max(round(width / (14 * unit)), 1)
    for pane in range(panes + 1):
        edge = min(round(pane * width / panes), width - line)
        box[:, edge : edge + line] = rgb("2f4a3f")
    box[:line] = rgb("2f4a3f")
    box[-line:] = rgb("2f4a3f")


def _awning(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """Stripes on a slope that catches the sun, and a valance that hangs from it."""
    height, width = box.shape[:2]
    y, x = coordinates(height, width)
    stripes = np.broadcast_to(((x / (4.5 * unit)) % 2 < 1).astype(np.float32), (height, width))
    slope = np.where(y < height * 0.7, 1.1 - 0.12 * y / height, 0.78)
    box[:] = mix(rgb("f6ecd8"), rgb("b02a3c"), stripes) * slope[..., None].astype(np.float32)


def _crown(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """Leaves on a ball: the dark ones first, those that face the sun last."""
    height, width = box.shape[:2]
    count = 420
    angle, far = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    x, y = far * np.cos(angle), far * np.sin(angle)
    # Clumps: each leaf belongs to the nearest of some smaller balls, which are lit as the large one is.
    clumps = rng.uniform(-0.8, 0.8, (22, 2))
    nearest = np.argmin((x[:, None] - clumps[:, 0]) ** 2 + (y[:, None] - clumps[:, 1]) ** 2, 1)
    light = -0.42 * (x + y) - 0.9 * ((x - clumps[nearest, 0]) + (y - clumps[nearest, 1])) + rng.normal(0, 0.16, count)
    shades = [rgb(code) for code in ("1d4527", "2f6230", "4a8238", "6fa03f", "98bd4c", "c2d667")]
    order = np.argsort(light)
    level = np.clip((light + 0.75) / 1.5 * len(shades), 0, len(shades) - 1).astype(int)
    for leaf in order:
        centre = int(width * (0.5 + 0.46 * x[leaf])), int(height * (0.5 + 0.46 * y[leaf]))
        axes = max(round(1.7 * unit), 1), max(round(1.0 * unit), 1)
        cv2.ellipse(box, centre, axes, float(angle[leaf] * 57), 0, 360, paint(shades[level[leaf]]), -1)


def _car(box: Image, unit: float, rng: Random, sky: Image) -> None:
    """52 x 20 units, with the outline of the plan's car."""
    height, width = box.shape[:2]

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x / 52 * width), round(y / 20 * height)

    y, _ = coordinates(height, width)
    box[:] = mix(rgb("ec5a48"), rgb("8f1d1c"), np.broadcast_to(smoothstep(0.25, 0.9, y / height), (height, width)))
    for points in ([(14.5, 7.2), (19, 1.6), (26, 1.6), (26, 7.2)], [(28, 1.6), (35, 1.6), (41, 7.2), (28, 7.2)]):
        cv2.fillPoly(box, [np.array([at(*point) for point in points], np.int32)], paint(rgb("35506b")))
        slant = [points[0], points[1], (points[1][0] + 3, points[1][1]), (points[0][0] + 3, points[0][1])]
        cv2.fillPoly(box, [np.array([at(*point) for point in slant], np.int32)], paint(rgb("a9cbe6")))
    cv2.line(box, at(27, 7.5), at(27, 15), paint(rgb("7e1917")), max(round(0.5 * unit), 1))
    cv2.line(box, at(2, 9), at(50, 9), paint(rgb("f8a192")), max(round(0.6 * unit), 1))
    cv2.circle(box, at(50, 10.5), max(round(1.5 * unit), 1), paint(rgb("fff2c4")), -1)
    for x in (11, 41):
        for radius, code in ((4.8, "1b1b1e"), (2.4, "c9cdd2"), (0.9, "55585e")):
            cv2.circle(box, at(x, 15.5), max(round(radius * unit), 1), paint(rgb(code)), -1)


_PAINTERS = {
    StreetClass.WINDOW: _window,
    StreetClass.TRIM: _cornice,
    StreetClass.SHUTTER: _shutter,
    StreetClass.BALCONY: _balcony,
    StreetClass.DOOR: _door,
    StreetClass.SHOP: _shop,
    StreetClass.AWNING: _awning,
    StreetClass.FOLIAGE: _crown,
    StreetClass.CAR: _car,
}
