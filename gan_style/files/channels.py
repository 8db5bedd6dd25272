"""Converting pictures between gray, gray + alpha, RGB and RGB + alpha."""

import numpy as np

from gan_style.files.samples import rows_of


def with_channels(pixels: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert [H, W, any] to [H, W, channels]; also return the alpha if `channels` has no place for it."""
    has_alpha = pixels.shape[2] in (2, 4)
    colour, alpha = (pixels[..., :-1], pixels[..., -1]) if has_alpha else (pixels, None)
    if channels <= 2 and colour.shape[2] == 3:
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)  # Rec. 601 in 1/65536, as PIL has them
        gray = np.empty((*colour.shape[:2], 1), pixels.dtype)
        for rows in rows_of(*colour.shape[:2]):
            gray[rows, :, 0] = (colour[rows].astype(np.uint32) @ weights + np.uint32(0x8000)) >> 16
        colour = gray
    elif channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return np.ascontiguousarray(colour), None if alpha is None else np.ascontiguousarray(alpha)
    if alpha is None:
        alpha = np.full(colour.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([colour, alpha[..., None]], axis=2), None
