"""Want of memory: told from other failures, whoever refuses it; said once what helps; what filled the memory is free again."""

import weakref

import cv2
import numpy as np
import pytest
import torch

from gan_style.errors import UserError
from gan_style.machine.memory import OutOfMemory, no_room, room_for


def refusals() -> list[Exception]:
    """Real ones, and those that need a GPU or luck, in their words."""
    found: list[Exception] = []
    pixels = np.zeros((16, 16, 3), np.uint8)
    for ask in (
        lambda: np.empty(2**60, np.uint8),
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: bytearray(2**62),
        lambda: cv2.resize(pixels, (2**21, 2**21)),
    ):
        with pytest.raises(Exception) as caught:
            ask()
        found.append(caught.value)
    return [
        *found,
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
        OSError("out of memory error when reading image file"),
        RuntimeError("could not create a primitive"),
    ]


@pytest.mark.parametrize("failure", refusals(), ids=lambda failure: f"{type(failure).__name__} {str(failure)[:30]}")
def test_every_way_of_refusing_becomes_one_line(failure: Exception) -> None:
    assert no_room(failure)
    with pytest.raises(OutOfMemory) as caught, room_for("a.png: no memory to read it", "scale it down"):
        raise failure
    assert str(caught.value) == "a.png: no memory to read it; scale it down"
    assert caught.value.__cause__ is failure, "who limits memory on purpose must see it"


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("shapes differ"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        OSError(28, "No space left on device"),
        RuntimeError("could not create a primitive descriptor for a convolution"),
        UserError("a.txt: says out of memory"),
        KeyboardInterrupt(),
    ],
)
def test_other_failures_stay_what_they_are(failure: BaseException) -> None:
    assert not no_room(failure)
    with pytest.raises(type(failure)) as caught, room_for("no memory"):
        raise failure
    assert caught.value is failure


def test_what_helps_is_said_once_by_who_knows_best() -> None:
    with pytest.raises(OutOfMemory) as caught, room_for("no memory to train", "lower train.batch_size"), room_for("a.png: no memory"):
        raise MemoryError
    assert str(caught.value) == "a.png: no memory; lower train.batch_size"
    with pytest.raises(OutOfMemory) as caught, room_for("no memory to train", "lower it"), room_for("a.png: no memory", "scale it down"):
        raise MemoryError
    assert str(caught.value) == "a.png: no memory; scale it down"


def test_what_filled_the_memory_is_free_while_the_mistake_is_told() -> None:
    class Large:
        pass

    kept: list[weakref.ref] = []

    def work() -> None:
        large = Large()
        kept.append(weakref.ref(large))
        raise MemoryError

    try:
        with room_for("no memory"):
            work()
    except OutOfMemory:
        assert kept[0]() is None
