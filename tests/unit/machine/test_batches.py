"""Inputs come in order and ahead of their time; a batch that finds no memory is divided, and nothing is done twice."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_style.errors import UserError
from gan_style.machine.batches import AHEAD, Batches, alike, read_ahead, result_of
from gan_style.machine.memory import OutOfMemory


def test_reading_ahead_keeps_the_order_and_passes_mistakes_on() -> None:
    others: set[int] = set()

    def read(place: int) -> int:
        others.add(threading.get_ident())
        if place == 7:
            raise UserError("broken")
        return place * place

    found = read_ahead(read, range(9))
    assert [(place, reading.result()) for place, reading in (next(found) for _ in range(7))] == [(n, n * n) for n in range(7)]
    broken = next(found)[1]
    with pytest.raises(UserError, match="broken"):
        broken.result()
    place, reading = next(found)  # a mistake of one is not the end of all
    assert (place, reading.result()) == (8, 64)
    assert threading.get_ident() not in others
    assert list(read_ahead(read, [])) == []


def test_no_more_is_read_than_may_wait() -> None:
    begun: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        found = read_ahead(begun.append, range(20), threads, 3)
        next(found)
        next(found)
    assert begun == [0, 1, 2, 3]
    assert AHEAD >= 2


def test_an_end_before_the_last_item_leaves_the_others_unread() -> None:
    begun: list[int] = []
    found = read_ahead(begun.append, range(100))
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert len(begun) <= AHEAD


class Device:
    """Doubles numbers, at most `room` at once."""

    def __init__(self, room: int) -> None:
        self.room, self.ran = room, list[int]()

    def __call__(self, batch: Sequence[int]) -> list[int]:
        if len(batch) > self.room:
            raise OutOfMemory("too many")
        self.ran.append(len(batch))
        return [2 * number for number in batch]


def test_a_batch_that_finds_no_memory_is_halved_for_good(capsys: pytest.CaptureFixture[str]) -> None:
    device = Device(room=3)
    batches = Batches(device, 8)
    assert list(batches.over(range(9))) == [(number, 2 * number) for number in range(9)]
    assert list(batches.over(range(2))) == [(0, 0), (1, 2)]
    assert device.ran == [2, 2, 2, 2, 1, 2] and batches.size == 2
    assert capsys.readouterr().err.splitlines() == [
        f"no memory for {count} images at once: going on with batches of {count // 2}" for count in (8, 4)
    ]


def test_one_item_that_finds_no_memory_is_told_and_the_others_are_done() -> None:
    def run(batch: Sequence[int]) -> list[int]:
        if 2 in batch:
            raise OutOfMemory("2 is large")
        return list(batch)

    found = dict(Batches(run, 1).over(range(4)))
    assert [found[number] for number in (0, 1, 3)] == [0, 1, 3]
    assert isinstance(found[2], OutOfMemory)
    with pytest.raises(OutOfMemory, match="2 is large"):
        result_of(found[2])


def test_a_mistake_is_that_of_every_item_of_its_batch() -> None:
    def run(batch: Sequence[int]) -> list[int]:
        raise UserError("a ribbon")

    assert [str(mistake) for _, mistake in Batches(run, 2).over(range(2))] == ["a ribbon", "a ribbon"]


def test_items_of_one_shape_make_a_group() -> None:
    words = ["a", "bb", "c", "dd", "e"]
    assert list(alike(words, len)) == [["a", "c", "e"], ["bb", "dd"]]
    seen: list[str] = []

    def asked() -> Iterator[str]:
        for word in words:
            seen.append(word)
            yield word

    groups = alike(asked(), len, lambda waiting: waiting >= 3)
    assert (next(groups), seen) == (["a", "c"], words[:3]), "three wait, and the largest group leaves"
    assert list(groups) == [["bb", "dd"], ["e"]]
