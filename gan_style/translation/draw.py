"""Drawing pictures from noise, with a bundle whose network takes no image."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_style.conditions import Noise
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.writing import FAST_PNG
from gan_style.machine.batches import Batches, read_ahead, result_of
from gan_style.machine.share import ALONE, Share
from gan_style.terminal.progress import Progress, say
from gan_style.translation.inputs import FORMATS, kept_before
from gan_style.translation.picture import fit_format, in_units
from gan_style.translation.predictor import Predictor


def draw_samples(
    predictor: Predictor,
    noise: Noise,
    count: int,
    seed: int,
    output: Path,
    format: str,
    batch_size: int,
    overwrite: bool,
    png_compression: int = FAST_PNG,
    share: Share = ALONE,
) -> str:
    """Write sample_0000.png, ... into `output`; returns the counts in words. Sample i is a function of `seed` and i alone.

    share: which samples this process draws; the counts are those of all processes
    """
    values = predictor.info.values_out
    suffix = FORMATS[format]
    if suffix is None:
        raise UserError("--format keep: there is no input whose format could be kept; take png")
    paths = [output / f"sample_{number:04d}{suffix}" for number in range(count)]
    todo = [number for number in share.of(range(count)) if overwrite or not paths[number].exists()]
    lacking = sum(share.gathered(len(todo)))

    def draw(numbers: Sequence[int]) -> Sequence[Tensor]:
        return list(predictor.from_noise(torch.stack([noise.latent(seed, number) for number in numbers])))

    def write(drawn: tuple[int, Tensor | UserError]) -> None:
        number, picture = drawn
        drawn_pixels = in_units(result_of(picture), values) if values else fit_format(images.to_pixels(result_of(picture)), suffix)
        images.write(paths[number], drawn_pixels, png_compression=png_compression)

    if lacking < count and share.main:
        say(kept_before(count - lacking, output))
    with Progress("drawing", "images", len(todo), shown=share.main) as progress:
        # The pictures of one batch are written while the next is drawn.
        for _, written in read_ahead(write, Batches(draw, batch_size).over(todo), ahead=2 * batch_size):
            written.result()
            progress.update()
    return f"{lacking} drawn, {count - lacking} skipped (exist)"
