"""The micro-batches of a step: the check that images are large enough, and the advice if memory runs out."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager

import torch

from gan_style.errors import UserError
from gan_style.machine.memory import room_for
from gan_style.types import Batch

# (first step, last step + 1) -> this process's micro-batches of these steps, in order
Loader = Callable[[int, int], Generator[Batch, None, None]]


def check_size(batch: Batch, smallest: int) -> Batch:
    """Return the batch. `UserError` if a side of its images has fewer than `smallest` pixels, which no discriminator can score."""
    for domain, images in batch.images.items():
        height, width = images.shape[2:]
        key = batch.keys[domain][0]
        if min(height, width) < smallest:
            raise UserError(
                f"{key}: {width} x {height} pixels are too small for the discriminators, which need {smallest}; leave it out, "
                "raise data.load_size, or lower method.discriminator.num_layers (or num_scales)"
            )
    return batch


def step_advice(begun: bool, divisible: bool) -> str:
    """What helps if a step runs out of memory, in words.

    begun: has the run folder a finished step, which binds it to its configuration?
    divisible: may `train.accumulate` change in that folder nevertheless?
    """
    smaller = "lower train.batch_size, data.load_size or data.crop_size, or set train.mixed_precision=bf16"
    if not begun:
        return f"{smaller}, or raise train.accumulate (docs/guide/high_resolution.md has more)"
    if divisible:
        return f"raise train.accumulate, or take another run_dir and {smaller} (docs/guide/high_resolution.md has more)"
    return f"take another run_dir and {smaller}, or raise train.accumulate (docs/guide/high_resolution.md has more)"


def room_for_step(
    step: int, batches: Sequence[Batch], device: torch.device, saved: int | None, divisible: bool
) -> AbstractContextManager[None]:
    """The context of the step after `step`: running out of memory becomes a `UserError`, see `room_for`.

    saved: the step of the newest checkpoint, or None; divisible: see `step_advice`
    """
    kept = "no checkpoint is saved yet" if saved is None else f"the newest checkpoint is of step {saved}"
    lacking = f"step {step + 1}: {device.type} has no memory for {_at_once(batches)}; {kept}"
    return room_for(lacking, step_advice(step > 0, divisible))


def _at_once(batches: Sequence[Batch]) -> str:
    """The images that a step processes at once, in words."""
    count, _, height, width = next(iter(batches[0].images.values())).shape
    return f"{count} images of {width} x {height} pixels at once" + (f" ({len(batches)} times a step)" if len(batches) > 1 else "")
