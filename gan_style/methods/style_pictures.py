"""Style pictures: read from their files at the first start of a run, kept as the networks see them from then on."""

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
    """The picture that `key` names [1, 3, H, W] in [-1, 1] with a shorter side of `side` pixels; None: its own, but no more than `most`.

    A run that goes on takes the kept one where the file cannot be read any more, and notes it in `kept.missed`. A file that holds
    another picture is a `UserError`.
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
            f"{key}: {place} is not the picture that this run was trained with; put that back, or move this one away: the run has "
            "kept its own; or take another run_dir"
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
    """For a checkpoint: uint8 as it is, uint16 as int32, since not all of torch knows uint16."""
    return torch.from_numpy(np.ascontiguousarray(pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32)))


def _unpacked(stored: Any) -> np.ndarray:
    pixels = stored.numpy()
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)
