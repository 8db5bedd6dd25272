"""Style pictures: read from their files at the first start of a run, and kept in its checkpoints."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import Kept


def style_picture(kept: Kept, key: str, place: str, side: int | None, most: int | None = None) -> Tensor:
    """The style picture of a configuration key, [1, 3, H, W] in [-1, 1].

    key: its name in messages and checkpoints; place: the path of the file
    side: pixels of the shorter side; None for the file's own, but at most `most`
    If the file cannot be read, a resumed run uses the kept picture and notes this in `kept.missed`. `UserError` if the file holds another
    picture.
    """
    earlier = kept.get(key)
    try:
        pixels = _read(Path(place), side, most)
    except UserError:
        if earlier is None or os.path.realpath(earlier["place"]) != os.path.realpath(place):
            raise
        pixels = _unpacked(earlier["pixels"])
        kept.missed.append(f"{key}: {place} cannot be read any more, its copy in the checkpoint is used")
    if earlier is not None and not np.array_equal(pixels, _unpacked(earlier["pixels"])):
        raise UserError(
            f"{key}: {place} is not the picture that this run began with; restore that one, remove this one (the run has kept a copy), "
            "or take another run_dir"
        )
    kept.keep(key, {"place": str(Path(place).absolute()), "pixels": _packed(pixels)})
    return images.to_tensor(pixels)[None]


def _read(path: Path, side: int | None, most: int | None) -> np.ndarray:
    pixels = images.read(path, 3).pixels
    shorter = min(pixels.shape[:2])
    if (side := side or min(shorter, most or shorter)) != shorter:
        height, width = (max(1, round(length * side / shorter)) for length in pixels.shape[:2])
        pixels = images.resize(pixels, height, width)
    return pixels


def _packed(pixels: np.ndarray) -> Tensor:
    """Convert pixels to a tensor for a checkpoint: uint8 unchanged, uint16 as int32, because not all of torch supports uint16."""
    return torch.from_numpy(np.ascontiguousarray(pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32)))


def _unpacked(stored: Any) -> np.ndarray:
    pixels = stored.numpy()
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)
