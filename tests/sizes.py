"""The sizes that a discriminator states, measured: the patch behind one score, and the smallest image that has a score."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks.discriminator import AnySizeDiscriminator
from gan_style.networks.layers import normalisation

ROOM = 3  # side of the image, in receptive fields: the middle score sees no border


@contextmanager
def _without_normalisation() -> Iterator[None]:
    """Leave out the normalisations, whose statistics see the whole image."""
    with ExitStack() as stack:
        for name in ("batch_norm", "instance_norm", "group_norm", "layer_norm"):
            stack.enter_context(patch.object(F, name, lambda x, *_, **__: x))
        stack.enter_context(patch.object(normalisation, "normalise_each_image", lambda x, *_: x))
        yield


def check_the_receptive_field(network: Any) -> None:
    """The middle score depends on a square of `receptive_field` pixels. Of several scales the coarsest counts."""
    stated = network.receptive_field
    x = torch.rand(2, 3, ROOM * stated, ROOM * stated, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with _without_normalisation():
        scores = _maps(network.double().eval()(x))[-1]
    scores[:, :, scores.shape[2] // 2, scores.shape[3] // 2].sum().backward()
    assert x.grad is not None
    seen = torch.nonzero(x.grad.abs().sum(dim=(0, 1)))
    sides = (seen.amax(0) - seen.amin(0) + 1).tolist()
    assert sides == [stated, stated], f"receptive_field is {stated}, but a score depends on {sides[0]} x {sides[1]} pixels"


def check_the_smallest_size(network: nn.Module) -> None:
    """An image of `minimum_size` has a score; one pixel less, and the layers themselves have none to give."""
    network.eval()
    size = int(network.minimum_size)  # type: ignore[arg-type]
    for height, width in ((size, size), (size, size + 5), (size + 5, size)):
        assert all(scores.numel() for scores in _maps(network(torch.rand(1, 3, height, width)))), f"no score of {width} x {height} pixels"
    if size == 1:
        return
    for part in network.modules():
        if isinstance(part, AnySizeDiscriminator):
            part.minimum_size = 1  # its own refusal does not count
    try:
        scored = all(scores.numel() for scores in _maps(network(torch.rand(1, 3, size - 1, size))))
    except Exception:
        return
    assert not scored, f"minimum_size is {size}, but an image of {size} x {size - 1} pixels has a score"


def _maps(scores: Any) -> list[Tensor]:
    return [scores] if isinstance(scores, Tensor) else list(scores)
