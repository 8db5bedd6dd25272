"""Drawing pictures from noise, with a bundle whose network takes no image."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_style.conditions import Noise
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.machine.batches import Batches, result_of
from gan_style.terminal.progress import Progress, say
from gan_style.translation.inputs import FORMATS, kept_before
from gan_style.translation.picture import fit_format
from gan_style.translation.predictor import Predictor


def draw_samples(
    predictor: Predictor, noise: Noise, count: int, seed: int, output: Path, format: str, batch_size: int, overwrite: bool
) -> str:
    """Write sample_0000.png, ... into `output`; returns the counts in words. Sample i is a function of `seed` and i alone."""
    suffix = FORMATS[format]
    if suffix is None:
        raise UserError("--format keep: there is no input whose format could be kept; take png")
    paths = [output / f"sample_{number:04d}{suffix}" for number in range(count)]
    todo = [number for number in range(count) if overwrite or not paths[number].exists()]

    def draw(numbers: Sequence[int]) -> Sequence[Tensor]:
        return list(predictor.from_noise(torch.stack([noise.latent(seed, number) for number in numbers])))

    if len(todo) < count:
        say(kept_before(count - len(todo), output))
    with Progress("drawing", "images", len(todo)) as progress:
        for number, picture in Batches(draw, batch_size).over(todo):
            images.write(paths[number], fit_format(images.to_pixels(result_of(picture)), suffix))
            progress.update()
    return f"{len(todo)} drawn, {count - len(todo)} skipped (exist)"
