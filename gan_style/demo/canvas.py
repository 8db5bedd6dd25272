"""The random fields and colour tools that all drawings use.

Fields are floats [H, W]. Colours are floats [..., 3], RGB in [0, 1]. All randomness comes from the generator that is passed in.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Random = np.random.Generator
Floats = NDArray[np.floating]
Field = Floats  # [H, W]
Image = Floats  # [H, W, 3], RGB in [0, 1]
Colour = Floats  # [3], RGB in [0, 1]
Pixels = NDArray[np.uint8]  # [H, W, 3]


def rgb(code: str) -> Floats:
    """The colour [3] in [0, 1] of "rrggbb"."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def paint(colour: Floats) -> tuple[float, float, float]:
    """A colour [3] as the tuple that cv2 draws with."""
    return float(colour[0]), float(colour[1]), float(colour[2])


def mix(a: Floats, b: Floats, share: Floats | float) -> Floats:
    """Mix colour a (share 0) and colour b (share 1). A field [H, W] as share gives an image [H, W, 3]."""
    if isinstance(share, np.ndarray) and share.ndim == 2:
        share = share[..., None]
    return (a + (b - a) * share).astype(np.float32, copy=False)


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger one."""
    t = np.clip((values - low) / (high - low), 0, 1).astype(np.float32, copy=False)
    return t * t * (3 - 2 * t)


def blur(values: Floats, sigma: float) -> Floats:
    """Gaussian blur of a field or image."""
    return cv2.GaussianBlur(values, (0, 0), max(sigma, 0.3)).astype(np.float32, copy=False)


def shift(field: Field, dx: int, dy: int) -> Field:
    """The field moved dx pixels to the right and dy down, or left and up if negative. New pixels repeat the border."""
    height, width = field.shape
    padded = np.pad(field, ((max(dy, 0), max(-dy, 0)), (max(dx, 0), max(-dx, 0))), mode="edge")
    return padded[max(-dy, 0) :, max(-dx, 0) :][:height, :width]


def coordinates(height: int, width: int) -> tuple[Field, Field]:
    """Row y as [H, 1] and column x as [1, W]."""
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]


def value_noise(rng: Random, height: int, width: int, cell_y: float, cell_x: float) -> Field:
    """Smooth noise with mean 0.5, mostly within [0, 1], whose bumps are about cell_y x cell_x pixels."""
    rows, columns = int(np.ceil(height / cell_y)) + 3, int(np.ceil(width / cell_x)) + 3
    lattice = rng.random((rows, columns), dtype=np.float32)
    y, x = coordinates(height, width)
    # A random offset, so that the lattice of one octave does not lie on that of the next.
    y, x = y / cell_y + rng.random(), x / cell_x + rng.random()
    matrix = np.array([[1 / cell_x, 0, float(x[0, 0]) + 0.5], [0, 1 / cell_y, float(y[0, 0]) + 0.5]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(lattice, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT).astype(np.float32, copy=False)


def fbm(rng: Random, height: int, width: int, cell: float, octaves: int = 4, stretch: float = 1.0) -> Field:
    """Fractal noise in [0, 1] around 0.5: octaves of halving size and weight; `stretch` > 1 makes it wider than high."""
    total = np.zeros((height, width), np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.5)
        total += weight * value_noise(rng, height, width, size, size * stretch)
        weights += weight
        weight *= 0.5
    # The sum of octaves is narrower than one octave: widen it again.
    return np.clip((total / weights - 0.5) * 1.5 + 0.5, 0, 1)


def profile(rng: Random, width: int, cell: float, octaves: int = 5, ridged: bool = False) -> Floats:
    """A line of hills [W] in [0, 1]; `ridged` gives the sharp peaks of mountains."""
    total = np.zeros(width, np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 2.0)
        knots = rng.random(int(np.ceil(width / size)) + 3).astype(np.float32)
        at = (np.arange(width) / size + rng.random()).astype(np.float32)
        left = at.astype(np.int64)
        t = at - left
        # Mountains are straight between their turning points, hills are round.
        t = t if ridged else t * t * (3 - 2 * t)
        total += weight * (knots[left] * (1 - t) + knots[left + 1] * t)
        weights += weight
        weight *= 0.42
    return np.clip((total / weights - 0.5) * 1.35 + 0.5, 0, 1).astype(np.float32, copy=False)


def resized(image: Image, height: int, width: int) -> Image:
    """The image at another size, by cubic interpolation."""
    return np.clip(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32)


def finish(image: Image, size: int) -> Image:
    """The image at its final size [size, size, 3]. Each pixel is the mean of the pixels that it covers."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def grade(image: Image, saturation: float = 1.0, contrast: float = 1.0) -> Image:
    """Change saturation about the luminance, and contrast about 0.5."""
    luminance = image @ np.array([0.299, 0.587, 0.114], np.float32)
    image = luminance[..., None] + (image - luminance[..., None]) * np.float32(saturation)
    return np.clip((image - 0.5) * np.float32(contrast) + 0.5, 0, 1)


def to_bytes(image: Image) -> Pixels:
    """Convert [0, 1] to uint8."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
