"""Batches on the way to the device: integers become the floats that `images.to_tensor` makes, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_style.files import images
from gan_style.types import Batch, to_floats

CPU = torch.device("cpu")
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def every_value(kind: type[np.unsignedinteger]) -> np.ndarray:
    """[H, W, 4]: each value of the type once."""
    return np.random.default_rng(0).permutation(np.arange(np.iinfo(kind).max + 1, dtype=kind)).reshape(-1, 8, 4)


def batch(pictures: Tensor) -> Batch:
    count = tuple(range(len(pictures)))
    return Batch({"a": pictures}, {"a": ("x",) * len(count)}, count, count)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_integer_becomes_the_same_float_on_the_device(
    kind: type[np.unsignedinteger], layout: torch.memory_format, dtype: torch.dtype
) -> None:
    pixels = every_value(kind)
    loaded = images.to_integers(pixels)
    assert loaded.dtype == getattr(torch, kind.__name__)
    there = batch(torch.from_numpy(np.stack([loaded.numpy()] * 2))).to(CPU, dtype, layout).a
    assert there.dtype == dtype and there.is_contiguous(memory_format=layout)
    for image in there:
        assert torch.equal(image, images.to_tensor(pixels).to(dtype)), "torch.equal compares every bit but the sign of 0, which none is"


def test_floats_are_sent_as_they_are() -> None:
    pictures = torch.rand(2, 3, 4, 5) * 2 - 1
    assert to_floats(pictures) is pictures
    assert torch.equal(batch(pictures).to(CPU, torch.float32, torch.channels_last).a, pictures)


def test_the_tensor_of_a_picture_is_a_copy_that_may_be_written() -> None:
    gray = np.zeros((4, 5, 1), np.uint8)
    gray.flags.writeable = False
    tensor = images.to_integers(gray)
    tensor += 1
    assert gray.max() == 0


def test_masks_become_floats_on_the_device_and_none_costs_nothing() -> None:
    plain = batch(torch.zeros(2, 3, 4, 5, dtype=torch.uint8))
    assert plain.mask("a") is None and plain.to(CPU, torch.float32, torch.contiguous_format).masks == {}
    mask = torch.tensor([[[[0, 1]]], [[[1, 1]]]], dtype=torch.uint8)
    there = replace(plain, masks={"a": mask}).to(CPU, torch.float64, torch.channels_last)
    found = there.mask("a")
    assert found is not None and found.dtype == torch.float64 and torch.equal(found, mask.double()) and there.mask("b") is None
