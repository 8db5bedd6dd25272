"""Pictures from noise: what infer.py does with a bundle that takes no image."""

import sys
from pathlib import Path

import torch

from gan_style.conditions import Noise
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.machine.memory import OutOfMemory
from gan_style.terminal.progress import Progress, say
from gan_style.translation.inputs import FORMATS
from gan_style.translation.picture import fit_format
from gan_style.translation.predictor import Predictor


def draw_samples(
    predictor: Predictor, noise: Noise, count: int, seed: int, output: Path, format: str, batch_size: int, overwrite: bool
) -> str:
    """Write sample_0000.png, ... of `seed` into `output`; returns what was done, in words. Sample i is a function of seed and i alone."""
    suffix = FORMATS[format]
    if suffix is None:
        raise UserError("--format keep: there is no input whose format could be kept; take png")
    paths = [output / f"sample_{number:04d}{suffix}" for number in range(count)]
    todo = [number for number in range(count) if overwrite or not paths[number].exists()]
    drawn = 0
    with Progress("drawing", "images", len(todo)) as progress:
        while drawn < len(todo):
            numbers = todo[drawn : drawn + batch_size]
            latents = torch.stack([noise.latent(seed, number) for number in numbers])
            try:
                pictures = predictor.from_noise(latents)
            except OutOfMemory:
                if len(numbers) == 1:
                    raise
                pictures = None
            if pictures is None:
                batch_size = len(numbers) // 2
                say(f"no memory for {len(numbers)} images at once: going on with batches of {batch_size}", sys.stderr)
                continue
            for number, picture in zip(numbers, pictures, strict=True):
                images.write(paths[number], fit_format(images.to_pixels(picture), suffix))
            progress.update(len(numbers))
            drawn += len(numbers)
    return f"{len(todo)} drawn, {count - len(todo)} skipped (exist)"
