"""What one step is given: this process's micro-batches, whether they are large enough, and what helps where they are too large."""

from collections.abc import Callable, Generator, Sequence

from gan_style.errors import UserError
from gan_style.types import Batch

# (first step, last step + 1) -> this process's micro-batches of those steps, in order
Loader = Callable[[int, int], Generator[Batch, None, None]]


def check_size(batch: Batch, smallest: int) -> Batch:
    """The batch, or `UserError` where a side of its images has less than `smallest` pixels, which no discriminator can score."""
    for images, keys in ((batch.a, batch.keys_a), (batch.b, batch.keys_b)):
        height, width = images.shape[2:]
        if min(height, width) < smallest:
            raise UserError(
                f"{keys[0]}: {width} x {height} pixels are too small for the discriminators, which need {smallest}; leave it out, "
                "raise data.load_size, or lower method.discriminator.num_layers (or num_scales)"
            )
    return batch


def step_advice(begun: bool, divisible: bool) -> str:
    """What helps where a step has no memory.

    begun: is a step done, which ties its run folder to its configuration? divisible: may `train.accumulate` change there all the same?
    """
    smaller = "lower train.batch_size, data.load_size or data.crop_size, or set train.mixed_precision=bf16"
    if not begun:
        return f"{smaller}, or raise train.accumulate (docs/guide/high_resolution.md has more)"
    if divisible:
        return f"raise train.accumulate, or take another run_dir and {smaller} (docs/guide/high_resolution.md has more)"
    return f"take another run_dir and {smaller}, or raise train.accumulate (docs/guide/high_resolution.md has more)"


def at_once(batches: Sequence[Batch]) -> str:
    """How much a step of these takes at a time, for people."""
    count, _, height, width = batches[0].a.shape
    return f"{count} images of {width} x {height} pixels at once" + (f" ({len(batches)} times a step)" if len(batches) > 1 else "")
