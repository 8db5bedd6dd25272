"""Pictures for style transfer, set from pieces: a mosaic of stones and a window of stained glass."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_style.demo.canvas import (
    Field,
    Image,
    Pixels,
    Random,
    coordinates,
    fbm,
    finish,
    grade,
    mix,
    rgb,
    shift,
    smoothstep,
    to_bytes,
    value_noise,
)


def draw_mosaic(rng: Random, size: int) -> Pixels:
    """A sun above the sea, set from small stones with grout between them [size, size, 3]."""
    side = 2 * size
    subject = _sun_over_sea(rng, side)
    cells, centres = _cells(rng, side, 3600)
    column, row = np.clip(centres.astype(int), 0, side - 1).T
    stone = subject[row, column] * (1 + rng.normal(0, 0.09, (len(centres), 1))) + rng.normal(0, 0.022, (len(centres), 3))
    image = np.clip(stone, 0, 1).astype(np.float32)[cells]
    image *= (0.9 + 0.2 * value_noise(rng, side, side, side / 220, side / 220))[..., None]
    inside = _inside(cells)
    grout = smoothstep(side / 380, side / 560, inside)
    # Each stone is set at its own slight tilt and has a bevelled edge.
    tilt = rng.normal(0, 1, (len(centres), 2)).astype(np.float32)
    y, x = coordinates(side, side)
    facet = ((x - centres[cells, 0]) * tilt[cells, 0] + (y - centres[cells, 1]) * tilt[cells, 1]) * (3.5 / side)
    dome = np.minimum(inside, side / 120)
    step = max(side // 400, 1)
    light = 1 + np.clip((dome - shift(dome, step, step)) * (0.055 * 400 / side * step), -0.3, 0.3) + facet
    image = mix(image * light[..., None], rgb("4a3f38") * 0.75, grout)
    return to_bytes(grade(finish(image, size), 1.12, 1.05))


def _cells(rng: Random, side: int, count: int) -> tuple[NDArray[np.int32], Field]:
    """An even Voronoi partition: the cell of each pixel [side, side], and the cells' centres [count, 2] as (x, y)."""
    count = min(count, side * side // 16)
    centres = rng.uniform(0, side, (count, 2))
    y, x = np.mgrid[:side, :side].astype(np.float64)
    cells = np.zeros((side, side), np.int32)
    for _ in range(6):
        seeds = np.full((side, side), 255, np.uint8)
        column, row = np.clip(centres.astype(int), 0, side - 1).T
        seeds[row, column] = 0
        _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        cells = labels.astype(np.int32) - 1
        flat = cells.ravel()
        members = np.bincount(flat)
        # Lloyd's step: each centre moves to the middle of its cell.
        centres = np.stack([np.bincount(flat, x.ravel()) / members, np.bincount(flat, y.ravel()) / members], 1)
    return cells, centres.astype(np.float32)


def _inside(cells: NDArray[np.int32]) -> Field:
    """Each pixel's distance to the border of its cell, in pixels."""
    border = np.zeros(cells.shape, bool)
    border[:, 1:] |= cells[:, 1:] != cells[:, :-1]
    border[1:] |= cells[1:] != cells[:-1]
    return cv2.distanceTransform((~border).astype(np.uint8), cv2.DIST_L2, 5).astype(np.float32, copy=False)


def _sun_over_sea(rng: Random, side: int) -> Image:
    y, x = coordinates(side, side)
    y, x = y / side, x / side
    dx, dy = x - 0.5, y - 0.40
    away, around = np.sqrt(dx**2 + dy**2), np.arctan2(dy, dx)
    image = mix(rgb("f1ddb0"), rgb("3f9aa5"), smoothstep(0.18, 0.62, away))
    image = mix(image, rgb("1b4f72"), smoothstep(0.5, 0.78, away))
    # Rays: straight and wavy ones by turns, gold and red.
    turn = around / (2 * np.pi) * 16
    wavy = turn + 0.22 * np.sin(away * 46)
    ray = np.abs((wavy % 1) - 0.5) * 2
    reach = np.clip(1 - (away - 0.15) / 0.24, 0, 1)
    odd = (np.floor(wavy) % 2).astype(np.float32)
    image = mix(image, mix(rgb("e9a82b"), rgb("c4452c"), odd), smoothstep(0.10, -0.10, ray - reach) * smoothstep(0.12, 0.14, away))
    disc = mix(rgb("fbe08a"), rgb("e8962a"), smoothstep(0.02, 0.15, away))
    image = mix(image, disc, smoothstep(0.156, 0.150, away))
    image = mix(image, rgb("8e2f20"), smoothstep(0.006, 0.003, np.abs(away - 0.155)))
    # The sea: bands that rise and fall, foam on every second one.
    blues = [rgb(code) for code in ("dff0ea", "2e8fa3", "1f6f94", "cfe8e2", "1a4e7a", "2e8fa3", "123a63", "e7f3ea", "1d5c86", "0f2d52")]
    for band, colour in enumerate(blues):
        top = 0.66 + 0.037 * band + 0.018 * np.sin(x * 20 + band * 1.9) + 0.006 * np.sin(x * 47 + band)
        image = mix(image, colour, smoothstep(0, 0.004, np.broadcast_to(y - top, (side, side))))
    frame = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    blocks = ((np.floor(x * 20) + np.floor(y * 20)) % 2).astype(np.float32)
    image = mix(image, mix(rgb("7b2a22"), rgb("e2b23c"), blocks), smoothstep(0.052, 0.048, frame))
    return mix(image, rgb("f3e7c9"), smoothstep(0.008, 0.004, np.abs(frame - 0.058)))


def draw_glass(rng: Random, size: int) -> Pixels:
    """A rose window [size, size, 3]: rings of coloured panes between lead, lit from behind."""
    side = 2 * size
    y, x = coordinates(side, side)
    dx, dy = (x - side / 2) / (side / 2), (y - side / 2) / (side / 2)
    away, turn = np.sqrt(dx**2 + dy**2), np.arctan2(dy, dx) / (2 * np.pi) + 0.5
    panes, colours = np.zeros((side, side), np.int32), [rgb("141013")]

    def add(mask: NDArray[np.bool_], sector: NDArray[np.int32], palette: list[str], sectors: int) -> None:
        """Panes, one for each sector, coloured by turns from the palette; a little different each."""
        np.copyto(panes, len(colours) + sector, where=mask)
        colours.extend(np.clip(rgb(palette[i % len(palette)]) * rng.uniform(0.82, 1.15), 0, 1) for i in range(sectors))

    def sectors(count: int, offset: float = 0.0) -> NDArray[np.int32]:
        return np.floor((turn * count + offset) % count).astype(np.int32)

    def petal(count: int, offset: float, inner: float, outer: float, full: float) -> NDArray[np.bool_]:
        """Pointed leaves between two radii, `full` of their sector wide."""
        across = np.abs((turn * count + offset) % 1 - 0.5) * 2
        along = np.clip((away - inner) / (outer - inner), 0, 1)
        return (across < full * np.maximum(np.sin(np.pi * along), 0) ** 0.7) & (away > inner) & (away < outer)

    everywhere = np.ones((side, side), bool)
    grid = (np.floor((x + y) / side * 11) * 64 + np.floor((x - y) / side * 11 + 32)).astype(np.int32)
    _, grid = np.unique(grid, return_inverse=True)
    add(everywhere, grid.reshape(side, side).astype(np.int32), ["24346e", "2f4f8f", "1f5a7a", "3a2f6e"], int(grid.max()) + 1)
    add(away < 0.97, sectors(48), ["c2322d", "e0a526", "c2322d", "2459a8"], 48)
    add(away < 0.91, sectors(24), ["1c3f94", "2a63b8"], 24)
    add(petal(12, 0.0, 0.50, 0.90, 0.80), sectors(12), ["d3302f", "b21f4b"], 12)
    add(petal(12, 0.0, 0.58, 0.82, 0.45), sectors(12), ["f2b632", "f6d365"], 12)
    add(petal(12, 0.5, 0.62, 0.90, 0.42), sectors(12, 0.5), ["2f9e5b", "37b6a5"], 12)
    add(away < 0.50, sectors(24, 0.5), ["f0b43a", "7b2d8e", "e86a2b"], 24)
    add(away < 0.44, sectors(12), ["1f4fa8", "1a7fb5"], 12)
    add(petal(6, 0.0, 0.13, 0.43, 0.85), sectors(6), ["c92a3a", "8e2a8b"], 6)
    add(petal(6, 0.0, 0.18, 0.36, 0.42), sectors(6), ["f7cf5a"], 6)
    add(petal(6, 0.5, 0.16, 0.43, 0.50), sectors(6, 0.5), ["31a86b"], 6)
    add(away < 0.13, sectors(6), ["f4c542", "f7e08a"], 6)
    add(away < 0.055, sectors(1), ["d7263d"], 1)

    image = np.stack(colours).astype(np.float32)[panes]
    # Hand-blown glass: streaks and bubbles; the light behind it is strongest in the middle.
    streaks = fbm(rng, side, side, side * 0.06, 4, stretch=0.4)
    image *= (0.70 + 0.65 * streaks)[..., None]
    image *= (1.30 - 0.60 * smoothstep(0.0, 1.3, away))[..., None]
    inside = _inside(panes)
    image = mix(image, image * 1.25 + 0.06, smoothstep(side * 0.006, side * 0.02, inside))
    lead = smoothstep(side * 0.0052, side * 0.0036, inside)
    rounded = np.clip(inside / (side * 0.005), 0, 1)
    step = max(side // 400, 1)
    shine = np.clip((rounded - shift(rounded, step, step)) * -0.5, 0, 0.3)
    image = mix(image, (rgb("1a171a") + shine[..., None]).astype(np.float32), lead)
    # Light spills over the lead.
    image += 0.28 * cv2.GaussianBlur(np.clip(image - 0.45, 0, 1), (0, 0), side * 0.012)
    return to_bytes(grade(finish(image, size), 1.1, 1.05))
